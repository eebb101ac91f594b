# Everything lives in .venv; nothing needs root or a compiler.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
SOURCES := pyproject.toml constraints.txt

.PHONY: demo test lint bench clean

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# torch first: a range would take a build with gigabytes of CUDA libraries where the pinned one is at hand
$(VENV)/.torch: $(VENV)/bin/python constraints.txt
	$(PIP) torch
	@touch $@

$(VENV)/.run: $(VENV)/.torch $(SOURCES)
	$(PIP) --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.torch $(SOURCES)
	$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/.run

demo: $(VENV)/.run
	$(BIN)/python scripts/fit_image.py

test: $(VENV)/.test
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest --numprocesses auto --dist worksteal
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report --fail-under=90 --skip-covered

lint: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	! $(BIN)/mypy tests/support/type_canary.py >/dev/null

bench: $(VENV)/.run
	$(BIN)/nfield bench image

clean:
	rm -rf $(VENV) runs build dist *.egg-info
