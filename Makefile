# Two commands: `make run` starts the daemon, `make test` proves it. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# Test files side by side, as many as there are cores, in the order that tests/conftest.py gives them. Byte code is
# kept whatever the environment says: the tests start Egret a few hundred times. One hash seed: sets name tests, too.
PYTEST := env -u PYTHONDONTWRITEBYTECODE PYTHONHASHSEED=$$RANDOM $(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
DEMO := src/egret/data/demo/egret-demo

.PHONY: help run demo test check lint bench shapes fuzz golden docs geoip dashboard install uninstall clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

NATIVE := hatch_build.py scripts/build_native.py $(wildcard src/egret/worker/native/*)

$(VENV)/.run: pyproject.toml constraints.txt scripts/make-venv.sh $(NATIVE)
	@scripts/make-venv.sh "$(PYTHON)" $(VENV) .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt scripts/make-venv.sh $(NATIVE)
	@scripts/make-venv.sh "$(PYTHON)" $(VENV) '.[test,lint,build,portable,kafka,nats]'
	@touch $@ $(VENV)/.run

$(VENV)/.fuzz: $(VENV)/.dev
	@scripts/make-venv.sh "$(PYTHON)" $(VENV) '.[fuzz]'
	@touch $@

run: $(VENV)/.run ## set up and start the daemon with embedded defaults (ARGS="-i eth1 -c FILE")
	@exec $(BIN)/egret run $(ARGS)

demo: $(VENV)/.run ## replay the shipped capture of real clients, so that something can be seen at once
	@$(BIN)/egret replay -c $(DEMO).yaml $(ARGS) $(DEMO).pcapng

test: $(VENV)/.dev ## set up, system packages included, and pass every test
	@scripts/setup-system.sh
	@$(BIN)/python scripts/build_native.py --if-older
	@$(PYTEST) $(ARGS)

check: $(VENV)/.dev ## lint and the fast tests, in under a minute
	@$(BIN)/ruff check -q . && $(BIN)/ruff format -q --check . && $(BIN)/lint-imports > /dev/null
	@$(PYTEST) -q -m "not slow and not integration" tests/unit tests/meta tests/vectors $(ARGS)

lint: $(VENV)/.dev ## everything that reads the code without running it
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell src tests scripts docs deploy signatures changelog.d *.md
	$(BIN)/egret catalog lint

bench: $(VENV)/.dev ## measure, side by side with what Debian has
	@scripts/setup-system.sh bench || echo 'bench: without what is missing'
	@$(BIN)/python bench/run.py $(ARGS)

shapes: $(VENV)/.dev ## measure, on traffic of many shapes beside ndpiReader
	@scripts/setup-system.sh bench || echo 'shapes: without what is missing'
	@$(BIN)/python bench/shapes.py $(ARGS)

fuzz: $(VENV)/.fuzz ## fuzz the decoders for SECONDS each (default 60)
	@$(BIN)/python tests/fuzz/run.py --seconds $${SECONDS_EACH:-60} $(ARGS)
	@$(BIN)/python scripts/build_native.py --if-older
	@EGRET_FUZZ_BLOCKS=$$((20 * $${SECONDS_EACH:-60})) $(BIN)/pytest -q tests/property/test_native_gate.py -k nothing_that_is_not_there

golden: $(VENV)/.dev ## rewrite the golden files; read the diff before you commit it
	@$(BIN)/pytest -q tests/golden tests/unit --update-golden $(ARGS)

docs: $(VENV)/.dev ## rewrite the generated reference pages and the README's picture
	@$(BIN)/python -m scripts.make_docs

geoip: $(VENV)/.dev ## rebuild the bundled GeoIP database from its openly licensed sources
	@$(BIN)/python scripts/build_geoip.py $(ARGS)

dashboard: $(VENV)/.dev ## rewrite the Grafana dashboard from its Python source
	@$(BIN)/python deploy/grafana/dashboard.py

install: ## put the program, the unit, the user and a commented config in place (root)
	@scripts/install.sh install

uninstall: ## take away what install put in place, but not the config and the state
	@scripts/install.sh uninstall

clean: ## remove what was built here
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
