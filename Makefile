# Two commands do everything: `make demo` shows Danlu at work, `make test` passes the tests.
# Both make .venv on first use, with the versions of requirements/lock.txt.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SHORT := build/demo-short

.PHONY: demo test check format demo-short benchmark clean

demo: $(STAMP)
	$(BIN)/python examples/style_transfer.py

test: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: $(STAMP)
	BIN=$(BIN) scripts/check

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# the demo with 4 small pictures a study; then a look at what it left
demo-short: $(STAMP)
	rm -rf $(SHORT)
	$(BIN)/python examples/style_transfer.py --trials 4 --size 64 --steps 4 --folder $(SHORT)
	$(BIN)/python scripts/inspect_demo.py $(SHORT) --trials 4

benchmark: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/benchmark.txt
	$(BIN)/python benchmarks/overhead.py

$(STAMP): pyproject.toml requirements/lock.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Danlu needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || { echo "Python's venv is missing. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV); the first time this takes a few minutes"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/lock.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $(STAMP)

clean:
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
