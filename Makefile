# PYTHON=... is the Python for the environment; default: python3, or the newest that the project supports.
SUPPORTED = import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
ifndef PYTHON
PYTHON := $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c '$(SUPPORTED)' 2>/dev/null && echo $$python && break; done)
endif
# An index of torch builds, if the default one does not suit the machine (see docs/install.md).
TORCH_INDEX ?=
CORES ?= all
BIN := .venv/bin
STAMP := .venv/installed
DEVELOPED := .venv/installed-dev
DOCUMENTED := .venv/installed-docs
# Files are compiled when they are first imported, which few of torch's and transformers' are.
INSTALL = $(BIN)/python -m pip install --no-compile --quiet --disable-pip-version-check $(if $(TORCH_INDEX),--extra-index-url "$(TORCH_INDEX)") \
	--constraint constraints.txt --editable
export OMP_NUM_THREADS ?= 1
# Bytecode is kept even where an image turns it off: each job would compile the libraries again (15 s).
unexport PYTHONDONTWRITEBYTECODE

# The DVC remote for `make remote`: a folder, or a URL such as s3://bucket/path.
REMOTE ?= ../$(notdir $(CURDIR))-remote
STUDY ?= config.yaml

.PHONY: demo remote quotes bench environment development test test-slow faults soak lint docs linkcheck rulegraph lock clean

demo: environment
	@$(BIN)/priming run config.yaml -- --cores $(CORES); status=$$?; $(BIN)/priming outputs --study config.yaml; exit $$status

# Turn this clone into the repository of a study whose results others can pull (see docs/sharing.md).
remote: environment
	@$(BIN)/priming share --remote "$(REMOTE)" "$(STUDY)"

# Update the tables quoted in README and docs from the results stored under docs/quoted/.
quotes: environment
	@$(BIN)/priming quotes write

# Run the benchmarks one after the other, at sizes that take at most 20 minutes on two cores; what they measure is
# written to a folder named after the GPU or processor (see benchmarks/README.md). demo.py, gpu.py and coverage.py are
# run alone.
BENCHMARKS ?= sweep evaluation mtl meta generation primings growth roofline workflow ranking choices ner
OPTIONS_sweep := --runs 8 --repeats 1
OPTIONS_evaluation := --tasks 3 --repeats 2
OPTIONS_mtl := --repeats 2
OPTIONS_meta := --steps 2 --repeats 3
OPTIONS_generation := --repeats 2
OPTIONS_primings := --steps 100 --repeats 1
OPTIONS_growth := --steps 2 --repeats 2
OPTIONS_roofline = --repeats 3 --figure "$$folder/roofline.svg"
OPTIONS_workflow := --repeats 1
OPTIONS_ranking := --labels 20 --dev 100 --test 300 --sample 5
OPTIONS_choices := --rows 150
OPTIONS_ner := --sentences 320 --development 40 --epochs 3

bench: environment
	@folder="benchmarks/results/$$($(BIN)/python benchmarks/report.py)" && status=0; \
	$(foreach name,$(BENCHMARKS),echo "== $(name)"; \
	$(BIN)/python benchmarks/$(name).py $(OPTIONS_$(name)) --json "$$folder/$(name).json" || status=1;) \
	exit $$status

environment: $(STAMP)

# The extras to install, and what was asked for, where a target calls for the environment of another.
EXTRAS ?=
GOALS ?= $(MAKECMDGOALS)

$(STAMP): pyproject.toml constraints.txt
	@"$(or $(PYTHON),none)" -c '$(SUPPORTED)' 2>/dev/null || { \
		echo "error: this project needs Python 3.11 or later with the modules venv and ensurepip;" \
		"here $(or $(PYTHON),python3) is $$($(or $(PYTHON),python3) --version 2>/dev/null || echo missing). Install one" \
		"(Debian, Ubuntu: apt install python3 python3-venv)" \
		"or give one: make PYTHON=/path/to/python3 $(GOALS)" >&2; exit 1; }
	@echo "Creating the environment in .venv with $$($(PYTHON) --version); this takes a few minutes the first time."
	@test -x $(BIN)/python || "$(PYTHON)" -m venv .venv
	@$(INSTALL) '.$(EXTRAS)'
	@touch $@

# Extra packages for tests and checks. Runs start faster without them, since transformers imports some if installed.
development: $(DEVELOPED)

$(DEVELOPED): pyproject.toml constraints.txt
	@rm -f $(STAMP)
	@$(MAKE) --no-print-directory $(STAMP) EXTRAS='[dev,slurm]' GOALS='$(GOALS)'
	@touch $@

test: development
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist worksteal $(TESTS)

test-slow: development
ifdef TESTS
	$(BIN)/python -m pytest -m slow $(TESTS)
else
	@mkdir -p build
	@echo "tests/cluster run beside the others, since they mostly wait for the scheduler; they are printed at the end."
	@$(BIN)/python -m pytest -m slow tests/cluster > build/cluster.txt 2>&1 & cluster=$$!; \
	trap 'kill $$cluster' INT TERM; \
	$(BIN)/python -m pytest -m slow -n 2 --dist loadfile --no-loadscope-reorder --ignore tests/cluster tests; status=$$?; \
	wait $$cluster || status=1; cat build/cluster.txt; exit $$status
endif

# Inject all faults there are, and print how many were injected and survived; it fails where one was injected no time.
# Those of tests/cluster need what a real SLURM takes: root, slurmctld, slurmd, slurm-client and munge.
faults: development
	FAULTS=100 $(BIN)/python -m pytest tests/faults tests/cluster

# Let a study of 200 cells be killed again and again for MINUTES, and compare its tables with those of a calm run.
MINUTES ?= 10
soak: development
	$(BIN)/python tests/faults/soak.py --minutes $(MINUTES)

lint: development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

$(DOCUMENTED): $(DEVELOPED)
	@$(INSTALL) '.[docs]'
	@touch $@

# Build the site of docs/ in build/docs. A warning, such as a link that leads nowhere, is an error. All pages are read
# anew, since some depend on the package and all on the index.
SITE := $(BIN)/python -m sphinx -E -W --keep-going -n -q -d build/doctrees
docs: $(DOCUMENTED)
	@$(SITE) -b html docs build/docs
	@echo "The site is in build/docs/index.html."

# Open every link of the site that leads to another one; needs a network.
linkcheck: $(DOCUMENTED)
	@$(SITE) -b linkcheck docs build/linkcheck

# Draw the graph of the workflow's rules again for docs/.
rulegraph: environment
	@$(BIN)/python docs/building/rulegraph.py

# Resolve all extras again in a separate environment, and record the versions.
lock:
	"$(PYTHON)" -m venv build/lock
	build/lock/bin/python -m pip install --quiet --upgrade '.[dev,docs,minilm,peft,s3,slurm]'
	{ grep '^#' constraints.txt; build/lock/bin/python -m pip freeze --exclude priming | sed 's/+[^ ]*$$//'; } \
		> build/constraints.txt
	mv build/constraints.txt constraints.txt
	rm -rf build/lock

clean:
	rm -rf results work logs report.html build .pytest_cache .ruff_cache .mypy_cache .snakemake
