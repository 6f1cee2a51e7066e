# Targets for people and for .ci/run. `make` lists them.

export GOTOOLCHAIN := auto

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# Where kafka/start and the conformance cases lie.
override OTTLA_SHARED := $(abspath $(or $(OTTLA_SHARED),../shared))
export OTTLA_SHARED
CONFORMANCE_DIR ?= $(OTTLA_SHARED)/conformance/cases

# Packages with goroutines of their own or values that several share.
RACE := $(patsubst %,./%/...,$(wildcard internal/measure internal/runtime internal/overlay internal/e2e serve state stream tracing))

# Whole apps on fake clusters wait more than they compute: the two packages that
# do so for longest come first and leave the cores to one package more than there
# are cores, and four tests per core run side by side.
CORES := $(or $(shell getconf _NPROCESSORS_ONLN 2>/dev/null),2)
SIDE_BY_SIDE := -p $(shell expr $(CORES) + 1) -parallel $(shell expr $(CORES) \* 4)

# A run is short and its memory small: the garbage collector is in no hurry.
SIMULATE := GOGC=400 go test -tags synctests -timeout 0 ./internal/simulate
SEEDS ?= 100
SOAK_SEEDS ?= 1000
SOAK ?= 10m
# What bench-go runs, and how; BENCH_GO_FLAGS="-count 6" is for benchstat.
BENCH ?= .
BENCH_GO_FLAGS ?=
BENCH_PACKAGES ?= ./internal/bench/... ./internal/measure/... ./internal/runtime/... ./serde/... ./state/...
# Rows and flags of the bench against Java.
BENCH_ROWS ?= essential
BENCH_FLAGS ?= --scale 3
FUZZTIME ?= 10s

.PHONY: help run test simulate race integration conformance soak figures bench bench-all bench-go lint fuzz cover

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' Makefile

run: ## run the word count example
	go run ./examples/wordcount

test: ## vet and the quick tests, under 3 minutes
	go vet ./...
	go test -vet=off $(SIDE_BY_SIDE) ./internal/e2e ./stream ./...
	$(SIMULATE)

simulate: ## SEEDS (100) schedules of faults on a simulated cluster
	$(SIMULATE) -seeds=$(SEEDS)

race: ## the tests of concurrent packages under the race detector
	go test -race -short -timeout 15m $(RACE)

integration: ## the tests against a real Kafka: KAFKA_BOOTSTRAP, or started by OTTLA_SHARED/kafka/start
	@if [ -z "$${KAFKA_BOOTSTRAP:-}" ] && [ ! -x "$(OTTLA_SHARED)/kafka/start" ]; then \
		echo "SKIPPED: what needs a real Kafka: KAFKA_BOOTSTRAP is not set and $(OTTLA_SHARED)/kafka/start is missing" >&2; fi
	@[ -x "$(OTTLA_SHARED)/cdc/start" ] || echo "SKIPPED: change data capture: $(OTTLA_SHARED)/cdc/start is missing" >&2
	@command -v chromedriver >/dev/null || echo "SKIPPED: the live page in a browser: there is no chromedriver (Debian: chromium-driver)" >&2
	@command -v npm >/dev/null || echo "SKIPPED: AsyncAPI's own parser on what describe writes: there is no npm (Debian: npm)" >&2
	OTTLA_INTEGRATION=1 go test -count=1 -p 1 -timeout 30m ./internal/e2e/...

conformance: ## compare with Kafka Streams, case by case, in CONFORMANCE_DIR
	@[ -d "$(CONFORMANCE_DIR)" ] || { echo "no conformance cases in $(CONFORMANCE_DIR): set CONFORMANCE_DIR" >&2; exit 1; }
	@out=$$(mktemp -d); trap 'rm -rf "$$out"' EXIT; status=0; \
	CONFORMANCE_DIR="$(abspath $(CONFORMANCE_DIR))" CONFORMANCE_SUMMARY="$$out/summary" \
		go test ./internal/conformance -run TestConformance -count=1 -v >"$$out/log" 2>&1 || status=$$?; \
	cat "$$out/log"; \
	if ! tail -n 2 "$$out/summary" 2>/dev/null; then echo "conformance: the test wrote no summary" >&2; exit 1; fi; \
	exit $$status

soak: ## the long tests: SOAK_SEEDS (1000, by the hundred), crashes of stores, Kafka's drivers, random rounds for SOAK (10m)
	for from in $$(seq 1 100 $(SOAK_SEEDS)); do $(SIMULATE) -from=$$from -seeds=100; done
	go test -count=1 -timeout 0 -run 'TestCrash$$' ./state/engine/pebble -crashes=4000
	OTTLA_INTEGRATION=1 OTTLA_SOAK=$(SOAK) go test -count=1 -timeout 0 -run 'TestSoak|TestNetwork|TestBrokerRestart' -v ./internal/e2e

figures: ## how long results stay away after faults, on a quiet machine with a real Kafka
	OTTLA_INTEGRATION=1 OTTLA_FIGURES=1 go test -count=1 -timeout 1h -run 'TestFigures|TestLargeState' -v ./internal/e2e

# bench_against_java ROWS: the bench builds its own tools; it fails if an output is wrong.
define bench_against_java
	@[ -x "$(OTTLA_SHARED)/bench/run" ] || { echo "no bench in $(OTTLA_SHARED)/bench: set OTTLA_SHARED" >&2; exit 1; }
	@out=$$(mktemp -d); trap 'rm -rf "$$out"' EXIT; \
	go build -o "$$out/contender" ./internal/bench/contender; \
	"$(OTTLA_SHARED)/bench/run" $(1) --go "$$out/contender" $(BENCH_FLAGS)
endef

bench: ## against Java Kafka Streams: the rows of BENCH_ROWS (essential), with BENCH_FLAGS (--scale 3)
	$(call bench_against_java,$(BENCH_ROWS))

bench-all: ## against Java Kafka Streams: all rows
	$(call bench_against_java,all)

bench-go: ## the benchmarks within the process that match BENCH, as benchstat reads them
	go test -run '^$$' -bench '$(BENCH)' -benchmem $(BENCH_GO_FLAGS) $(BENCH_PACKAGES)

lint: ## gofmt, vet and staticcheck
	@unformatted=$$("$$(go env GOROOT)/bin/gofmt" -l .); \
	[ -z "$$unformatted" ] || { printf 'not formatted by gofmt:\n%s\n' "$$unformatted" >&2; exit 1; }
	go vet ./...
	GOTOOLCHAIN=$$(go env GOVERSION) go run $(STATICCHECK) ./...

fuzz: ## every fuzz test for FUZZTIME (10s)
	@for dir in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -r -n 1 dirname | sort -u); do \
		for name in $$(grep -h '^func Fuzz' "$$dir"/*_test.go | sed 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/'); do \
			echo "$$dir $$name"; \
			go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$dir"; \
		done; \
	done

cover: ## the share of the code that the quick tests run
	go test -coverprofile cover.out -coverpkg ./... ./...
	go tool cover -func cover.out | tail -n 1
