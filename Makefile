SHELL := /bin/sh
PYTHON := .venv/bin/python
# One thread a process: two torch threads collapse as soon as anything else runs.
export OMP_NUM_THREADS := 1
PROFILE ?= default
JOBS ?= 2
RUN_DIR ?= runs/$(PROFILE)

.DEFAULT_GOAL := help
.PHONY: help setup run test lint unit nbval audit lab book refresh clean

help:  ## show the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

setup: .venv/.stamp  ## make .venv and install the locked versions (only when they changed)

.venv/.stamp: requirements.lock pyproject.toml
	@set -e; \
	base=""; for c in python3.13 python3.12 python3.11 python3; do \
	  if $$c -c 'import sys; sys.exit(not (3, 11, 5) <= sys.version_info[:3] < (3, 14))' 2>/dev/null; then base=$$c; break; fi; done; \
	if [ -z "$$base" ]; then echo "No Python from 3.11.5 to 3.13 found (tried python3.13, python3.12, python3.11, python3): install one and run make again"; exit 1; fi; \
	test -x $(PYTHON) || $$base -m venv .venv
	$(PYTHON) -m pip install -r requirements.lock
	$(PYTHON) -m pip install --no-deps -e .
	@touch $@

run: setup  ## forecasts, replenishment plan and HTML book (PROFILE=default)
	$(PYTHON) -m salesforecast_lib.pipeline.cli run --profile $(PROFILE) --run-dir $(RUN_DIR) --jobs $(JOBS)

test: lint unit nbval  ## every test: style, unit, notebooks, book, nbval

lint: setup
	$(PYTHON) -m ruff check salesforecast_lib notebooks tests book/_ext
	.venv/bin/lint-imports --no-logo --no-cache

unit: setup
	$(PYTHON) -m pytest -n 2 --dist loadscope --no-loadscope-reorder

nbval: setup
	$(PYTHON) -m salesforecast_lib.pipeline.nbval

audit:  ## hold the locked versions against known vulnerabilities (needs pip-audit and the network)
	@command -v pip-audit >/dev/null || { echo "pip-audit is not installed; install it apart from this project, for example with: pipx install pip-audit"; exit 1; }
	pip-audit --requirement requirements.lock --no-deps --disable-pip

lab: setup  ## open the notebooks in JupyterLab
	$(PYTHON) -m jupyter lab notebooks

book: setup  ## build the HTML book from the committed notebooks
	$(PYTHON) -m salesforecast_lib.pipeline.cli book

refresh: setup  ## execute the sources and store the published notebooks and reference numbers
	$(PYTHON) -m salesforecast_lib.pipeline.cli refresh

clean:  ## remove caches and built pages; keeps .venv and runs
	rm -rf _build .pytest_cache .ruff_cache .mypy_cache .hypothesis build *.egg-info
