# Two commands matter: `make book` builds the book, `make test` tests it. Each sets up what it needs.
# Settings (README, "Settings"): TXTRAY_QUICK=1, TXTRAY_SOURCE, TXTRAY_DATA. PYTHON names the Python to build with.

PYTHON ?= $(or $(shell command -v python3.11),python3)
BIN := .venv/bin
ENV := .venv/.made
BUILD := _build
# What `make benchmarks` runs.
MEASURED := cohort linkage_bench radiograph renderers report_labeller retrieval_bench
PIP := pip==26.3  # the pip of an older Python's venv takes minutes to choose versions
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help book test lint environment data development executed execute results benchmarks experiments real strip linkcheck clean
.DELETE_ON_ERROR:

help:             ## say what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ -/' | sort

book: execute     ## build the book as HTML in _build/html; any warning or failing cell fails
	rm -rf $(BUILD)/.doctrees
	$(BIN)/jupyter-book build . --all -W -n --keep-going
	$(BIN)/python tools/check_leaks.py
	@echo "The book: $(BUILD)/html/index.html"

test: lint data   ## run every test and every notebook
	$(BIN)/python -m pytest
	$(MAKE) --no-print-directory execute

lint: $(ENV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check src tests benchmarks tools
	$(BIN)/python tools/check_leaks.py

environment: $(ENV)  ## make .venv with the pinned packages

$(ENV): requirements.txt requirements-dev.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=..."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -r requirements.txt -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

data: $(ENV)      ## make the virtual hospital (once: a finished cohort is left as it is)
	$(BIN)/python -m virtual_hospital

development: $(ENV)  ## lay the packed sets of real films that FROM=folder holds under the data folder
	PYTHONPATH=. $(BIN)/python tests/development.py $(FROM)

executed: data    # every notebook once, under nbmake, into the cache that the book is built from
	$(BIN)/python tools/execute.py

execute: executed # the same, and its numbers held against the committed ones
	$(BIN)/python tools/check_results.py

results: executed ## carry the numbers of the executed notebooks into book/results, to be read and committed
	$(BIN)/python tools/check_results.py --write

benchmarks: data  ## run the longer measurements; their numbers go straight into book/results
	for one in $(MEASURED); do TXTRAY_RESULTS=book/results $(BIN)/python benchmarks/$$one.py || exit 1; done

experiments: data ## train and score every recipe, then every writer (about an hour; real films too, where covid lies in the data folder)
	TXTRAY_RESULTS=book/results $(BIN)/python benchmarks/alignment.py
	TXTRAY_RESULTS=book/results $(BIN)/python benchmarks/generation.py

real: data        ## the same on real films: wants `data/download.sh openi`, and some six hours of one core; goes on where it stopped
	TXTRAY_RESULTS=book/results $(BIN)/python benchmarks/real.py
	TXTRAY_RESULTS=book/results $(BIN)/python benchmarks/generation.py --real

strip: $(ENV)     ## take the outputs out of the notebooks
	$(BIN)/nbstripout book/*.ipynb

linkcheck: execute  ## check the links that leave the book (weekly in CI; needs the internet)
	$(BIN)/jupyter-book build . --builder linkcheck --path-output $(BUILD)/linkcheck

clean:            ## remove what was built; the environment and the data stay
	rm -rf $(BUILD) .executed
