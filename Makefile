# `make demo` fails a region over in the rehearsal lab; `make test` is what CI runs. Both set themselves up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
PYTEST_WORKERS ?= 3

.PHONY: help setup demo test pythons test-pythons lint types contracts unit bench fuzz docs site sbom audit lock clean

help:
	@echo "make demo   fail a region over, in an emulated cloud on this machine"
	@echo "make test   lint, types, import contracts and every test"
	@echo "make test-pythons  unit, contract and case tests on each supported Python that is found here"
	@echo "make bench  measure it beside its peers, and write benchmarks/results.md (about 20 minutes)"
	@echo "make fuzz   put random input into whatever reads files: make fuzz SECONDS=300 TARGETS=playbook (Linux)"
	@echo "make docs   write the generated reference pages and the manual page"
	@echo "make sbom   list what the lock has, as CycloneDX, in build/sbom.json"
	@echo "make audit  look for weaknesses: bandit in the code, pip-audit in the lock"
	@echo "make site   write the documentation as a site, to build/site/index.html"

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "Python 3.11 to 3.13 is needed; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q runbook_engine
	@touch $(STAMP)

demo: $(STAMP)
	@$(BIN)/python demo/run.py

test: lint types contracts unit

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

contracts: $(STAMP)
	$(BIN)/lint-imports

unit: $(STAMP)
	@$(BIN)/python -m compileall -q runbook_engine # so that no process that a test starts has to
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadfile --no-loadscope-reorder

# Each supported Python that is found gets an environment in .cache/pythons; the test of the installed wheel uses them, too.
pythons: $(STAMP)
	@$(BIN)/python .ci/pythons.py

PARTS ?= tests/unit tests/contract tests/cases
test-pythons: $(STAMP)
	@$(BIN)/python .ci/pythons.py --test -n $(PYTEST_WORKERS) --dist loadfile --no-loadscope-reorder $(PARTS)

bench: $(STAMP)
	$(BIN)/python benchmarks/run.py

SECONDS ?= 60
TARGETS ?= runbook team config layout playbook cases inventory constructed program instances expression plan journal record answer ssh \
	bundle sealed wire feed mail request
fuzz: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/fuzz/requirements.lock
	for target in $(TARGETS); do $(BIN)/python tests/fuzz/run.py $$target $(SECONDS) || exit 1; done

docs: $(STAMP)
	$(BIN)/python -m runbook_engine.cli.reference docs/reference
	$(BIN)/python -m runbook_engine.cli.reference_man docs/man

# The site's tools have an environment of their own: they are no part of what is tested.
SITE := .cache/site
$(SITE)/.ready: docs/requirements.lock
	$(PYTHON) -m venv $(SITE)
	$(SITE)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r docs/requirements.lock
	@touch $(SITE)/.ready

site: $(SITE)/.ready
	NO_MKDOCS_2_WARNING=1 $(SITE)/bin/mkdocs build --quiet
	@echo "build/site/index.html"

SBOM := .cache/sbom
$(SBOM)/.ready: requirements-sbom.lock
	$(PYTHON) -m venv $(SBOM)
	$(SBOM)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-sbom.lock
	@touch $(SBOM)/.ready

# All that the lock has: the program's dependencies, its extras', and what it is developed with.
sbom: $(SBOM)/.ready
	@mkdir -p build
	$(SBOM)/bin/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --short-PURLs --output-reproducible \
	  --of JSON -o build/sbom.json
	@echo "build/sbom.json"

AUDIT := .cache/audit
$(AUDIT)/.ready: requirements-audit.lock
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-audit.lock
	@touch $(AUDIT)/.ready

audit: $(AUDIT)/.ready
	$(AUDIT)/bin/python .ci/audit.py

# Needs uv (`pip install uv`). Hashes and versions only: the lock names no package index.
lock:
	uv pip compile pyproject.toml --group dev --extra lab --extra workers --extra web --extra traces --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-annotate --no-header -o requirements.lock
	for name in benchmarks/requirements benchmarks/requirements-pyinfra docs/requirements requirements-sbom requirements-audit tests/fuzz/requirements; do uv pip compile $$name.in --universal \
	  --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -o $$name.lock; done

clean:
	[ ! -x $(BIN)/runbook ] || $(BIN)/runbook lab down
	rm -rf $(VENV) $(SITE) $(SBOM) $(AUDIT) build .demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .fuzz
