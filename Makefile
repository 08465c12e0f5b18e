# Every target prepares what it needs, in any order and again; what is ready is left as it is.
# Errors are one line that says what to do. Set-up lives in infra/local/.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# `make demo WORKSPACE=path DECISION=REJECTED` reaches the command as environment variables: make hands those on.
# Tests start the service and the CLI a thousand times: compiled anew each time, they take a fifth longer.
export PYTHONDONTWRITEBYTECODE :=
# Each target's last step tells the time since here, preparation included.
export STEP_STARTED := $(shell date +%s)

python := .venv/bin/python
step := infra/local/step.sh
# A step inside a target tells its own time only.
part := env -u STEP_STARTED infra/local/step.sh
# Tests wait for containers and processes more than they compute: one worker more than there are cores; measured ones not.
cores := $(shell nproc 2>/dev/null || echo 2)
workers := $(shell echo $$(($(cores) < 8 ? $(cores) + 1 : 8)))
.PHONY: help demo test test-stack observe stack-tools unit coverage check up bench bench-telemetry bench-rates real-size repeat mutation format lock clean venv engine base-tools images

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: venv engine base-tools ## Run the main job on WORKSPACE=path, or else on the sample in examples/ (DECISION=APPROVED|REJECTED)
	@.venv/bin/airlock demo

test: images ## Pass all tests, on real parts
	@$(step) "make test" $(python) -m pytest tests --ignore=tests/stack -n $(workers) --dist loadfile --no-loadscope-reorder --durations=10; status=$$?; infra/local/docker-engine.sh named; exit $$status

test-stack: images stack-tools ## Pass the tests of the stack around it: Prometheus, Alertmanager, Compose
	@$(step) "make test-stack" $(python) -m pytest tests/stack --durations=10; status=$$?; infra/local/docker-engine.sh named; exit $$status

observe: images stack-tools ## Show where traces, lines, figures and alerts arrive (OBSERVE_KEEP=1: leave it running)
	@$(step) "make observe" $(python) observability/observe.py $(if $(OBSERVE_KEEP),--keep); status=$$?; infra/local/docker-engine.sh named; exit $$status

unit: venv ## Pass the tests that need no Docker
	@$(step) "make unit" $(python) -m pytest tests/unit tests/contract

coverage: images ## Pass all tests, print the lines and branches that they run, by room, and hold the gates
	@$(step) "make coverage" $(python) tests/quality/coverage_gates.py -n $(shell echo $$(($(cores) < 8 ? $(cores) : 8))) --dist loadfile --no-loadscope-reorder; status=$$?; infra/local/docker-engine.sh named; exit $$status

check: venv ## Format, lint, types, house rules: exactly what CI runs first
	@status=0; \
	$(part) "ruff check" .venv/bin/ruff check --quiet --output-format=concise . || status=1; \
	$(part) "ruff format" .venv/bin/ruff format --check --quiet --output-format=concise . || { echo 'airlock: run make format' >&2; status=1; }; \
	$(part) "mypy" .venv/bin/mypy || status=1; \
	$(part) "duplicates" $(python) tests/quality/duplicates.py || status=1; \
	$(step) "make check" $(python) -m pytest -q tests/unit/house || status=1; \
	exit $$status

up: images ## Start everything on this machine; Ctrl-C stops it
	@.venv/bin/airlock up

bench-rates: venv ## Print what counting requests for all replicas together costs a trigger
	@$(step) "make bench-rates" $(python) load-tests/rate_limit_cost.py

bench: images ## Print the first figures: ms per step of bare Docker and of Airlock
	@$(step) "make bench" $(python) load-tests/bench.py; status=$$?; infra/local/docker-engine.sh named; exit $$status

real-size: images ## Review 50 MB of code with 20,000 flaws on this machine, and print what each node took (half an hour)
	@$(step) "make real-size" $(python) -m pytest -q tests/integration/builtin/real_size_review.py; status=$$?; infra/local/docker-engine.sh named; exit $$status

bench-telemetry: images ## Print what traces, logs and metrics cost: a step, and throughput with 64 runs in flight
	@$(step) "make bench-telemetry" $(python) load-tests/telemetry_cost.py; status=$$?; infra/local/docker-engine.sh named; exit $$status

repeat: images ## Pass all tests again and again, and say which one did not always pass (TIMES=20)
	@$(step) "make repeat" $(python) tests/quality/repetition.py --times $(or $(TIMES),20) tests --ignore=tests/stack -n $(workers) --dist loadfile --no-loadscope-reorder

mutation: venv ## Change the engine and the approvals bit by bit: does a test notice? (some twenty minutes on two cores; ONLY='*step*')
	@$(step) "make mutation" $(python) tests/quality/mutation.py $(if $(ONLY),--only '$(ONLY)')

format: venv ## Format the code and mend what the linter can
	@.venv/bin/ruff check --fix --quiet . ; .venv/bin/ruff format .

lock: venv ## Write the lock files, the agents' too, from what is asked for (UPGRADE=1: the newest versions)
	@infra/local/lock.sh

clean: ## Remove .venv, caches and build leftovers (data and images: airlock purge)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
	@find . \( -path ./.git -o -path ./.airlock \) -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +

# Preparation, in the order in which one needs the other.
venv:
	@$(part) "preparing .venv" infra/local/venv.sh

engine: venv
	@$(part) "preparing Docker" infra/local/docker-engine.sh

base-tools:
	@$(part) "preparing mmdebstrap" infra/local/base-tools.sh

stack-tools:
	@$(part) "preparing the stack's tools" infra/local/stack-tools.sh

images: venv engine base-tools
	@$(part) "building the images" $(python) -m airlock_agents images build >/dev/null
