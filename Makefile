# All tasks of this repository are targets here; .ci/run calls them.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
TOOL := go tool -modfile=tools/go.mod
PACKAGES ?= ./...

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-19s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the static binary bin/signalbox, with the version from git
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/signalbox ./bootstrap/cmd/signalbox

.PHONY: run
run: build ## Build, and serve on http://localhost:8082 with default settings
	bin/signalbox serve

# The race detector leaves SQLite itself out, not its driver: it is C translated to Go, which
# would take five times as long.
RACE := -race $(foreach of,libc/... memory mathutil sqlite/lib,-gcflags='modernc.org/$(of)=-race=false')

.PHONY: test
test: ## Run all tests that this machine supports, and list those left out
	@mkdir -p bin
	$(TOOL) gotestsum --format pkgname --jsonfile bin/test.json -- $(RACE) -shuffle=on $(PACKAGES)
	@sh test/leftout.sh bin/test.json

.PHONY: faults
faults: ## Run the fault tests at their full length (FAULT_SEED repeats one)
	FAULTS=full go test -count=1 -timeout 90m -v -run '^TestFault' ./test/e2e/fault

.PHONY: bench
bench: ## Measure the binary against ceilings (ARGS='-only write-sqlite -json')
	go run ./test/bench $(ARGS)

.PHONY: overload
overload: ## Measure goodput, other keys and valid keys under overload (ARGS='-rounds 3')
	go run ./test/bench -only overload $(ARGS)

.PHONY: lint
lint: ## Run the linters and go vet, and check go.mod
	$(TOOL) golangci-lint run
	go vet $(PACKAGES)
	go vet -tags failpoints $(PACKAGES)
	go mod tidy -diff

.PHONY: fmt
fmt: ## Format the code
	$(TOOL) golangci-lint fmt

.PHONY: golden
golden: ## Regenerate the documentation of settings and error codes
	go run ./test/golden
	go test ./test/architecture -run TestErrorCodes -update >/dev/null

.PHONY: openapi
openapi: ## Regenerate docs/openapi.json
	go run ./bootstrap/cmd/signalbox openapi > docs/openapi.json

.PHONY: check
check: check-openapi check-clients check-schemathesis ## Run all suites that .ci/run may leave out

.PHONY: check-openapi
check-openapi: ## Validate docs/openapi.json by four validators
	bash test/openapi/check.sh

.PHONY: check-clients
check-clients: ## Run programs with clients generated from docs/openapi.json
	bash test/clients/check.sh

.PHONY: check-schemathesis
check-schemathesis: ## Fuzz the service by docs/openapi.json (SCHEMATHESIS_SECONDS=90)
	bash test/schemathesis/check.sh

.PHONY: vulncheck
vulncheck: ## Look for known vulnerabilities in what is called (needs vuln.go.dev)
	go run golang.org/x/vuln/cmd/govulncheck@latest ./...

.PHONY: cover
cover: ## Report the coverage of all tests
	@mkdir -p bin
	go test -coverpkg=./domain/...,./application/...,./adapters/...,./bootstrap/... -coverprofile=bin/cover.out $(PACKAGES) >/dev/null
	go tool cover -func=bin/cover.out | tail -n 1
