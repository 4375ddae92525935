# `make` lists the targets. Everything a target needs is installed by `make setup`.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

GO ?= go
FUZZTIME ?= 10s
BENCH ?= .
FAULTS ?=
CONFORMANCE ?=
ATTACKS ?=
PROGRAMS ?=
FORGIVE ?=
SOAKTIME ?= 2m
SANITIZE ?=
TREES ?= sid trixie
ARM64 ?=
WHEELS ?=
NEWCOMER ?=
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.7.0

# Packages without C: built and tested with CGO_ENABLED=0 too, which proves the layering.
PURE := ./agent ./agent/internal/... ./agent/proto/... ./internal/handshake/... ./internal/hugepages/... ./internal/shm/... ./cleanup/... ./handler/wire/... ./handler/pickle/... ./agent/pyworker/budget/... ./agent/pyworker/settings ./handler/policy/... ./internal/gate/... ./internal/cpython/discover/... ./handler/jit/... ./internal/callcontext ./internal/calltimes ./internal/panics ./internal/ticker ./internal/unpack ./python

# The interpreter that setup chooses, and says: the first that has torch, else numpy, else any.
TEST_PYTHON = $$(scripts/python.sh --most numpy torch)

# cpy3 compiles only with our header forced in; see pybridge/cpy3.
# The script prints shell assignments (NAME='value', a line each).
CPY3_ENV = vars=$$(scripts/cpy3env.sh); set -a; eval "$$vars"; set +a

# Not .cache, which holds foreign Python installations.
GO_FILES = $$(find . -name '*.go' -not -path './.*')

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup setup-test
setup: ## install what is missing (Go is checked, the rest comes from apt)
	@scripts/setup.sh

setup-test:
	@scripts/setup.sh --with-torch

.PHONY: build
build: ## build bin/gopyrpc, with the Python package that `gopyrpc run` gives to programs
	@scripts/build.sh

.PHONY: library
library: ## build the shared library beside the Python package's files, for python3 with python/ on PYTHONPATH
	$(GO) build -trimpath -buildmode=c-shared -o python/gopyrpc/libgopyrpc.so ./cmd/libgopyrpc

.PHONY: wheel
wheel: ## build sdist and wheel of the Python package into dist/, for glibc from 2.28 on (WHEELS='amd64 arm64'; default: this machine's)
	scripts/wheel.sh $(WHEELS)

.PHONY: newcomer
newcomer: ## install the package as a newcomer does, and use it with python3, torchrun, pytest, mypy, mp.spawn and a notebook (NEWCOMER=part…)
	scripts/newcomer.sh $(NEWCOMER)

.PHONY: run
run: setup build ## set up, build and show the demo
	GOPYRPC_PYTHON="$(TEST_PYTHON)" bin/gopyrpc demo

.PHONY: test test-python test-cpy3 test-go
test: test-python test-cpy3 test-go ## all tests, with the race detector

test-python: setup-test ## the tests of the embedded Python package
	PYTHONDONTWRITEBYTECODE=1 "$(TEST_PYTHON)" -m unittest discover -s python/gopyrpc_tests -t python

test-cpy3: setup-test ## the interop with cpy3 (build tag cpy3)
	$(CPY3_ENV); $(GO) test -tags cpy3 ./pybridge/cpy3/...

test-go: setup-test ## the Go tests
	GOPYRPC_PYTHON="$(TEST_PYTHON)" $(GO) test -race -timeout 20m ./...

.PHONY: matrix matrix-here arm64
matrix: ## what enters Python, against every CPython on this machine, in other Debian systems (TREES='sid trixie') and on arm64
	@status=0; $(MAKE) matrix-here || status=1; $(MAKE) arm64 || status=1; exit $$status

matrix-here: ## the matrix without arm64
	@TREES='$(TREES)' scripts/matrix.sh
	@$(GO) run ./scripts/supported -promised .cache/matrix/table.tsv

.PHONY: supported
supported: ## take over into the table of docs/supported.md what `make matrix` has just run
	$(GO) run ./scripts/supported -merge .cache/matrix/table.tsv

.PHONY: trees
trees: ## make the Debian systems of `make matrix` anew: sid changes daily (TREES='sid trixie')
	@for tree in $(TREES); do scripts/tree.sh refresh $$tree && scripts/tree.sh about $$tree || exit; done

arm64: ## the command and the tests that enter Python, on arm64, in qemu's user mode (ARM64=cell…)
	@scripts/arm64.sh $(ARM64)

.PHONY: sanitize
sanitize: setup-test ## the tests under sanitizers and debug allocators (SANITIZE=mode…)
	GOPYRPC_PYTHON="$(TEST_PYTHON)" scripts/sanitize.sh $(SANITIZE)

.PHONY: faults
faults: ## inject faults, a process each, and say what came of them (FAULTS=pattern)
	$(GO) build -o bin/faults ./scripts/faults
	GOPYRPC_PYTHON="$(TEST_PYTHON)" bin/faults -run '$(FAULTS)'

.PHONY: conformance
conformance: setup-test library ## torch's own RPC tests, on gopyrpc and on TensorPipe, and what differs (CONFORMANCE='-on gopyrpc -run PATTERN', '-write')
	$(GO) run ./scripts/conformance -python "$$(scripts/python.sh numpy torch)" $(CONFORMANCE)

.PHONY: redteam
redteam: build ## attack what --allow promises, and say what came of each attack (ATTACKS=pattern)
	$(GO) build -o bin/redteam ./scripts/redteam
	GOPYRPC_PYTHON="$(TEST_PYTHON)" bin/redteam -gopyrpc '$(CURDIR)/bin/gopyrpc' -run '$(ATTACKS)'

.PHONY: programs
programs: build library ## run small programs of torch.distributed.rpc on torch and on gopyrpc, and compare what they print (PROGRAMS=pattern)
	$(GO) build -o bin/programs ./scripts/programs
	GOPYRPC_PYTHON="$(TEST_PYTHON)" bin/programs -package python -gopyrpc bin/gopyrpc -run '$(PROGRAMS)' $(FORGIVE)

.PHONY: growth
growth: ## measure how calls between workers grow, beside torch's, for the tables and the plot of docs/performance.md; takes minutes
	GOPYRPC_PYTHON="$(TEST_PYTHON)" $(GO) run ./benchmark growth --svg testdata/growth.svg --into docs/performance.md

.PHONY: soak
soak: ## random calls for SOAKTIME (2m): nothing may grow, no outcome be wrong
	$(GO) build -o bin/faults ./scripts/faults
	GOPYRPC_PYTHON="$(TEST_PYTHON)" bin/faults -soak '$(SOAKTIME)'

.PHONY: bench
bench: ## benchmarks (BENCH=pattern), then those of ./benchmark
	GOPYRPC_PYTHON="$(TEST_PYTHON)" $(GO) test -run '^$$' -bench '$(BENCH)' -benchmem ./...
	$(GO) run ./benchmark

.PHONY: fuzz
fuzz: ## fuzz every target for FUZZTIME (10s)
	@FUZZTIME=$(FUZZTIME) scripts/fuzz.sh

.PHONY: check check-fmt check-vet check-static check-rules check-generated check-tidy check-shell check-pure check-darwin
check: check-fmt check-rules check-shell check-tidy check-generated check-vet check-static check-pure check-darwin ## everything but the tests

check-fmt: ## gofmt
	@unformatted=$$(gofmt -l $(GO_FILES)); \
	if [ -n "$$unformatted" ]; then echo "not formatted (run gofmt -w):"; echo "$$unformatted"; exit 1; fi

check-rules: ## the project's own rules
	$(GO) run ./scripts/checkrules

check-shell: ## shellcheck, where it is installed
	@if command -v shellcheck >/dev/null; then shellcheck .ci/run scripts/*.sh; \
	else echo "shellcheck is not installed: skipped"; fi

check-tidy: ## go.mod and go.sum say what is imported
	$(GO) mod tidy -diff

check-generated: ## generated files are what their generators make
	$(GO) run ./scripts/pyconfig -check
	$(GO) run ./scripts/protogen -check
	$(GO) run ./scripts/supported -check

check-vet: ## go vet, with every build tag
	$(GO) vet ./...
	$(GO) vet -tags pydebug ./...
	$(GO) vet -tags faulty ./cmd/libgopyrpc ./agent/pyworker/faulty
	$(CPY3_ENV); $(GO) vet -tags cpy3 ./pybridge/cpy3/...

check-static: ## staticcheck
	$(GO) run $(STATICCHECK) ./...
	$(GO) run $(STATICCHECK) -tags pydebug ./...
	$(GO) run $(STATICCHECK) -tags faulty ./cmd/libgopyrpc ./agent/pyworker/faulty

check-pure: ## the packages without C, built and tested without cgo
	CGO_ENABLED=0 $(GO) vet $(PURE)
	CGO_ENABLED=0 $(GO) test $(PURE)

check-darwin: ## everything compiles for macOS, with zig's C compiler
	scripts/darwin.sh

.PHONY: clean
clean: ## remove what was built (not the Go cache)
	scripts/tree.sh remove
	rm -rf --one-file-system bin dist .cache
