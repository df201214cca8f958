# Every way to use and work on Grimoire. Needs Python 3.11 or newer and make; brings everything else itself.
#
#   make run     install, bring up the demo company, run the whole road, serve the Grimoires and the Dagster UI
#   make test    install and run every test
#   make check   formatting, lint, types, import contract
#   make bench   the benchmarks, each against its peer; results in bench/results/
#   make clean   remove the environment and every piece of state (asks first)

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& command -v $$p && break; done)
UV = $(shell command -v uv 2>/dev/null || echo .venv/bin/uv)
BIN = .venv/bin
STAMP = .venv/.installed
BENCHMARKS = $(filter-out harness table pictures,$(basename $(notdir $(wildcard bench/*.py))))

export UV_PROJECT_ENVIRONMENT = .venv
export UV_PYTHON_DOWNLOADS = never
export UV_COMPILE_BYTECODE = 1

.PHONY: setup run test check bench clean format

setup: $(STAMP)

$(STAMP): pyproject.toml uv.lock
	@test -n "$(PYTHON)" || { echo "Grimoire needs Python 3.11, 3.12 or 3.13: install one, or say make PYTHON=/path/to/python3."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "Python's venv module is missing: install it (Debian: apt install python3-venv)."; exit 1; }
	@command -v $(UV) >/dev/null 2>&1 || { echo "Installing uv into .venv …"; $(BIN)/python -m pip install --quiet --disable-pip-version-check uv; }
	$(UV) sync --frozen --python $(BIN)/python
	@touch $(STAMP)

run: setup
	@$(BIN)/grimoire up

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup
	@for b in $(BENCHMARKS); do $(BIN)/python -m bench.$$b || exit 1; done

clean:
	@if [ -x $(BIN)/grimoire ]; then $(BIN)/grimoire reset; fi
	rm -rf .venv
