# make run    the main job on a demonstration network: discover, check, judge, show
# make test   everything that must pass: lint, types, import contracts, tests
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The tests wait for devices more than they compute, so there are two workers for each core.
WORKERS ?= $(shell echo $$((2 * $$(nproc))))
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test check format install install-dev packages lock bench clean

run: install
	@$(BIN)/probe demo $(ARGS)

test: install-dev packages check
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

check: install-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/probe catalogue lint

format: install-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

install: $(VENV)/run.stamp
install-dev: $(VENV)/dev.stamp

# The lock holds hashes of every file, the build backend's too, so no step takes anything unchecked.
$(VENV)/run.stamp: requirements/run.txt pyproject.toml | $(VENV)/pip.stamp
	$(BIN)/pip install --quiet --require-hashes -r requirements/run.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt pyproject.toml | $(VENV)/pip.stamp
	$(BIN)/pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/run.stamp

$(VENV)/pip.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name it with PYTHON=..." >&2; exit 4; }
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "The venv module is missing: apt-get install python3-venv" >&2; exit 4; }
	@touch $@

# The daemons of the test laboratory. Without root the tests that need a missing one are skipped visibly.
packages:
	@bash tests/packages.sh

lock: $(VENV)/pip.stamp
	$(BIN)/pip install --quiet pip-tools
	$(BIN)/pip-compile --quiet $(LOCK) --extra build -o requirements/run.txt pyproject.toml
	$(BIN)/pip-compile --quiet $(LOCK) --extra build --extra dev -o requirements/dev.txt pyproject.toml
LOCK := --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
  --strip-extras --allow-unsafe --no-header

bench: install-dev packages
	@for each in tests/benchmarks/bench_*.py; do echo "== $$each"; $(BIN)/python $$each || exit; done

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
