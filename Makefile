SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
.DEFAULT_GOAL := help
CACHE ?= $(or $(MILLWRIGHT_CACHE),$(HOME)/.cache/millwright)
# One environment per lock file, keyed by its content.
venv = $(CACHE)/venvs/$(1)-$(firstword $(shell sha256sum requirements/$(1).txt | cut -c1-12))
DEV := $(call venv,dev)
RUNNER := $(call venv,runner-dev)
KSERVE := $(call venv,bench-kserve)
MLFLOW := $(call venv,bench-mlflow)
MLSERVER := $(call venv,bench-mlserver)
UV_VERSION := 0.13.9
export PYTHONPATH := operator:serving:pipelines:cli:.
export PYTHONDONTWRITEBYTECODE := 1
# Behind a proxy with an authority of its own, the machine's certificates are what counts.
export UV_SYSTEM_CERTS := 1
K ?=
# Files of tests, several at a time, in the order of their names.
FILES := --dist loadfile --no-loadscope-reorder
# Of what is tested alone, what looks at no clock.
UNHURRIED := $(patsubst %,tests/e2e/test_%.py,install registry_choices)
# Of the contracts, those that need what `make install` installs.
INSTALLED := $(patsubst %,tests/contract/test_%.py,dataset_checks kubeflow_server pipelines)

help: ## What can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

$(CACHE)/uv-$(UV_VERSION)/bin/uv:
	@python3 -m venv $(CACHE)/uv-$(UV_VERSION) && $(CACHE)/uv-$(UV_VERSION)/bin/pip install -q uv==$(UV_VERSION)

$(CACHE)/venvs/%/.compiled: $(CACHE)/uv-$(UV_VERSION)/bin/uv
	@echo "environment $*"
	@$< venv -q --clear -p 3.11 $(@D)
	@$< pip install -q --compile-bytecode --python $(@D) --require-hashes -r requirements/$(shell echo $* | sed -E 's/-[0-9a-f]{12}$$//').txt
	@touch $@

environments: $(DEV)/.compiled $(RUNNER)/.compiled ## Python environments from the locks

lock: $(CACHE)/uv-$(UV_VERSION)/bin/uv ## Locks of all environments from pyproject.toml
	@for extra in operator serving cli runner dev runner-dev bench-kserve bench-mlflow bench-mlserver; do \
	  $< pip compile pyproject.toml --extra $$extra --generate-hashes --no-emit-index-url --no-emit-package millwright \
	    --python-version 3.11 --python-platform x86_64-manylinux_2_28 --custom-compile-command "make lock" -q -o requirements/$$extra.txt; done
	@for extra in carriers carriers-cuda; do \
	  $< pip compile pyproject.toml --extra $$extra -c requirements/runner.txt --generate-hashes --no-emit-index-url \
	    $(addprefix --no-emit-package ,millwright numpy scipy) --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
	    --custom-compile-command "make lock" -q -o requirements/$$extra.txt; done
	@for flags in mlmd "protos --no-deps" envoy; do set -- $$flags; \
	  $< pip compile tests/cluster/requirements/$$1.in $$2 --generate-hashes --no-emit-index-url \
	    --python-version 3.11 --python-platform x86_64-manylinux_2_31 --custom-compile-command "make lock" -q -o tests/cluster/requirements/$$1.txt; done

crds: $(DEV)/.compiled ## CRDs from the pydantic models
	@$(DEV)/bin/python -m millwright.api.crd manifests/crds charts/millwright/files/crds

pipelines: $(RUNNER)/.compiled ## Compiled pipelines from their sources
	@$(RUNNER)/bin/python pipelines/compile.py

lint: $(DEV)/.compiled ## Style, types, layers
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy --cache-dir $(CACHE)/mypy/$(notdir $(DEV)) \
	  operator/millwright serving/millwright_serving pipelines/millwright_runner cli/millwright_cli \
	  demo tests/fakes tests/unit tests/cli tests/serving tests/contract tests/e2e tests/bench tests/campaign
	$(DEV)/bin/lint-imports --no-cache | tail -4

cluster: ## A real Kubernetes on this machine (NODES=2: a GPU pool; KUBEFLOW=1, KUEUE=1, GATEWAY=1: those too; CLUSTER=current: yours)
	@python3 -m tests.cluster up

cluster-down: ## Takes it away, and says so if anything is left
	@python3 -m tests.cluster down

images: ## Builds the images and gives them to the cluster
	@python3 -m tests.cluster images

install: ## Installs the chart on the local cluster
	@python3 -m demo.install

demo: environments platform ## Three YAML files in, a trained, registered and served model out
	@$(RUNNER)/bin/python -m demo

campaign: environments ## Kills and faults at every call, on an API server of its own (SEED, ROUNDS, RUNS, MINUTES); docs/campaign.md
	RUNNER_PYTHON=$(RUNNER)/bin/python $(DEV)/bin/python -m tests.campaign

test-unit: $(DEV)/.compiled ## Seconds: decisions by tables and properties
	$(DEV)/bin/python -m pytest tests/unit tests/cli -q

bench: export RUNNER_PYTHON = $(RUNNER)/bin/python
bench: export KSERVE_ENV = $(KSERVE)
bench: export MLFLOW_ENV = $(MLFLOW)
bench: export MLSERVER_ENV = $(MLSERVER)
bench: environments $(KSERVE)/.compiled $(MLFLOW)/.compiled $(MLSERVER)/.compiled ## Figures and what is reached; docs/benchmarks.md says which parts need `make install`
	$(DEV)/bin/python -m tests.bench

test: export NODES = 2
test: export KUBEFLOW = 1
test: export KUEUE = 1
test: export GATEWAY = 1
test: export RUNNER_PYTHON = $(RUNNER)/bin/python
test: environments ## Everything: units, serving, pipelines, contracts, and the main job on the real cluster
	python3 -m tests.cluster build
	$(MAKE) --no-print-directory --jobs=4 --output-sync=target lint test-local test-campaign platform
	$(DEV)/bin/python -m pytest tests/e2e $(INSTALLED) tests/cluster -q -m "not alone and not apart" -n 2 $(FILES)
	$(DEV)/bin/python -m pytest tests/e2e -q -m apart -n 2 $(FILES)
	$(MAKE) --no-print-directory --jobs=2 --output-sync=target test-alone test-contract

test-local: # what needs no cluster, while it comes up
	$(DEV)/bin/python -m pytest tests/unit tests/cli tests/serving -q -n 2 $(FILES)
	$(RUNNER)/bin/python -m pytest tests/pipelines -q -n 2 $(FILES)

test-campaign: # mostly waits
	$(DEV)/bin/python -m pytest tests/contract/test_campaign.py -q

test-alone: # waits more than it works; what is judged by the clock comes when the contracts are done
	$(DEV)/bin/python -m pytest $(UNHURRIED) -q
	$(DEV)/bin/python -m pytest tests/e2e -q -m alone $(patsubst %,--ignore=%,$(UNHURRIED))

test-contract: # what needs an API server, and nothing that was installed there
	$(DEV)/bin/python -m pytest tests/contract -q $(patsubst %,--ignore=%,tests/contract/test_campaign.py $(INSTALLED))

platform: # `make cluster images install`, one after the other also where make does several things at once
	@python3 -m tests.cluster up
	@python3 -m tests.cluster images
	@python3 -m demo.install

test-e2e: environments ## A choice on the running cluster: make test-e2e K="expr"
	RUNNER_PYTHON=$(RUNNER)/bin/python $(DEV)/bin/python -m pytest tests/e2e -q $(if $(K),-k "$(K)")

.PHONY: help environments lock crds pipelines lint cluster cluster-down images install demo bench campaign test-unit test test-local test-campaign test-alone test-contract platform test-e2e
