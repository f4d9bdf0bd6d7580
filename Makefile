# PYTHON=... names the Python to make the environment with; else python3, or the newest that the project supports.
SUPPORTED = import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
ifndef PYTHON
PYTHON := $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c '$(SUPPORTED)' 2>/dev/null && echo $$python && break; done)
endif
# An index of torch builds, where the default one does not suit the machine (see docs/install.md).
TORCH_INDEX ?=
CORES ?= all
BIN := .venv/bin
STAMP := .venv/installed
DEVELOPED := .venv/installed-dev
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(TORCH_INDEX),--extra-index-url "$(TORCH_INDEX)") \
	--constraint constraints.txt --editable
export OMP_NUM_THREADS ?= 1

# Where `make remote` has DVC keep results: a folder, or a URL such as s3://bucket/path.
REMOTE ?= ../$(notdir $(CURDIR))-remote
STUDY ?= config.yaml

.PHONY: demo remote quotes environment development test test-slow lint lock clean

demo: environment
	@$(BIN)/snakemake --cores $(CORES); status=$$?; $(BIN)/priming made --study config.yaml; exit $$status

# Turn this clone into the repository of a study, whose results others can pull (see docs/sharing.md).
remote: environment
	@$(BIN)/priming share --remote "$(REMOTE)" "$(STUDY)"

# Write the tables that README and docs quote anew, from the results kept under docs/quoted/.
quotes: environment
	@$(BIN)/priming quotes write

environment: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@"$(or $(PYTHON),none)" -c '$(SUPPORTED)' 2>/dev/null || { echo "error: the project needs Python 3.11 or later, with its modules venv and ensurepip;" \
		"here $(or $(PYTHON),python3) is $$($(or $(PYTHON),python3) --version 2>/dev/null || echo not there). Install one" \
		"(Debian, Ubuntu: apt install python3 python3-venv) or name one: make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Making the environment in .venv with $$($(PYTHON) --version); this takes some minutes the first time."
	@test -x $(BIN)/python || "$(PYTHON)" -m venv .venv
	@$(INSTALL) .
	@touch $@

# What tests and checks need beside it. Runs start faster without: transformers imports some of it when it is there.
development: $(DEVELOPED)

$(DEVELOPED): $(STAMP)
	@$(INSTALL) '.[dev,slurm]'
	@touch $@

test: development
	$(BIN)/python -m pytest -m "not slow" -n 2 $(TESTS)

test-slow: development
	$(BIN)/python -m pytest -m slow $(TESTS)

lint: development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

# Resolve every extra anew, in an environment of its own, and write the versions down.
lock:
	"$(PYTHON)" -m venv build/lock
	build/lock/bin/python -m pip install --quiet --upgrade '.[dev,s3,slurm]'
	{ grep '^#' constraints.txt; build/lock/bin/python -m pip freeze --exclude priming | sed 's/+[^ ]*$$//'; } > build/constraints.txt
	mv build/constraints.txt constraints.txt
	rm -rf build/lock

clean:
	rm -rf results work logs report.html build .pytest_cache .ruff_cache .mypy_cache .snakemake
