# Quarterdeck's one task runner. `make help` lists the tasks.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# A certificate store that the machine names for pip serves uv too.
export SSL_CERT_FILE ?= $(or $(PIP_CERT),$(wildcard /etc/ssl/certs/ca-certificates.crt))
STAMP := $(VENV)/.installed
SPARK := .venv-spark
SPARK_STAMP := $(SPARK)/.installed

.PHONY: help setup run test exam bench engines exam-containers lint ui serve release dist audit lock format clean

help: ## List the tasks
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

setup: $(STAMP) ## Make .venv from the lock file

$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Quarterdeck needs Python 3.11 as '$(PYTHON)'; or say where: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $(STAMP)

run: $(STAMP) ## Run the whole job for the current quarter (Kaggle, or the sample where it cannot be reached)
	@$(BIN)/quarterdeck run $(ARGS)

test: $(STAMP) ## Run all tests
	@$(BIN)/pytest --numprocesses 2 --dist loadscope $(ARGS)

exam: $(STAMP) ## Take the long exams, an hour: faults, fuzzing, two at once, backups of work, kills (docs/exams.md)
	@$(BIN)/quarterdeck faults
	@FUZZ_EXAMPLES=2000 $(BIN)/pytest tests/faults/test_fuzz.py
	@$(BIN)/pytest -m exam -s
	@$(BIN)/python -m tests.chaos

bench: $(STAMP) ## Measure speed: ROWS=10_000_000, MEASURE=whole|quarters|rerun|startup|typing|attendance|rows|page
	@$(BIN)/python -m tests.benchmark $(or $(MEASURE),whole) $(if $(ROWS),--rows $(ROWS)) $(if $(HAND_WRITTEN),--hand-written)

engines: $(STAMP) $(SPARK_STAMP) ## Run the job on Postgres and on a Spark cluster, compare every row, kill a worker
	@$(BIN)/python -m tests.engines $(ARGS)

$(SPARK_STAMP): tests/engines/requirements.lock
	@test -x $(SPARK)/bin/python || $(PYTHON) -m venv $(SPARK)
	$(BIN)/uv pip sync --quiet --python $(SPARK)/bin/python --require-hashes tests/engines/requirements.lock
	@touch $(SPARK_STAMP)

exam-containers: dist ## A whole quarter through containers, each killed in its middle; needs podman or Docker
	@$(BIN)/python -m tests.containers $(ARGS)

lint: $(STAMP) ## Check style, types, imports, SQL and YAML
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/yamllint --strict .
	$(BIN)/sqlfluff lint dbt_project/models dbt_project/tests

format: $(STAMP) ## Put the code into its one style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

ui: $(STAMP) ## Start the Dagster UI on loopback
	@$(BIN)/quarterdeck ui $(ARGS)

serve: $(STAMP) ## Serve pages, data docs and downloads on loopback
	@$(BIN)/quarterdeck serve $(ARGS)

release: $(STAMP) ## Build a release in dist/ and prove it: install it alone, run the whole job from it
	@.ci/release

dist: $(STAMP) ## Only build sdist and wheel in dist/
	@.ci/release build

audit: $(STAMP) ## Look for known vulnerabilities in what an installation gets
	@.ci/audit

lock: ## Renew requirements.lock from pyproject.toml, that of an installation, and those of the Spark and the release environment
	$(BIN)/uv pip compile --quiet --python $(BIN)/python --all-extras --generate-hashes --no-header --upgrade \
		--output-file requirements.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --python $(BIN)/python --extra kubernetes --extra vault --no-strip-extras --generate-hashes \
		--no-header --constraint requirements.lock --output-file deploy/requirements.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --python $(BIN)/python --generate-hashes --no-header --upgrade \
		--output-file tests/engines/requirements.lock tests/engines/requirements.in
	$(BIN)/uv pip compile --quiet --python $(BIN)/python --generate-hashes --no-header --upgrade \
		--output-file .ci/release.lock .ci/release.in

clean: ## Delete the environment, caches and all state of runs
	rm -rf $(VENV) $(SPARK) .quarterdeck dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
