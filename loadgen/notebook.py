# Databricks notebook source
# ruff: noqa: E501, ERA001 (cells of text)
# MAGIC %md
# MAGIC # Load in phases
# MAGIC Sends the streams of a load shape by Spark into tables of the catalog: a streaming query for each. See docs/load-generator.md.

# COMMAND ----------

# MAGIC %pip install --quiet pyyaml rich deltalake matplotlib

# COMMAND ----------

import sys
from pathlib import Path

sys.path.append(str(Path.cwd().parent))  # the folder that loadgen is in

from loadgen.load import Load
from loadgen.options import RunOptions
from loadgen.phases.preview import show_phases
from loadgen.plan import plan_of

test_scaling_logic = show_phases  # its name in the description of the benchmark

dbutils.widgets.text("phases", "scaling")  # type: ignore[name-defined]
dbutils.widgets.text("target", "tables")  # type: ignore[name-defined]
dbutils.widgets.text("speed", "1x")  # type: ignore[name-defined]
dbutils.widgets.dropdown("test_mode", "true", ["true", "false"])  # type: ignore[name-defined]
dbutils.widgets.text("checkpoint_path", "/tmp/dlt_checkpoints")  # type: ignore[name-defined]  # noqa: S108 (of the cluster's file system)
dbutils.widgets.text("report", "/tmp/load")  # type: ignore[name-defined]  # noqa: S108 (of the driver)
names = ("phases", "target", "speed", "test_mode", "checkpoint_path", "report")
given = {name: dbutils.widgets.get(name) for name in names}  # type: ignore[name-defined]

# COMMAND ----------

options = RunOptions(
    phases=Path(given["phases"]),
    target=given["target"],
    engine="spark",
    speed=given["speed"],
    test_mode=given["test_mode"] == "true",
    checkpoint_path=given["checkpoint_path"],
    report=Path(given["report"]),
)
plan = plan_of(options)
test_scaling_logic(plan.shape)  # what will be sent; nothing is yet

# COMMAND ----------

load = Load(plan)
load.start()
# In a notebook, these can be called while it runs: load.check_stream_status(), load.stop_all_streams()
load.wait()

# COMMAND ----------

load.analyze_data()
if load.failure():
    raise RuntimeError(load.failure())
