# Every command of the project. `make help` lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_VENV := build/venv-demo
BENCH_VENV := build/venv-bench
ENV ?=
FROM ?=
TO ?=
IMAGES ?=
ARCH ?=

export ENV ARCH

.PHONY: help
help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

# ---- try it ---------------------------------------------------------------------------------------------------------

.PHONY: demo
demo: $(DEMO_VENV)/.installed ## the pipeline on an embedded emulator; writes build/demo/index.html  [IMAGES=dir]
	@$(DEMO_VENV)/bin/python -m scripts.demo $(if $(IMAGES),--images "$(IMAGES)")

# ---- develop --------------------------------------------------------------------------------------------------------

.PHONY: test
test: $(VENV)/.installed ## every test this machine can run  [REQUIRE="docker terraform node chromium openssl openseadragon aws jq"] [EMULATOR=…] [ARGS=…]
	@$(BIN)/pytest $(ARGS)

.PHONY: corpus
corpus: $(VENV)/.installed ## fetch real and broken pictures out of published archives into build/cache/corpus
	@$(BIN)/python -m scripts.corpus fetch

.PHONY: test-corpus
test-corpus: $(VENV)/.installed ## every file of the corpora, and a matrix of files made here, through the pipeline and past other decoders  [REQUIRE=all] [ARGS="--sheets --only TEXT"]
	@$(BIN)/python -m scripts.corpus run $(ARGS)

.PHONY: worst-case
worst-case: $(VENV)/.installed ## the most expensive pictures allowed, in a container with Lambda's memory  [ARGS=--write-docs or --only=TEXT]
	@$(BIN)/python -m scripts.worst $(ARGS)

.PHONY: fuzz
fuzz: $(VENV)/.installed ## mutate pictures for ten minutes; what breaks anything is kept in build/fuzz  [ARGS="--seconds N --seed N"]
	@$(BIN)/python -m scripts.fuzz $(ARGS)

.PHONY: lint
lint: $(VENV)/.installed ## ruff, terraform fmt
	@$(BIN)/ruff check
	$(BIN)/ruff format --check
	if command -v terraform >/dev/null; then terraform fmt -check -diff -recursive terraform
	else echo "lint: terraform is not installed, its files were not checked"; fi

.PHONY: fmt
fmt: $(VENV)/.installed ## format Python and Terraform
	@$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format
	if command -v terraform >/dev/null; then terraform fmt -recursive terraform; fi

.PHONY: type
type: $(VENV)/.installed ## mypy, strict
	@$(BIN)/mypy

.PHONY: lock
lock: ## rewrite the requirement locks from pyproject.toml  [ARGS=--upgrade]
	@scripts/lock $(ARGS)

# ---- measure it -----------------------------------------------------------------------------------------------------

.PHONY: bench
bench: $(BENCH_VENV)/.installed ## CPU, memory, bytes and quality beside sharp (needs node)  [ARGS=--help]
	@$(BENCH_VENV)/bin/python -m scripts.bench $(ARGS)

.PHONY: bench-codecs
bench-codecs: $(BENCH_VENV)/.installed ## CPU, bytes and quality over encoder settings  [ARGS=--help]
	@$(BENCH_VENV)/bin/python -m scripts.bench.codecs $(ARGS)

.PHONY: bench-startup
bench-startup: $(DEMO_VENV)/.installed ## from start to the first event and picture, and the image's size (needs docker)
	@$(DEMO_VENV)/bin/python -m scripts.bench.startup $(ARGS)

.PHONY: bench-page
bench-page: $(BENCH_VENV)/.installed ## bytes of a page in Chromium against its originals, by Lighthouse (needs node, chromium)  [ARGS=--help]
	@$(BENCH_VENV)/bin/python -m scripts.page $(ARGS)

.PHONY: load
load: $(DEMO_VENV)/.installed ## bursts of 1,000 and 10,000 uploads through the queue, on the emulator  [ARGS=--help]
	@$(DEMO_VENV)/bin/python -m scripts.load $(ARGS)

.PHONY: scaling
scaling: $(BENCH_VENV)/.installed ## memory sizes, concurrency and cost; writes docs/scaling.md and docs/costs.md (needs docker)
	@$(BENCH_VENV)/bin/python -m scripts.scaling $(ARGS)

.PHONY: chaos
chaos: $(VENV)/.installed ## every call of the path fails in every way, a shuffled stream; writes docs/reliability.md  [ARGS=--help]
	@$(BIN)/python -m scripts.chaos --write $(ARGS)

# ---- run it ---------------------------------------------------------------------------------------------------------

.PHONY: image
image: ## build the Lambda image  [ARCH=arm64] [BASE_IMAGE=…]
	@scripts/image

.PHONY: update-base
update-base: $(VENV)/.installed ## pin the newest patch of the image's base in docker/Dockerfile  [ARGS=--check]
	@scripts/update-base $(ARGS)

.PHONY: push-image
push-image: $(VENV)/.installed ## build, push and roll out the Lambda image  ENV=dev  [ARGS=--help]
	@scripts/push-image "$(ENV)" $(ARGS)

.PHONY: promote
promote: $(VENV)/.installed ## run in one environment the very image that another one runs  FROM=dev ENV=prod
	@scripts/promote "$(ENV)" --from "$(FROM)" $(ARGS)

.PHONY: rollback
rollback: $(VENV)/.installed ## run the image before, by its digest, without a build  ENV=prod [TO=sha256:…] [ARGS=--list]
	@scripts/rollback "$(ENV)" $(if $(TO),--to "$(TO)") $(ARGS)

.PHONY: deploy
deploy: $(VENV)/.installed ## from nothing to a working CDN in your AWS account  ENV=dev  [ARGS=--plan or --help]
	@scripts/deploy "$(ENV)" $(ARGS)

.PHONY: destroy
destroy: $(VENV)/.installed ## take a deployment down again  ENV=dev  [ARGS=--help]
	@scripts/destroy "$(ENV)" $(ARGS)

.PHONY: migrate-state
migrate-state: $(VENV)/.installed ## move an environment's Terraform state into STATE_BUCKET  ENV=dev
	@scripts/migrate-state "$(ENV)" $(ARGS)

.PHONY: stack
stack: $(VENV)/.installed ## the whole Terraform stack and the container image on an emulator
	@scripts/stack up

.PHONY: stack-down
stack-down: ## take the emulated stack down
	@scripts/stack down

.PHONY: clean
clean: ## delete virtual environments and everything under build/
	@rm -rf build $(VENV)

# ---- virtual environments -------------------------------------------------------------------------------------------

define new-venv
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
	  echo "img-pipeline needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1 || true)." \
	       "Install one and run: make $(MAKECMDGOALS) PYTHON=/path/to/python3.13" >&2
	  exit 1
	}
	rm -rf $(@D)
	$(PYTHON) -m venv $(@D) || { echo "the venv module is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(@D)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
endef

$(VENV)/.installed: requirements-dev.txt
	@echo "installing the development tools into $(VENV) …"
	$(new-venv)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

$(DEMO_VENV)/.installed: requirements-demo.txt
	@echo "installing the demo into $(DEMO_VENV) …"
	$(new-venv)
	touch $@

$(BENCH_VENV)/.installed: requirements-bench.txt
	@echo "installing the benchmark into $(BENCH_VENV) …"
	$(new-venv)
	touch $@
