# The one entry point for people, hooks and CI. `make` alone lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup web web-if-possible web-check demo test test-kafka chaos test-web check bench bench-hub bench-curves bench-web bench-panels panels-check manifests-check deploy-check sbom audit dashboards up docs lock clean

BIN := .venv/bin
STAMP := .venv/.installed
PYTEST := $(BIN)/python -m pytest -q
# Which of the tests on a real Kafka `make test-kafka` runs.
KAFKA_TESTS ?= kafka
# The first of these that is Python 3.11 or newer; PYTHON=… chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)

WEB := hub/web
WEB_SOURCES := $(shell find $(WEB)/src $(WEB)/public $(WEB)/scripts -type f ! -name '*.test.*') $(WEB)/index.html $(WEB)/vite.config.ts

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv with the onestack command in it

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3 if it is not on the PATH." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; echo "$(PYTHON) can't make virtual environments; on Debian: apt-get install python3-venv." >&2; exit 1; }
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

web: $(WEB)/dist/index.html ## Build the web app of the Hub

$(WEB)/node_modules/.package-lock.json: $(WEB)/package-lock.json | $(STAMP)
	$(WEB)/npm ci --prefer-offline --fetch-retries=1 --loglevel=error
	@touch $@

$(WEB)/dist/index.html: $(WEB_SOURCES) $(WEB)/node_modules/.package-lock.json
	$(WEB)/npm run --silent bundle

# For those who only want to see the engine at work: without the npm registry they still do.
web-if-possible: setup
	@$(MAKE) --no-print-directory web || echo "The web app could not be built, so the Hub has no pages; all else works. \`make web\` tries again." >&2

web-check: $(WEB)/node_modules/.package-lock.json ## Lint, types and unit tests of the web app
	$(WEB)/npm run --silent check

demo: setup web-if-possible ## Run a morning and a month at service providers on embedded parts, and check what came of it
	$(BIN)/onestack demo $(ARGS)

up: setup web-if-possible ## Run all of it on embedded parts, in the foreground, until Ctrl-C
	$(BIN)/onestack up

test: setup ## Run the tests that need nothing but this checkout
	$(PYTEST) -n 3 --dist loadfile --no-loadscope-reorder -m 'not kafka' --ignore=tests/chaos --ignore=tests/web

test-kafka: setup ## Run the crash tests on a real Apache Kafka (needs Java 17 and Maven)
	@command -v java >/dev/null && command -v mvn >/dev/null || { echo "make test-kafka runs a real Apache Kafka and needs Java 17 and Maven on the PATH." >&2; exit 1; }
	$(PYTEST) -n 2 --dist loadfile --no-loadscope-reorder -m "$(KAFKA_TESTS)" tests/chaos tests/integration tests/acceptance

chaos: setup ## Run the crash tests at full size, about 40 minutes, and keep their figures (needs Java 17 and Maven)
	ONESTACK_CLUSTER_EVENTS=60000 ONESTACK_CLUSTER_KILLS=44 ONESTACK_CLUSTER_RATE=30 ONESTACK_CHAOS_NICE=10 ONESTACK_CHAOS_RESULTS=bench/results \
		$(PYTEST) -m kafka tests/chaos/test_cluster.py
	ONESTACK_CUT_SECONDS=60 $(PYTEST) -m kafka tests/chaos/test_network_cut.py

test-web: setup web ## Run the browser tests before the whole product (needs Chromium)
	$(PYTEST) -n 2 --dist loadfile --no-loadscope-reorder tests/web

check: setup ## Lint, formatting, types and the import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup ## Measure latency and throughput on a real Apache Kafka (needs Java 17 and Maven)
	$(BIN)/python -m bench

bench-hub: setup ## Measure the Hub's lists with a million runs in the history (needs wrk)
	$(BIN)/python -m bench.hub

bench-curves: setup ## Measure what a run costs beside more and more of everything (needs Java 17 and Maven)
	$(BIN)/python -m bench.curves $(ARGS)

bench-web: setup web ## Measure the pages of the web app, cold, against their goals (needs Chromium)
	$(BIN)/python -m bench.web

bench-panels: setup ## Ask a Prometheus that scraped the benchmark on a real Apache Kafka what each panel asks
	$(BIN)/python -m bench.panels --broker kafka

panels-check: setup ## Check dashboards, alert rules and runbooks, and that each panel gets data (needs prometheus)
	$(PYTEST) tests/unit/deploy tests/integration/deploy/test_panels.py tests/integration/deploy/test_runbooks.py

dashboards: setup ## Write the Grafana dashboards again
	$(BIN)/python -m deploy.grafana

deploy-check: manifests-check panels-check ## Both of these: all that deploy/ has, and what the dashboards ask

manifests-check: setup ## Check images, compose and Kubernetes manifests, Prometheus' rules (needs kustomize or Go, promtool)
	@$(BIN)/python -m deploy.check

sbom: setup ## Write what is shipped into build/sbom, as CycloneDX
	@$(BIN)/python -m deploy.sbom

audit: setup ## Look up known faults of what is shipped; an error, too, where no advisory service answers
	@$(BIN)/python -m deploy.audit

docs: setup ## Write the generated pages of docs/reference again
	$(BIN)/python -m cli.reference

lock: ## Resolve the locks of the Python packages anew, for every Python and platform (needs uv)
	uv pip compile --universal --python-version 3.11 --all-extras --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-annotate --custom-compile-command 'make lock' --upgrade pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --extra rocksdb --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-annotate --custom-compile-command 'make lock' -c requirements.lock pyproject.toml -o deploy/requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-annotate --custom-compile-command 'make lock' --upgrade $(WEB)/requirements-node.in -o $(WEB)/requirements-node.lock

clean: ## Remove .venv and all that was built or cached
	rm -rf $(WEB)/node_modules $(WEB)/dist
	rm -rf .venv build dist *.egg-info .onestack .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
