# `make help` lists what there is. `make run` and `make test` do all the set-up they need.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
# make reference-run DATA=... WEIGHTS=... BACKBONE=resnet18 IMAGES=300 (0: all)
DATA ?= ../shared/data
WEIGHTS ?= ../shared/weights
BACKBONE ?= resnet50
IMAGES ?= 0
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check -qq
MANAGE := $(BIN)/python manage.py
SCHEMA := docs/openapi.yaml
# These have targets of their own; one case of the faults is in `make test` all the same.
SLOWEST := --ignore tests/faults --ignore tests/load

# Folders are in the list too: their time changes when a file in them is removed.
FRONTEND_SOURCES := $(shell find frontend/src frontend/public 2>/dev/null) \
	$(wildcard frontend/*.html frontend/*.ts frontend/*.js frontend/*.cjs frontend/*.json)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test check lint-python lint-frontend test-python test-frontend test-faults \
	test-load bench bench-full reference-run screenshots format schema types clean tools setup

help:  ## List these commands
	@grep -hE '^[a-z-]+:.*  ## ' $(MAKEFILE_LIST) \
		| awk -F ':.*  ## ' '{printf "  make %-15s %s\n", $$1, $$2}'

run: setup  ## Set up what is missing, build the demo and serve it (PORT=8001 for another port)
	@$(MANAGE) serve --check --host $(HOST) --port $(PORT)
	@$(MANAGE) prepare
	@exec $(MANAGE) serve --host $(HOST) --port $(PORT)

test: check test-python test-frontend  ## Everything that must hold: check, Python, frontend, browser

check: lint-python lint-frontend  ## Formatting, linters, types, layers, migrations, API description

test-faults: setup $(VENV)/.dev  ## Kill processes, fill disks, cut connections (slow)
	$(BIN)/python -m pytest tests/faults -n 0

test-load: setup $(VENV)/.dev  ## Many assessors at once against the real program (slow)
	$(BIN)/python -m pytest tests/load -n 0

bench: setup $(VENV)/.dev  ## Measure the budgets, print a table and write var/bench.json
	$(BIN)/python manage.py bench

bench-full: setup $(VENV)/.dev  ## Search the paper's whole collection, 34 GB of synthetic vectors
	$(BIN)/python manage.py bench --only full --out var/bench-full.json

reference-run: setup  ## The paper's main job on real photographs; see docs/reference_run.md
	$(BIN)/python scripts/reference_run.py --data $(DATA) --weights $(WEIGHTS) \
		--backbone $(BACKBONE) --images $(IMAGES) --record docs/reference_run.md

screening-run: setup  ## How well screening does on labelled pictures, split by source
	$(BIN)/python scripts/screening_run.py --data $(DATA) --record docs/reference_run.md

screenshots: setup $(VENV)/.dev  ## Take the screenshots of the docs from the running program
	$(BIN)/python scripts/screenshots.py

format: $(VENV)/.dev frontend/node_modules/.installed  ## Format Python and TypeScript
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	cd frontend && npx --no-install prettier --write --log-level warn .

schema: $(VENV)/.torch  ## Write docs/openapi.yaml from the code
	@mkdir -p docs
	$(MANAGE) spectacular --file $(SCHEMA) --validate --fail-on-warn

types: schema frontend/node_modules/.installed  ## Write the schema and the frontend's types from it
	cd frontend && npm run --silent types

clean:  ## Remove what was built; the data folder var/ stays
	rm -rf $(VENV) frontend/node_modules frontend/dist
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# --- the parts of `check` and `test` ------------------------------------------------------------
lint-python: $(VENV)/.dev
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(MANAGE) makemigrations --check --dry-run
	@$(MANAGE) spectacular --validate --fail-on-warn --file $(VENV)/openapi.yaml
	@cmp -s $(VENV)/openapi.yaml $(SCHEMA) \
		|| { echo "$(SCHEMA) is older than the code: run make types." >&2; exit 1; }

lint-frontend: $(VENV)/.dev frontend/node_modules/.installed
	cd frontend && npm run --silent check
	cd frontend && npm run --silent lint
	cd frontend && npm run --silent format
	@cd frontend && npx --no-install openapi-typescript ../$(SCHEMA) -o ../$(VENV)/schema.d.ts >/dev/null
	@cmp -s $(VENV)/schema.d.ts frontend/src/lib/api/schema.d.ts \
		|| { echo "schema.d.ts is older than $(SCHEMA): run make types." >&2; exit 1; }

test-python: setup $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist loadfile --database postgres
	$(BIN)/python -m pytest -n 2 --dist loadfile $(SLOWEST)
	$(BIN)/python -m pytest -n 2 tests/faults -k "embedded and processes"

test-frontend: frontend/node_modules/.installed
	cd frontend && npm run --silent test

# --- set-up: each stamp is made anew only when what it depends on has changed -------------------
setup: $(VENV)/.torch frontend/dist/index.html

tools:
	@scripts/check_tools.sh $(PYTHON)

# A virtual environment whose Python is gone (upgraded, or the folder moved) is built anew.
$(VENV)/.base: requirements/base.txt | tools
	@echo "Installing the Python packages into $(VENV) (once, some minutes) ..."
	@$(BIN)/python -c "" 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@$(PIP) --require-hashes --only-binary :all: -r requirements/base.txt
	@touch $@

$(VENV)/.torch: requirements/torch.txt scripts/install_torch.sh $(VENV)/.base
	@scripts/install_torch.sh $(VENV) requirements/torch.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.torch
	@echo "Installing what the tests need ..."
	@$(PIP) --require-hashes --only-binary :all: -r requirements/dev.txt
	@touch $@

frontend/node_modules/.installed: frontend/package-lock.json frontend/package.json | tools
	@echo "Installing the frontend's packages (once) ..."
	@cd frontend && npm ci --silent --no-audit --no-fund
	@touch $@

frontend/dist/index.html: frontend/node_modules/.installed $(FRONTEND_SOURCES)
	@echo "Building the pages ..."
	@cd frontend && npm run --silent build -- --logLevel warn
	@touch $@
