# Everything people and CI do here. It needs Python 3.11 or newer, make and git.
# Arguments pass through: make test ARGS='-k retry'
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.up-to-date
MEMBERS := shared $(sort $(wildcard tools/*))
PIP    := $(wildcard packing/pip-*.whl)
PORTABLE := artifact-index gh-releases logtools multi-fetch text-utils
ARGS   ?=
ISSUES := .github/ISSUE_TEMPLATE
# Every file of ours whose first line names a shell; completions name none.
SHELL_SCRIPTS = $(shell git ls-files -co --exclude-standard -z | xargs -0 awk \
  'FNR == 1 && /^\#(!.*[\/ ](ba|da)?sh( |$$)| shellcheck shell=)/ {print FILENAME} {nextfile}')
COMPLETIONS = $(wildcard tools/*/share/bash-completion/completions/*)
OPENAPI_VERSION := 23.0.2

.DEFAULT_GOAL := help
.PHONY: help setup demo test check fmt lint types cov bench lock pages recording openapi wheels zipapps pip-smoke clean

help: ## list what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with the locked versions and all members, editable

$(STAMP): requirements.lock pyproject.toml $(MEMBERS:=/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "toolroll needs Python 3.11 or newer; say which: make PYTHON=python3.13" >&2; exit 1; }
	$(PYTHON) -m venv --without-pip $(VENV)
	$(BIN)/python $(PIP)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation $(addprefix -e ./,$(MEMBERS))
	@touch $@

demo: $(STAMP) ## mirror a small project from a stand-in on loopback, as a user would
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.support.demo $(ARGS)

test: $(STAMP) ## run the tests
	$(BIN)/python -m pytest -n auto $(ARGS)

check: lint types test ## what CI runs: format, lint, types, tests

fmt: $(STAMP) ## format, and mend what can be mended
	$(BIN)/ruff format
	$(BIN)/ruff check --fix $(ARGS)

lint: $(STAMP) ## check format and style: Python, shell, workflows, actions, the Dockerfile
	$(BIN)/ruff format --check
	$(BIN)/ruff check $(ARGS)
	@$(BIN)/shellcheck --external-sources $(SHELL_SCRIPTS)
	@$(if $(COMPLETIONS),$(BIN)/shellcheck --shell=bash $(COMPLETIONS))
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/actionlint
	@said=$$($(BIN)/zizmor --offline --pedantic --quiet --no-progress .github actions 2>&1) || \
	  { echo "$$said"; exit 1; }
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-actions actions/*/action.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-config $(ISSUES)/config.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms \
	  $(filter-out %/config.yml,$(wildcard $(ISSUES)/*.yml))
	@$(foreach file,$(filter-out %.dockerignore,$(wildcard Dockerfile*)),$(BIN)/hadolint $(file) &&) :

types: $(STAMP) ## check types, those of portable tools for other systems too
	$(BIN)/mypy shared/src $(addsuffix /src,$(filter tools/%,$(MEMBERS))) packing tests $(ARGS)
	@set -e; for system in win32 darwin; do echo "mypy for $$system"; $(BIN)/mypy --platform $$system \
	  --cache-dir .mypy_cache/$$system --no-warn-unreachable shared/src \
	  $(addprefix tools/,$(addsuffix /src,$(PORTABLE))) $(ARGS); done

cov: $(STAMP) ## run the tests and show what they never reach
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q -k 'not nothing_heavy' $(ARGS) # coverage itself is heavy
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

bench: $(STAMP) ## run the comparisons of bench/ (not a test: it judges nothing)
	@set -e; for file in bench/*.py; do [ -e "$$file" ] || { echo "no benchmarks yet"; break; }; \
	  $(BIN)/python "$$file" $(ARGS); done

lock: $(STAMP) ## refresh requirements.lock (ARGS=--upgrade moves to newer versions)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate --all-extras \
	  $(addprefix --no-emit-package toolroll-,$(notdir $(MEMBERS))) \
	  --group dev $(MEMBERS:=/pyproject.toml) -o requirements.lock $(ARGS)

pages: $(STAMP) ## write the completions and man pages anew, from the parsers and READMEs
	$(BIN)/python -m packing.pages

recording: $(STAMP) ## draw docs/terminal.svg anew: what a terminal shows of a first look
	$(BIN)/python -m packing.recording

openapi: build/openapi/api.github.com.json ## fetch GitHub's description of its API, for the tests (needs npm)

build/openapi/api.github.com.json:
	@mkdir -p $(@D)
	cd $(@D) && npm pack --silent @octokit/openapi@$(OPENAPI_VERSION) >/dev/null && \
	  tar -xzf octokit-openapi-*.tgz --touch --strip-components=2 package/generated/$(@F) && \
	  rm octokit-openapi-*.tgz

wheels: $(STAMP) ## build wheels and sdists of all members into dist/, and check them
	rm -rf dist
	@set -e; for member in $(MEMBERS); do \
	  said=$$(cd $$member && $(CURDIR)/$(BIN)/python -m hatchling build -d $(CURDIR)/dist 2>&1) || \
	    { echo "$$said" >&2; exit 1; }; done
	$(BIN)/twine --no-color check --strict dist/*

zipapps: wheels ## make one self-contained file per command in dist/zipapps/ (ARGS=logtools: of one tool)
	$(BIN)/python -m packing.zipapps $(ARGS)

pip-smoke: wheels ## install the wheels with plain pip into a clean place and start each command
	rm -rf build/smoke
	$(PYTHON) -m venv --without-pip build/smoke
	$(BIN)/python -m pip --python build/smoke/bin/python install --quiet dist/*.whl
	build/smoke/bin/python tests/support/smoke.py

clean: ## remove what was made
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .coverage .coverage.*
