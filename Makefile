# `make` lists the targets. Needs only Python 3.11 or later, make and git; nothing has to be activated.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

FAST_TESTS := tests/unit/core tests/unit/config tests/unit/cli tests/unit/telemetry tests/unit/dashboards tests/laws tests/architecture
SLOW_TESTS := tests/unit/services tests/unit/connectors tests/unit/demo tests/simulation tests/oracles tests/contracts tests/alerts tests/dashboards tests/validators tests/deployment
WHOLE_TESTS := tests/integration tests/acceptance
PYTEST := $(BIN)/python -m pytest
COMPILE := $(BIN)/uv --quiet pip compile --universal --python-version 3.11 --upgrade --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

.PHONY: venv
venv: $(STAMP) ## install the locked dependencies into .venv

.PHONY: demo
demo: $(STAMP) ## run the whole system on real flights data, without Kafka
	@$(BIN)/stream-monitor demo

.PHONY: test
test: check ## everything: check, then oracles, contracts, a real Kafka and the installed command
	@echo "== services, oracles and contracts"
	@$(PYTEST) -n 2 $(SLOW_TESTS)
	@echo "== real broker and installed command"
	@$(PYTEST) $(WHOLE_TESTS)

.PHONY: simulate
simulate: $(STAMP) ## run seeds of the simulation: SEEDS=2000 FROM=500; SEEDS=1 shows all that happens
	@$(BIN)/python -m tests.simulation --from $(or $(FROM),0) --seeds $(or $(SEEDS),500)

.PHONY: check
check: $(STAMP) ## format, lint, types, layers and the fast tests
	@echo "== format"
	@$(BIN)/ruff format --check --quiet --output-format concise .
	@echo "== lint"
	@$(BIN)/ruff check --quiet --output-format concise .
	@echo "== types"
	@$(BIN)/mypy --strict --no-error-summary stream_monitor benchmarks
	@echo "== layers"
	@$(BIN)/lint-imports > $(VENV)/layers.log || { cat $(VENV)/layers.log; exit 1; }
	@echo "== fast tests"
	@$(PYTEST) -n 2 --doctest-modules stream_monitor/core $(FAST_TESTS)

.PHONY: bench
bench: $(STAMP) ## measure throughput on this machine
	@$(BIN)/python -m benchmarks

.PHONY: bench-join
bench-join: $(STAMP) ## the join of up to 50 million waiting predictions (7 GB of memory and disk)
	@$(BIN)/python -m benchmarks.pending_join

.PHONY: rules
rules: $(STAMP) ## write the alert rules of config/
	@$(BIN)/stream-monitor rules --config config/monitor.yaml --out config/prometheus/alerting_rules.yml

.PHONY: soak
soak: $(STAMP) ## kill and freeze everything on a real Kafka, then live traffic (an hour)
	@$(BIN)/python -m benchmarks.soak

.PHONY: format
format: $(STAMP) ## format the code and apply the safe fixes
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

.PHONY: lock
lock: $(VENV)/bin/python ## resolve pyproject.toml, and the tests' tools, anew into their lock files
	@$(PIP) install uv
	@$(COMPILE) pyproject.toml --extra dev --output-file requirements.lock > /dev/null
	@$(COMPILE) tests/tools/checkers.in --output-file tests/tools/checkers.lock > /dev/null
	@$(COMPILE) tests/tools/helm.in --no-deps --output-file tests/tools/helm.lock > /dev/null
	@! grep -n '://' requirements.lock tests/tools/*.lock || { echo "a lock file holds an address"; exit 1; }

.PHONY: chart
chart: $(STAMP) ## write what the Helm chart packages: dashboards, and the alert rules that know no model
	@rm -rf helm/stream-monitor/files && mkdir -p helm/stream-monitor/files/dashboards
	@$(BIN)/stream-monitor rules --out helm/stream-monitor/files/alerting_rules.yml
	@cp config/grafana/dashboards/*.json helm/stream-monitor/files/dashboards

.PHONY: dashboards
dashboards: $(STAMP) ## write the Grafana dashboards anew from stream_monitor/dashboards
	@$(BIN)/python -m stream_monitor.dashboards config/grafana/dashboards

.PHONY: clean
clean: ## remove the environment and everything that was built
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find stream_monitor tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV)

$(STAMP): requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "== installing into $(VENV)"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps -e .
	@touch $@
