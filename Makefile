# `make help` lists everything. Each target needs nothing before it: uv is installed when it is missing.
.DEFAULT_GOAL := help
SHELL := /bin/bash
STACK ?= dev
OUT ?= rendered/$(STACK)

# uv from PATH, or else one of our own outside the checkout.
TOOLS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/llm-inference
UV := $(or $(shell command -v uv 2>/dev/null),$(TOOLS)/uv/bin/uv)
UV_VERSION := 0.13.9
RUN := $(UV) run --frozen --quiet
DEPLOY = $(RUN) python -m lab.deploy
DEPLOY_OPTIONS = --stack $(STACK) $(if $(CONTEXT),--context $(CONTEXT)) $(if $(ENGINE),--engine $(ENGINE))
# Most of a test's time is waiting for a cluster. A file's tests share one, so they stay together.
PARALLEL := --numprocesses=3 --dist=loadfile
LAB_OPTIONS := $(if $(START_SECONDS),--start-seconds $(START_SECONDS)) $(if $(DRAIN_SECONDS),--drain-seconds $(DRAIN_SECONDS)) $(if $(TAINT),$(if $(filter none,$(TAINT)),--no-taint,--taint))
# The last commit that changed the server, so that an image changes with it and with no other.
SERVER_REVISION = $(shell git log -1 --format=%H -- server)$(shell git diff --quiet HEAD -- server || echo -dirty)

# The lab's context is found beside the user's own.
export KUBECONFIG := $(CURDIR)/.lab/kubeconfig:$(or $(KUBECONFIG),$(HOME)/.kube/config)
# For images that a stack builds in the lab: the first docker on PATH that can build, unless one is named.
ifdef DOCKER
export LLM_LAB_DOCKER := $(DOCKER)
endif

.PHONY: help
help: ## List the targets.
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: .venv/.synced ## Install uv when it is missing, and the locked Python environment.

$(TOOLS)/uv/bin/uv:
	python3 -m venv $(TOOLS)/uv && $(TOOLS)/uv/bin/pip install --quiet uv==$(UV_VERSION)

# Compiled once here, and not at every start: the SDK's generated modules take seconds.
.venv/.synced: pyproject.toml uv.lock | $(UV)
	$(UV) sync --frozen --quiet --compile-bytecode
	@touch $@

# Of its own: what it needs weighs gigabytes, and nothing else here needs it.
server/.venv/.synced: server/pyproject.toml server/uv.lock | $(UV)
	cd server && $(UV) sync --frozen --quiet --compile-bytecode
	@touch $@

.PHONY: server
server: setup server/.venv/.synced ## Install what the inference server needs (about 5 GB); see docs/server.md.

SPACE_EXPORT := $(UV) export --frozen --quiet --no-hashes --no-header --no-annotate --no-default-groups --no-emit-project
# Of its own, too: it is what the Space has. The browser's driver is for the tests alone.
space/.venv/.synced: space/pyproject.toml space/uv.lock | $(UV)
	cd space && $(UV) sync --frozen --quiet --compile-bytecode --group browser
	@touch $@

.PHONY: space
space: setup space/.venv/.synced ## Install what the demo of a Space needs (0.6 GB); see docs/space.md.

.PHONY: space-lock
space-lock: | $(UV) ## Lock the newest versions for the demo, and write the requirements.txt that the Space reads.
	cd space && $(UV) lock --quiet --upgrade && $(SPACE_EXPORT) --output-file requirements.txt

.PHONY: image
image: ## Build the server's image. FILE=server/Dockerfile.vllm, TAG=name, BASE=image, DOCKER=path; see docs/images.md.
	DOCKER_BUILDKIT=1 $(or $(DOCKER),docker) build server --file $(or $(FILE),server/Dockerfile) --tag $(or $(TAG),llm-inference-server) \
		$(if $(BASE),--build-arg BASE_IMAGE=$(BASE)) --build-arg REVISION=$(SERVER_REVISION)

.PHONY: tools
tools: setup ## Build the lab's programs, which takes minutes the first time.
	@$(RUN) python -m lab.cluster build

.PHONY: monitoring-tools
monitoring-tools: setup ## Build Prometheus and the collector, which the lab then runs (10 minutes, once).
	@$(RUN) python -m lab.cluster build --monitoring

.PHONY: up
up: setup ## Bring STACK (dev) up, on the lab if it says so. CONTEXT=x: dev on that context. ENGINE=pulumi|lab.
	@$(DEPLOY) up $(DEPLOY_OPTIONS)

.PHONY: preview
preview: setup ## Show what `make up` would change. DIFF=1: every property.
	@$(DEPLOY) preview $(DEPLOY_OPTIONS) $(if $(DIFF),--diff)

.PHONY: refresh
refresh: setup ## Bring the state of STACK (dev) to what is really there.
	@$(DEPLOY) refresh $(DEPLOY_OPTIONS)

.PHONY: down
down: setup ## Delete all that STACK (dev) has, and stop the lab if it was there.
	@$(DEPLOY) down $(DEPLOY_OPTIONS)

.PHONY: status
status: setup ## What of STACK (dev) runs where, and why the rest does not. MODEL=name: one model.
	@$(RUN) llm status --stack $(STACK) $(MODEL)

.PHONY: chat
chat: setup ## Talk to MODEL of STACK (dev). PROMPT="...": one question.
	$(if $(MODEL),,$(error Say which model: make chat MODEL=name))
	@$(DEPLOY) run --stack $(STACK) -- llm chat --stack $(STACK) -- $(MODEL) $(if $(value PROMPT),'$(subst ','\'',$(value PROMPT))')

.PHONY: smoke
smoke: setup ## Ask each model of STACK (dev) as its callers do. MODEL=name: one. ARGS="--deadline 60 --json".
	@$(DEPLOY) run --stack $(STACK) -- llm smoke --stack $(STACK) $(ARGS) $(MODEL)

.PHONY: release
release: setup ## Bring STACK (dev) up, test it, and go back to the last good commit when that fails. ARGS="--good COMMIT".
	@ENGINE=$(ENGINE) $(RUN) llm release --stack $(STACK) $(ARGS)

.PHONY: history
history: setup ## Who changed STACK (dev), when, from which commit, and what came of it.
	@$(DEPLOY) run --stack $(STACK) -- llm history --stack $(STACK) $(ARGS)

.PHONY: metrics
metrics: setup ## What the models of STACK (dev) promise, and what its Prometheus says of it.
	@$(DEPLOY) run --stack $(STACK) -- llm metrics --stack $(STACK)

.PHONY: canary
canary: setup ## Judge the canary of MODEL of STACK (dev). DO=promote or DO=withdraw ends it; ARGS="--window 5m".
	$(if $(MODEL),,$(error Say which model: make canary MODEL=name))
	@$(DEPLOY) run --stack $(STACK) -- llm canary $(or $(DO),judge) --stack $(STACK) $(ARGS) -- $(MODEL)

.PHONY: endpoints
endpoints: setup ## List the Inference Endpoints of STACK (dev), and others' beside them.
	@$(DEPLOY) run --stack $(STACK) -- llm endpoints list --stack $(STACK)

.PHONY: lab
lab: setup ## Start the lab, or mend it. START_SECONDS=3 DRAIN_SECONDS=2 TAINT=none|gke.
	@$(RUN) python -m lab.cluster up $(LAB_OPTIONS)

.PHONY: lab-down
lab-down: setup ## Stop the lab; its objects stay for the next start. DELETE=1 forgets them.
	@$(RUN) python -m lab.cluster down $(if $(DELETE),--delete)

.PHONY: render
.PHONY: policy
policy: setup ## What the policies say of STACK (dev), without deploying.
	@$(RUN) llm policy --stack $(STACK)

render: setup ## Write the Kubernetes objects of STACK (dev) to OUT (rendered/STACK).
	@$(RUN) llm render --stack $(STACK) --out $(OUT)

.PHONY: lock
lock: setup ## Pin models to commits and images to digests; needs the Hub and registries. ARGS=--check or ARGS="--only models".
	@$(RUN) llm lock $(ARGS)

.PHONY: report
report: setup ## Preview and policies of STACK (dev) as Markdown. REPORT=file, PULL_REQUEST=number: its comment.
	@$(RUN) llm report --stack $(STACK) $(if $(ENGINE),--engine $(ENGINE)) $(if $(REPORT),--out "$(REPORT)") \
		$(if $(AGAINST),--against $(AGAINST)) \
		$(if $(PULL_REQUEST),--pull-request $(PULL_REQUEST))

.PHONY: plan
plan: setup ## Whether STACK (dev) fits, costs, breaks which rules. AGAINST=commit, or =running: what that changes.
	@$(if $(filter running,$(AGAINST)),$(DEPLOY) run --stack $(STACK) --,$(RUN)) llm plan --stack $(STACK) $(if $(AGAINST),--against $(AGAINST))

.PHONY: drift
drift: setup ## What differs between STACK (dev) and what is really there. ISSUE=1: tell it in an issue at GitHub.
	@$(RUN) llm drift --stack $(STACK) $(if $(ISSUE),--issue)

.PHONY: backend
backend: setup ## Whether a pipeline may touch STACK (dev) from here: where its state is, who reads its secrets.
	@$(RUN) llm backend --stack $(STACK)

.PHONY: kubeconfig
kubeconfig: ## For pipelines: write KUBECONFIG_DATA of the environment to ~/.kube/config, where there is none yet.
	@test -n "$$KUBECONFIG_DATA" || { echo "KUBECONFIG_DATA is not set: the kubeconfig's text, a secret of the job." >&2; exit 1; }
	@test ! -e "$(HOME)/.kube/config" || { echo "There is a $(HOME)/.kube/config, which stays as it is." >&2; exit 1; }
	@umask 077 && mkdir -p "$(HOME)/.kube" && printenv KUBECONFIG_DATA > "$(HOME)/.kube/config"

.PHONY: server-revision
server-revision: ## The last commit that changed the server, as revision=SHA.
	@echo revision=$(SERVER_REVISION)

.PHONY: image-there
image-there: ## Whether the registry has IMAGE of the server as it is now, by its tag sha-SHA.
	docker buildx imagetools inspect $(IMAGE):sha-$(SERVER_REVISION)

.PHONY: doctor
doctor: setup ## Check the cluster that STACK (dev) deploys to; changes nothing.
	@$(RUN) llm doctor --stack $(STACK)

.PHONY: generate
generate: setup ## Write what is generated from the settings: the JSON schema and docs/settings.md.
	@$(RUN) llm schema

.PHONY: format
format: setup ## Format the code.
	@$(RUN) ruff format .
	@$(RUN) ruff check --fix-only --quiet .

.PHONY: lint
lint: setup ## Formatting, lint, types, import contracts.
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(RUN) lint-imports

.PHONY: test
test: lint tools server space ## Lint, then all tests but the slow proofs.
	$(RUN) pytest -m "not prove" $(PARALLEL) $(PYTEST_OPTIONS)

.PHONY: prove
prove: tools server space ## The slow proofs.
	$(RUN) pytest -m prove $(PARALLEL) $(PYTEST_OPTIONS)

.PHONY: bench
bench: tools ## Timings, each against a baseline of the same run. BENCH="--models 1 10 --rounds 2".
	@$(RUN) python bench/imports.py
	@$(RUN) python bench/engine.py $(BENCH)

.PHONY: bench-policy
bench-policy: tools ## Preview of 50 models with the policies and without. BENCH="--models 50 --rounds 5".
	@$(RUN) python -m bench.policy $(BENCH)

.PHONY: bench-foresight
bench-foresight: tools ## The program on 100 models with the foresight and without. BENCH="--models 100 --rounds 7".
	@$(RUN) python -m bench.foresight $(BENCH)

.PHONY: bench-server
bench-server: server ## The inference server against a blocking one and others, minutes. BENCH="--streams 1 32 --rounds 1".
	cd server && $(UV) sync --frozen --quiet --group bench
	@$(RUN) --group bench python -m bench.server $(BENCH)
