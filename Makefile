# The commands of the project. `make` alone lists them.
#
# Every command works in a fresh clone: it makes a virtual environment of its own for the interpreter in
# use (.venv-3.11, .venv-3.12, ...) and installs what it needs there, once. A stamp in the environment
# is compared with pyproject.toml, so a changed dependency is installed the next time. `make PYTHON=...`
# chooses the interpreter.

VERSIONS := 3.11 3.12 3.13
PYENV ?= $(HOME)/.pyenv/versions
SEED ?= 1
COUNT ?= 5000000
PYTEST_FLAGS ?= -n 2 --timeout=120

.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# find_python(version): an interpreter of exactly this version, on PATH or among pyenv's, or nothing.
# It is started to make sure, because a pyenv shim exists for versions that are not active, too.
find_python = $(shell for candidate in python$(1) $(wildcard $(PYENV)/$(1).*/bin/python); do \
	"$$candidate" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != "$(1)")' 2>/dev/null \
	&& echo "$$candidate" && break; done)

is_supported = import sys; sys.exit(not (3, 11) <= sys.version_info[:2])

# python3 if it is recent enough, else the oldest supported version that can be found.
ifeq ($(origin PYTHON), undefined)
PYTHON := $(shell python3 -c '$(is_supported)' 2>/dev/null && echo python3)
ifeq ($(PYTHON),)
PYTHON := $(firstword $(foreach version,$(VERSIONS),$(call find_python,$(version))) python3)
endif
endif

VENV := .venv-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
RUN := $(VENV)/bin/python

# The original of Autobahn|Testsuite has an environment for itself: it is for Python 2.7.
ORIGINAL := .venv-original
PYTHON2 = $(firstword $(call find_python,2.7) python2.7)

.PHONY: help
help: ## list the commands
	@echo "Usage: make COMMAND [PYTHON=/path/to/python]"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1 \2/p' Makefile | awk '{ printf "  %-20s", $$1; $$1 = ""; print }'

.PHONY: run
run: $(VENV)/.installed ## serve the sample application on port 8080, in the foreground
	@exec $(RUN) examples/sample.py

.PHONY: test
test: $(VENV)/.installed-test ## run the whole test suite
	@.ci/packages chromium curl nginx:nginx-light
	@$(RUN) -m pytest $(PYTEST_FLAGS)

.PHONY: test-all
test-all: ## run the test suite on every supported Python that is installed
	@ran=""; failed=""; skipped=""; \
	$(foreach version,$(VERSIONS), \
		python="$(call find_python,$(version))"; \
		if [ -z "$$python" ]; then skipped="$$skipped $(version)"; \
		else \
			echo "== Python $(version): $$python"; \
			ran="$$ran $(version)"; \
			$(MAKE) test PYTHON="$$python" || failed="$$failed $(version)"; \
		fi;) \
	if [ -n "$$skipped" ]; then echo "== skipped, not on PATH and not in $(PYENV):$$skipped"; fi; \
	echo "== tested:$${ran:- none}; failed:$${failed:- none}"; \
	[ -n "$$ran" ] && [ -z "$$failed" ]

.PHONY: conformance
conformance: $(VENV)/.installed-conformance ## run what carriers have to pass, corpora of requests, all of Autobahn
	@.ci/packages nginx:nginx-light
	@$(RUN) -m pytest $(PYTEST_FLAGS) tests/conformance tests/corpora tests/smuggling
	@$(RUN) -m tests.conformance.autobahn --peers

.PHONY: conformance-original
conformance-original: $(VENV)/.installed-conformance $(ORIGINAL)/.installed ## run the original Autobahn, too (Python 2.7)
	@$(RUN) -m tests.conformance.autobahn --peers --original $(ORIGINAL)/environment/bin/wstest

.PHONY: ecosystem
ecosystem: $(VENV)/.installed-ecosystem ## run packages and applications that were written for aiohttp on sketch, and gunicorn
	@$(RUN) -m pytest $(PYTEST_FLAGS) tests/ecosystem tests/compat tests/test_worker.py

# PARTS is any of engine frames live kill restarts idle slow; all of them by default.
.PHONY: soak
soak: $(VENV)/.installed-test ## try to break the server, for half an hour (COUNT=, SEED=, PARTS="live slow ...")
	@.ci/packages slowhttptest
	@$(RUN) -m tests.soak $(PARTS) --count $(COUNT) --seed $(SEED)

# All servers in Python run on one interpreter, and it should be one that users run: the system's own is built
# with optimizations, which an interpreter that was compiled on the spot often is not.
BENCH_PYTHON ?= $(firstword $(wildcard /usr/bin/python3.13 /usr/bin/python3.12 /usr/bin/python3.11) $(PYTHON))

.PHONY: bench
bench: ## measure sketch and its peers in one run; writes bench/RESULTS.md (long)
	@$(BENCH_PYTHON) -m bench

.PHONY: bench-quick
bench-quick: ## the same in at most three minutes, for commits
	@$(BENCH_PYTHON) -m bench --quick

.PHONY: lint
lint: $(VENV)/.installed-lint ## check the style, the format and the types
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy

.PHONY: docs
docs: $(VENV)/.installed-docs ## build the documentation in build/docs; a broken link is an error
	@$(RUN) -m sphinx -q -W --keep-going -b html docs build/docs
	@echo "build/docs/index.html"

# -- environments ------------------------------------------------------------------------------------

# The stamps come last in their recipes: a set-up that was interrupted is done again.
$(VENV)/.created:
	@$(PYTHON) -c '$(is_supported)' 2>/dev/null || { \
		echo "sketch needs Python 3.11 or newer; $(PYTHON) is not. Name one: make PYTHON=/path/to/python" >&2; \
		exit 1; }
	@echo "Making $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.installed: pyproject.toml $(VENV)/.created
	@echo "Installing sketch into $(VENV)"
	@$(RUN) -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-%: pyproject.toml $(VENV)/.created
	@echo "Installing sketch and its extra '$*' into $(VENV)"
	@$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

# A virtualenv of the last version that knows Python 2.7, and that runs on it.
$(ORIGINAL)/.installed:
	@$(PYTHON2) -m pip --version >/dev/null || { \
		echo "the original of Autobahn|Testsuite needs Python 2.7 with pip: make PYTHON2=/path/to/python2.7" >&2; \
		exit 1; }
	@echo "Installing Autobahn|Testsuite into $(ORIGINAL)"
	@$(PYTHON2) -m pip install --quiet --upgrade --target $(ORIGINAL)/virtualenv virtualenv==20.15.1
	@PYTHONPATH=$(ORIGINAL)/virtualenv $(PYTHON2) -m virtualenv --quiet $(ORIGINAL)/environment
	@$(ORIGINAL)/environment/bin/python -m pip install --quiet autobahntestsuite==25.10.1
	@touch $@
