# The project's commands; `make help` lists them. Everything is installed into .venv, and the sandbox's
# tools into the user's cache: nothing else on the machine is touched.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STACK ?= local
READY := $(VENV)/.ready
READY_TO_TEST := $(VENV)/.ready-to-test
WORKERS ?= auto
# One queue of test groups for all workers, the longest first: tests/order.py.
PYTEST := $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup --no-loadscope-reorder
LOGINS ?= 1000
EACH ?= 50
TIMES ?= 1
STATES ?= 50,100,200

# On a fresh machine the tools are made ready beside the virtual environment.
TOOLS := $(if $(filter up preview,$(MAKECMDGOALS)),--tools,$(if $(filter test unit sandbox-test test-official drills,$(MAKECMDGOALS)),--all-tools))

# Python keeps its bytecode even if the shell is set to prevent that: without it, commands take twice as long.
unexport PYTHONDONTWRITEBYTECODE
# Nor is anything else of your Python that would change what runs here.
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONWARNINGS PYTHONOPTIMIZE PYTHONINSPECT PYTHONSAFEPATH PYTHONUTF8

.DEFAULT_GOAL := help
.PHONY: help install up preview down stop status test check unit sandbox-test test-official drills golden bench bench-scale docs dist schema format lock clean clean-cache

help: ## List the commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

define install
@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if v >= (3, 10) else "error: Python 3.10 or newer is needed, this is %d.%d; name one with: make PYTHON=python3.12" % (v.major, v.minor))'
@echo "Installing the pinned packages into $(VENV)$(if $(TOOLS),$(,) and making the tools ready)"
@$(PYTHON) tools/install.py $(VENV) $(1) $(TOOLS)
@touch $(READY)
endef
, := ,

$(READY): requirements.txt requirements-sandbox.txt constraints.txt pyproject.toml
	$(call install,requirements-sandbox.txt)

$(READY_TO_TEST): requirements.txt requirements-sandbox.txt requirements-dev.txt constraints.txt pyproject.toml
	$(call install,requirements-dev.txt)
	@touch $@

up: $(READY) ## Bring stack `local` up in the sandbox and log in to it
	@$(BIN)/python -m sandbox up --stack $(STACK) $(if $(EVENTUAL_CONSISTENCY),--eventual-consistency $(EVENTUAL_CONSISTENCY))

preview: $(READY) ## Show what `make up` would change
	@$(BIN)/python -m sandbox preview --stack $(STACK)

down: $(READY) ## Destroy the stacks, prove that nothing is left, stop all
	@$(BIN)/python -m sandbox down

install: $(READY) ## Install the program, the command and the sandbox in .venv

stop: $(READY) ## Stop the sandbox's processes, keep its data
	@$(BIN)/python -m sandbox stop

status: $(READY) ## Show which parts of the sandbox run
	@$(BIN)/python -m sandbox status

test: $(READY_TO_TEST) ## Run everything: lint, types and all tests
	@$(BIN)/python tools/build.py --all > /dev/null
	@$(PYTEST) --durations 10

check: $(READY_TO_TEST) ## Lint, formatting and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy .

unit: $(READY_TO_TEST) ## Tests that need no sandbox
	@$(BIN)/python tools/build.py --all > /dev/null
	@$(PYTEST) --ignore tests/sandbox --ignore tests/test_checks.py

sandbox-test: $(READY_TO_TEST) ## Tests that bring real stacks up
	@$(BIN)/python tools/build.py --all > /dev/null
	@$(PYTEST) --durations 10 tests/sandbox

test-official: $(READY_TO_TEST) ## The same with official plugins: docs/sandbox-tools.md
	@$(BIN)/python tools/build.py --all > /dev/null
	@built=$$($(BIN)/python tools/build.py pulumi-resource-kubernetes) && \
	  SANDBOX_PLUGIN_PATH=$${SANDBOX_PLUGIN_PATH:+$$SANDBOX_PLUGIN_PATH:}$$(dirname "/$${built#*/}") \
	  $(PYTEST) --durations 10 tests/sandbox

drills: $(READY_TO_TEST) ## Disturb runs in many ways; each next one has to converge
	@$(BIN)/python tools/build.py --all > /dev/null
	@$(BIN)/python -m tests.sandbox.drills --times $(TIMES) $(if $(ONLY),--only '$(ONLY)') $(if $(SEED),--seed $(SEED)) $(if $(JSON),--json)

golden: $(READY_TO_TEST) ## Renew the golden files: URNs of stack files, the schema
	@$(BIN)/python tools/build.py pulumi > /dev/null
	@RENEW_GOLDEN=1 $(BIN)/python -m pytest -q tests/unit/test_program.py tests/schema/test_component_schema.py -k contract
	@git status --short tests/unit/golden tests/schema/golden

bench: $(READY_TO_TEST) ## Measure imports, previews and the chain
	@$(BIN)/python -m tests.bench

bench-scale: $(READY_TO_TEST) ## Measure LOGINS=1000 logins in team stacks of EACH=50
	@$(BIN)/python -m tests.bench.scale --logins $(LOGINS) --each $(EACH) --states $(STATES) $(if $(JSON),--json)

docs: $(READY_TO_TEST) ## Build the documentation as a site: build/site/index.html
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict
	@echo "build/site/index.html"

dist: $(READY_TO_TEST) ## Make what a release publishes, in dist/, and check it
	@$(BIN)/python -m tools.dist --tag "$$TAG" --repository "$$REPOSITORY"

schema: $(READY_TO_TEST) ## Write what is generated: the JSON Schema, keys and tables
	@$(BIN)/python -m tools.docs
	@git status --short schema docs Pulumi.yaml Pulumi.dev.yaml

format: $(READY_TO_TEST) ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: $(READY) ## Update constraints.txt to the newest allowed versions
	@$(BIN)/python tools/lock.py

clean: $(READY) ## Take the sandbox down, remove what was made in this folder
	@$(BIN)/python -m sandbox down
	@rm -rf $(VENV) .sandbox build/site dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -prune -exec rm -rf {} +

clean-cache: ## Remove the tools and all else that is kept in your caches
	@$(PYTHON) tools/build.py --clean
