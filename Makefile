# One target per chore. A fresh checkout needs nothing but Python 3.11, 3.12 or 3.13.

VENV   := .venv
PY     := $(VENV)/bin/python
# The first interpreter that runs and is young enough and old enough; `make PYTHON=… test` overrides it.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$p && break; \
	done)
PYTEST_ARGS ?= -n auto --dist worksteal

.PHONY: help sheets test test-slow lint types format bench mutants clean distclean

help:
	@echo 'make sheets   build the worked sheets into build/sheets/ (HTML, LaTeX, PDF, text)'
	@echo 'make test     run the tests, a few minutes'
	@echo 'make test-slow  the rest of them: every cell in every sweep, compilers, documents, browsers'
	@echo 'make lint     ruff check'
	@echo 'make types    mypy'
	@echo 'make format   ruff format'
	@echo 'make bench    run the benchmarks'
	@echo 'make mutants  run the checker over the whole bank of planted mistakes'
	@echo 'make clean    remove what was built; distclean removes the environment too'

# Two stamps: the sheets need the package alone, the other chores its tools as well.
$(PY):
	@test -n '$(PYTHON)' || { echo 'symrnn needs Python 3.11, 3.12 or 3.13; none was found on PATH.' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo 'The environment could not be made. On Debian: apt-get install python3-venv' >&2; exit 1; }

$(VENV)/.package: pyproject.toml | $(PY)
	$(PY) -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.tools: pyproject.toml | $(PY)
	$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.package

sheets: $(VENV)/.package
	$(PY) -m symrnn sheet --all -o build/sheets

test: $(VENV)/.tools
	$(PY) -m pytest $(PYTEST_ARGS) -m 'not slow and not bank'

test-slow: $(VENV)/.tools
	$(PY) -m pytest $(PYTEST_ARGS) -m 'slow and not bank'

lint: $(VENV)/.tools
	$(PY) -m ruff check .

types: $(VENV)/.tools
	$(PY) -m mypy

format: $(VENV)/.tools
	$(PY) -m ruff format .

bench: $(VENV)/.tools
	@set -e; for script in benchmarks/bench_*.py; do echo "== $$script"; $(PY) "$$script"; done

mutants: $(VENV)/.tools
	$(PY) -m pytest $(PYTEST_ARGS) -m bank

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find symrnn tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

distclean: clean
	rm -rf $(VENV)
