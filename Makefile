# make run    installs missing packages, builds, and starts Weir on its embedded log and store
# make test   installs missing packages, builds, and runs the tests
# make up     starts Kafka, PostgreSQL, a producer and a consumer in containers
.DEFAULT_GOAL := help
.PHONY: help build install package run test test-all simulate prove chaos up down logs scale coverage bench bench-micro bench-attacks format tidy clean

JOBS ?= $(shell nproc)
COMPOSE ?= docker compose

help:
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

build: ## build the program build/release/weir (installs missing packages)
	@scripts/setup build
	@mkdir -p build && cmake --preset release >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@cmake --build --preset release --target weir -j $(JOBS)

install: build ## install the program, units and /etc/weir/weir.toml: PREFIX=/usr/local DESTDIR=
	@DESTDIR=$(DESTDIR) cmake --install build/release --prefix $(or $(PREFIX),/usr/local) --strip

package: build ## make the Debian package build/release/package/weir_VERSION_ARCH.deb
	@scripts/setup package
	@cd build/release && cpack --config CPackConfig.cmake

run: build ## build, then start Weir on the embedded log and store
	@exec build/release/weir serve

test: ## build and run all short tests (release; unit tests and simulation under ASan and UBSan)
	@scripts/setup test
	@scripts/test short

test-all: ## the same with more rounds and seeds, and with TSan
	@scripts/setup test
	@scripts/test long

prove: ## run the tests of one line of docs/RELIABILITY.md: make prove FAULT=21
	@scripts/setup test
	@scripts/test build
	@scripts/prove $(or $(FAULT),$(error make prove FAULT=21))

simulate: ## simulate many seeds: make simulate SEEDS=100000; or repeat one: make simulate SEED=4711
	@scripts/setup build
	@mkdir -p build && cmake --preset release >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@cmake --build --preset release --target simulation -j $(JOBS)
	@env $(if $(SEED),WEIR_SEED=$(SEED),WEIR_SEEDS=$(or $(SEEDS),10000)) \
	  build/release/src/simulation --gtest_brief=1 $(if $(SEED),--gtest_filter='*TheStoreSays*')

chaos: build ## inject faults into real processes: SECONDS=600 PAIR=kafka|embedded|both SEED=7 FAULTS=kill,freeze ROUNDS=100
	@scripts/setup test
	@python3 -B -m tests.chaos.run_chaos $(if $(SECONDS),--seconds $(SECONDS)) $(if $(PAIR),--pair $(PAIR)) \
		$(if $(SEED),--seed $(SEED)) $(if $(FAULTS),--faults $(FAULTS)) $(if $(ROUNDS),--rounds $(ROUNDS))

up: ## start Kafka, PostgreSQL, a producer (port 8080) and a consumer in containers
	@$(COMPOSE) up -d --build
	@echo "producer: http://localhost:$${SERVER_PORT:-8080}/health/ready"
	@echo "consumer: http://localhost:$$($(COMPOSE) port consumer 8081 | sed "s/.*://")/"

down: ## stop the containers; the volumes remain (docker compose down -v removes them)
	@$(COMPOSE) down

logs: ## follow the logs of the containers
	@$(COMPOSE) logs -f

scale: ## set the number of consumers: make scale N=3
	@$(COMPOSE) up -d --no-recreate --scale consumer=$(or $(N),$(error make scale N=3)) consumer

coverage: ## line coverage of the unit tests, for each module
	@scripts/setup dev
	@scripts/coverage

bench: build ## measure Weir beside its peers and write docs/benchmarks: CASES=in-64,out ROUNDS=3 RESUME=1 PEERS=DIR
	@scripts/setup test
	@cmake --build --preset release --target bench_tools -j $(JOBS)
	@python3 -B -m bench.run $(if $(CASES),--cases $(CASES)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(PEERS),--peers $(PEERS)) \
		$(if $(RESUME),--resume) $(ARGS)

bench-micro: ## run the micro-benchmarks: decode, tally, accept, flush; ARGS=--benchmark_filter=decode
	@scripts/setup dev
	@cmake --preset bench >/dev/null && cmake --build --preset bench --target weir_bench -j $(JOBS)
	@build/bench/weir_bench $(ARGS)

bench-attacks: build ## measure the peak memory of attacks within the limits: ONLY=many-windows,full-batches TARGET=serve
	@scripts/setup test
	@python3 -B -m bench.attacks $(if $(ONLY),--only $(ONLY)) $(if $(TARGET),--target $(TARGET))

format: ## format the code by .clang-format
	@scripts/setup dev
	@git ls-files -z '*.cpp' '*.hpp' | xargs -0 clang-format-19 -i

tidy: ## run clang-tidy on FILES=…
	@scripts/setup dev
	@cmake --preset release >/dev/null && clang-tidy-19 -p build/release --quiet --extra-arg=-Wno-everything --extra-arg=-Wno-error --extra-arg=-Wno-unknown-warning-option $(FILES)

clean: ## remove the build folder (the data folder remains)
	@rm -rf build
