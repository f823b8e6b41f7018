# PYTHON is the interpreter that .venv is made from; unset, the first of python3, python3.13 ... python3.10
# that is new enough.
PYTHON ?=
SOURCE ?= auto_loader
PORT ?= 9092
export PYTHON

BIN := .venv/bin
STAMP := .venv/.installed
BENCHMARKS = $(filter-out _%,$(basename $(notdir $(wildcard benchmarks/*.py))))

.PHONY: help setup prerequisites jars jars-s3 jars-broker jars-store demo test check style unit docs kafka-up kafka-down s3-up s3-down bench bench-scaling lock clean
.DEFAULT_GOAL := help

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

setup: jars ## make .venv, install everything into it, download the jars of Spark
	@echo "Ready: $(BIN)/livetables --help"

prerequisites:
	@sh dev/prerequisites.sh >/dev/null

# pip is the last thing that venv writes: a half-made .venv is made again.
$(BIN)/pip: | prerequisites
	@python=$$(sh dev/prerequisites.sh) && echo "Making .venv with $$python" && "$$python" -m venv .venv

$(STAMP): requirements.lock pyproject.toml | $(BIN)/pip
	@echo "Installing requirements.lock into .venv"
	@$(BIN)/python -m pip install --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install --disable-pip-version-check --no-deps \
		--config-settings editable_mode=compat -e .
	@touch $@

jars: $(STAMP) | prerequisites
	@$(BIN)/python -m livetables.jars >/dev/null

jars-s3: $(STAMP) | prerequisites ## download what s3:// paths need
	@$(BIN)/python -m livetables.jars s3 >/dev/null

# Only what starts a server downloads its jars, at its first use.
jars-broker jars-store: jars-%: $(STAMP) | prerequisites
	@$(BIN)/python -m livetables.jars $* >/dev/null

demo: jars $(if $(filter kafka,$(SOURCE)),jars-broker) ## run the sensor pipeline; SOURCE=auto_loader or kafka
	@$(BIN)/python -m dev.demo --source $(SOURCE)

test: unit jars-s3 jars-broker jars-store ## all tests; the first time downloads the servers that they start (60 MB)
	$(BIN)/python -m pytest --ignore=tests/unit --ignore=tests/rules

check: style unit ## style, types, imports, and the tests that need no Java

style: jars
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict livetables loadgen
	$(BIN)/lint-imports

unit: jars
	$(BIN)/python -m pytest tests/unit tests/rules

docs: $(STAMP) ## write docs/differences.md and the tables of docs/auto-loader.md from the code
	$(BIN)/python -m dev.docs.differences
	$(BIN)/python -m dev.docs.auto_loader

kafka-up: jars-broker ## start a Kafka broker on 127.0.0.1; PORT=9092; the first time downloads it (45 MB)
	@$(BIN)/python -m dev.servers.kafka up --port $(PORT)

kafka-down: ## stop it
	@$(BIN)/python -m dev.servers.kafka down

s3-up: PORT = 9000
s3-up: jars-s3 jars-store ## start an S3 server on 127.0.0.1; PORT=9000; the first time downloads it (15 MB)
	@$(BIN)/python -m dev.servers.s3 up --port $(PORT)

s3-down: ## stop it
	@$(BIN)/python -m dev.servers.s3 down

bench: jars jars-broker ## all benchmarks
	@set -e; for name in $(BENCHMARKS); do echo "== $$name"; $(BIN)/python -m benchmarks.$$name; done

bench-scaling: jars jars-broker ## a load in phases through Kafka and the sensor pipeline, with a picture; FULL=1: in real time
	@$(BIN)/python -m dev.scaling $(if $(FULL),--full)

lock: ## write requirements.lock again from pyproject.toml
	@set -e; python=$$(sh dev/prerequisites.sh); tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; \
	"$$python" -m venv "$$tmp"; "$$tmp/bin/pip" install --quiet --disable-pip-version-check uv; \
	"$$tmp/bin/uv" pip compile --upgrade --universal --python-version 3.10 --extra dev --no-header \
		--no-emit-index-url --quiet --output-file requirements.lock pyproject.toml

clean: ## remove what runs, builds and checks left behind; keeps .venv and the downloaded jars
	@[ ! -e .livetables/kafka/server.json ] || $(BIN)/python -m dev.servers.kafka down
	@[ ! -e .livetables/s3/server.json ] || $(BIN)/python -m dev.servers.s3 down
	rm -rf .livetables spark-warehouse metastore_db derby.log build dist *.egg-info \
		.pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
