# make run    installs what is missing, builds, starts Weir on its embedded log and store
# make test   the same, then the tests
# make up     Kafka, PostgreSQL, producer and consumer in containers
.DEFAULT_GOAL := help
.PHONY: help build run test test-all simulate prove chaos up down logs scale coverage bench bench-attacks format tidy clean

JOBS ?= $(shell nproc)
COMPOSE ?= docker compose

help:
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

build: ## the binary, at build/release/weir (installs what is missing)
	@scripts/setup build
	@mkdir -p build && cmake --preset release >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@cmake --build --preset release --target weir -j $(JOBS)

run: build ## build, then start Weir on the embedded defaults
	@exec build/release/weir serve

test: ## build, then every test that is short (release, and ASan+UBSan for units and simulation)
	@scripts/setup test
	@scripts/test short

test-all: ## the same with TSan and everything that takes long
	@scripts/setup test
	@scripts/test long

prove: ## the tests that stand for one line of docs/RELIABILITY.md: make prove FAULT=21
	@scripts/setup test
	@scripts/test build
	@scripts/prove $(or $(FAULT),$(error make prove FAULT=21))

simulate: ## seeded worlds: make simulate SEEDS=100000, or one again: make simulate SEED=4711
	@scripts/setup build
	@mkdir -p build && cmake --preset release >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@cmake --build --preset release --target simulation -j $(JOBS)
	@env $(if $(SEED),WEIR_SEED=$(SEED),WEIR_SEEDS=$(or $(SEEDS),10000)) \
	  build/release/src/simulation --gtest_brief=1 $(if $(SEED),--gtest_filter='*TheStoreSays*')

chaos: build ## strike real processes: SECONDS=600 PAIR=kafka|embedded|both SEED=7 FAULTS=kill,freeze ROUNDS=100
	@scripts/setup test
	@python3 -B -m tests.chaos.run_chaos $(if $(SECONDS),--seconds $(SECONDS)) $(if $(PAIR),--pair $(PAIR)) \
		$(if $(SEED),--seed $(SEED)) $(if $(FAULTS),--faults $(FAULTS)) $(if $(ROUNDS),--rounds $(ROUNDS))

up: ## Kafka, PostgreSQL, a producer (port 8080) and a consumer in containers
	@$(COMPOSE) up -d --build
	@echo "producer: http://localhost:$${SERVER_PORT:-8080}/health/ready"
	@echo "consumer: http://localhost:$$($(COMPOSE) port consumer 8081 | sed "s/.*://")/"

down: ## stop them; the volumes stay (down -v by hand forgets all)
	@$(COMPOSE) down

logs: ## what they say, as it comes
	@$(COMPOSE) logs -f

scale: ## that many consumers: make scale N=3
	@$(COMPOSE) up -d --no-recreate --scale consumer=$(or $(N),$(error make scale N=3)) consumer

coverage: ## line coverage of the unit tests, by room
	@scripts/setup dev
	@scripts/coverage

bench: ## micro-benchmarks: decode, tally, accept, flush
	@scripts/setup dev
	@cmake --preset bench >/dev/null && cmake --build --preset bench --target weir_bench -j $(JOBS)
	@build/bench/weir_bench $(ARGS)

bench-attacks: build ## peak memory of each attack within the limits: ONLY=many-windows,full-batches STAND=serve
	@scripts/setup test
	@python3 -B -m bench.attacks $(if $(ONLY),--only $(ONLY)) $(if $(STAND),--stand $(STAND))

format: ## lay the code out as .clang-format says
	@scripts/setup dev
	@git ls-files -z '*.cpp' '*.hpp' | xargs -0 clang-format-19 -i

tidy: ## clang-tidy over FILES=…
	@scripts/setup dev
	@cmake --preset release >/dev/null && clang-tidy-19 -p build/release --quiet --extra-arg=-Wno-everything --extra-arg=-Wno-error --extra-arg=-Wno-unknown-warning-option $(FILES)

clean: ## remove what was built (the data folder stays)
	@rm -rf build
