# Needs Python 3.11 or newer, make and git; everything else goes into .venv/.
PYTHON ?= python3
VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check --quiet

.PHONY: install demo test lint types units chromium docs site bench lock clean

install: $(VENV)/.installed  ## Put Crenel and its demo into .venv/
demo: install                ## Scan an embedded, flawed account
	$(VENV)/bin/crenel demo

test: $(VENV)/.installed-dev ## Lint, types and tests
	$(MAKE) lint types units

lint: $(VENV)/.installed-dev
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .

types: $(VENV)/.installed-dev
	$(VENV)/bin/mypy

units: $(VENV)/.installed-dev $(VENV)/oracle/.installed chromium
	$(VENV)/bin/pytest $(ARGS)

# The dashboard's tests look at it in a browser: the system's own, installed where that can be done.
chromium:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq chromium; } || \
	  echo "Without Chromium the tests in a browser are skipped. Debian: apt-get install chromium"

docs: $(VENV)/.installed-dev  ## Renew what the code itself writes of the documentation
	$(VENV)/bin/python -m tests.generated

site: $(VENV)/site/.installed    ## A site of docs/, in build/site
	NO_MKDOCS_2_WARNING=1 $(VENV)/site/bin/mkdocs build --quiet --strict

bench: $(VENV)/.installed-dev ## The benchmarks of benchmarks/README.md
	$(VENV)/bin/python -m benchmarks

lock: $(VENV)/.installed-dev ## Renew the pinned requirements, hashes and all, without index addresses
	$(PIP) install pip-tools
	for part in run dev oracle docs; do \
	  (cd requirements && ../$(VENV)/bin/python -m piptools compile --quiet --strip-extras --generate-hashes --allow-unsafe \
	    --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header --output-file $$part.txt $$part.in); \
	done

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Crenel needs Python 3.11 or newer; say make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements/run.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) install --require-hashes -r requirements/run.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.installed-dev: requirements/dev.txt $(VENV)/.installed
	$(PIP) install --require-hashes -r requirements/dev.txt
	touch $@

# What makes the site. It is no part of the package, and none of the tests.
$(VENV)/site/.installed: requirements/docs.txt | $(VENV)/bin/python
	$(PYTHON) -m venv $(VENV)/site
	$(VENV)/site/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements/docs.txt
	touch $@

# Cloud Custodian, with which answers are compared; its dependencies do not go with ours.
$(VENV)/oracle/.installed: requirements/oracle.txt | $(VENV)/bin/python
	$(PYTHON) -m venv $(VENV)/oracle
	$(VENV)/oracle/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements/oracle.txt
	touch $@
