-- A pipeline as the platform's tutorials have it: a notebook, with variables in and out of quotes.
-- Databricks notebook source
-- MAGIC %md
-- MAGIC ## Bronze: ${not.filled.in.a.comment}
-- COMMAND ----------
SET pipelines.trigger.interval = 10 seconds
-- COMMAND ----------
CREATE OR REFRESH ${kind} TABLE bronze_${region}
COMMENT 'Readings of ${region}'
TBLPROPERTIES ('quality' = 'bronze', 'region' = "${region}", 'pipelines.reset.allowed' = false)
AS SELECT *, '${region}' AS region, "${ region }" AS again, `a`.`${region}`, '${quote}' -- not ${this}
FROM STREAM read_files('${sensors.path}/${region}', format => 'json') LIMIT ${limit}
-- COMMAND ----------
SET threshold = 30;
SET startDate = '2026-01-01';
CREATE OR REFRESH STREAMING TABLE silver (
  CONSTRAINT `is warm` EXPECT (value > ${threshold}) ON VIOLATION DROP ROW,
  CONSTRAINT known EXPECT (device_id IS NOT NULL) ON VIOLATION FAIL UPDATE,
  CONSTRAINT recent EXPECT (day > ${startDate})
)
PARTITIONED BY (day)
AS SELECT * FROM STREAM(LIVE.bronze_eu) WHERE day > ${startDate};
CREATE OR REFRESH MATERIALIZED VIEW main.${region}.gold CLUSTER BY (day)
AS SELECT day, max(value) FROM silver GROUP BY day;
