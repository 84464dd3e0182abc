# The one place for commands; CI runs "make check" and nothing else.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

GOLANGCI_LINT_VERSION := v2.15.0
GOFUMPT_VERSION := v0.12.0
GO_LICENSES_VERSION := v1.6.0

TOOLS := $(CURDIR)/.cache/bin
GOLANGCI_LINT := $(TOOLS)/golangci-lint-$(GOLANGCI_LINT_VERSION)
GOFUMPT := $(TOOLS)/gofumpt-$(GOFUMPT_VERSION)
GO_LICENSES := $(TOOLS)/go-licenses-$(GO_LICENSES_VERSION)

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X github.com/dingdag/dingdag/cli.version=$(VERSION)
GO_FILES = $$(find . -name '*.go' -not -path './.*')

# What may be set on the command line: make test TESTFLAGS=-v, make fuzz FUZZTIME=1m.
# The smoke counts executions: with a time, go test now and then fails a healthy target
# with "context deadline exceeded" when the time ends while an input is being minimized.
TESTFLAGS ?=
FUZZTIME ?= 3000x
SOAK ?= 30m
ARGS ?=
BENCH ?=
IN ?= /dev/shm $${TMPDIR:-/tmp}
PKG ?= ./outbox ./dagrun
SHARE ?= 1

# Modules of their own, so that the program does not depend on what they need.
MODULES := deploy otlp s3

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/dingdag
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/dingdag ./cmd/runner

.PHONY: otlp
otlp: ## Build bin/dingdag-otlp, which sends traces
	go build -C otlp -trimpath -ldflags '$(LDFLAGS)' -o $(CURDIR)/bin/dingdag-otlp .

.PHONY: s3
s3: ## Build bin/dingdag-s3, which keeps task logs in object storage
	go build -C s3 -trimpath -ldflags '$(LDFLAGS)' -o $(CURDIR)/bin/dingdag-s3 ./dingdag-s3

.PHONY: run
run: build ## Start scheduler and workers (ARGS="--home DIR")
	bin/dingdag standalone $(ARGS)

.PHONY: examples
examples: build ## Run the example DAGs with the built binary against the sandbox
	bin/dingdag demo

# With the race detector the programs that tests of the command line and of whole pages start take several times as long, and these packages
# were half of the time of CI. They run without it, and those of their tests with it in which many things happen in one process at the same time.
# A program built with -race waits a second before it ends, unless GORACE says otherwise.
# The upgrades of all stores that there ever were take minutes with it and seconds without.
# The engine is tested once more, in part, with attempts in another process than the one that leads; without -run it is as a whole.
.PHONY: test
test: export GORACE ?= atexit_sleep_ms=10
test: ## Run the tests, with the race detector where it tells most
	go test -race -timeout 60m $(TESTFLAGS) $$(go list ./... | grep -vE '/(cli|web/whole)$$')
	go test -timeout 60m $(TESTFLAGS) ./cli ./web/whole
	go test -race -timeout 60m $(TESTFLAGS) -run '^Test(Cluster|TheNext|AWorker|ALeader|PeopleEnd|Storm|Soak|ChatChaos)' ./cli
	go test $(TESTFLAGS) -run '^TestUpgrade$$' ./store/sqlite
	go test $(TESTFLAGS) -parallel 4 -run '^Test(Run|Retr|Execution|Mapped|Sensor|Resched|FailFast|XCom)' ./engine -args -away
	go test $(TESTFLAGS) ./engine/simulation -cases 30

# With -mod=mod they take over what the program has come to depend on; the change of their go.mod is to be committed.
.PHONY: modules
modules: ## Vet and test the modules beside the program's
	for module in $(MODULES); do (cd "$$module" && go vet -mod=mod ./... && go test -mod=mod $(TESTFLAGS) ./...); done

.PHONY: fuzz
fuzz: ## Run each fuzz target FUZZTIME long
	@go test -list '^Fuzz' $$(grep -rlE '^func Fuzz' --include '*_test.go' . | xargs -n 1 dirname | sort -u) \
		| awk '/^Fuzz/ {name[n++] = $$1} /^ok/ {for (i = 0; i < n; i++) print $$2, name[i]; n = 0}' \
		| while read -r pkg name; do \
			echo "$$pkg $$name"; \
			go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x "$$pkg" </dev/null || exit 1; \
		done

# Not part of check: it runs the tests of a package for each small change of its code.
.PHONY: mutate
mutate: ## Change the code of PKG and see its tests fail (PKG="./engine/..." SHARE=0.2)
	@go run ./bench/mutate -share $(SHARE) $(PKG)

.PHONY: bench
bench: build ## Measure against the targets of docs/benchmarks.md (BENCH=ChainBash, IN="DIR ...")
	@for dir in $(IN); do printf '\nIn %s (%s):\n\n' "$$dir" "$$(stat -f -c %T "$$dir")"; go run ./bench/table -bench '$(BENCH)' -in "$$dir"; done

# Not part of check, which has a short form of it among the tests.
.PHONY: soak
soak: ## Run ten tasks a second for SOAK and see that nothing grows
	go test -count 1 -timeout 0 -v -run '^TestSoak$$' ./cli -soak $(SOAK)

# Not part of check, which has a short form of it among the tests.
.PHONY: chaos
chaos: ## Kill processes 100 times each way, simulate 2000 clusters on which things go wrong, write commands and press buttons for 300 s while streams go wrong, and run five machines on which something goes wrong each second (SEED=1 for that schedule)
	go test -count 1 -timeout 0 -v -run '^TestKill' ./cli -kills 100 -kill-seed $(or $(SEED),0)
	go test -count 1 -timeout 0 -run '^TestSimulation$$' ./engine/simulation -first $(or $(SEED),1)000 -cases 2000
	go test -count 1 -timeout 0 -v -run '^TestChatChaos$$' ./cli -chat-for 300s -chat-seed $(or $(SEED),0)
	go test -count 1 -timeout 0 -v -run '^TestClusterChaos$$' ./cli/internal/chaos -chaos-for 300s -chaos-seed $(or $(SEED),0)

.PHONY: generate
generate: ## Write the generated files anew
	go generate ./operator/... ./callbacks/... && go generate ./...

# Without GOROOT a tool that was built with -trimpath takes every package for one of the standard library.
.PHONY: licenses
licenses: $(GO_LICENSES) ## Write NOTICE: what the binary contains, with its licences
	@GOROOT=$$(go env GOROOT) $(GO_LICENSES) report --template .ci/notice.tmpl --ignore github.com/dingdag/dingdag ./cmd/runner 2>NOTICE.log > NOTICE.new || { cat NOTICE.log >&2; exit 1; }
	@mv NOTICE.new NOTICE; rm NOTICE.log

.PHONY: architecture
architecture: ## Draw the rooms and their arrows for docs/architecture.md
	go run ./docs/architecture

# Not part of check. It needs DINGDAG_TEST_CHROMIUM.
.PHONY: images
images: ## Make the pictures of docs/pages.md from the runs of the examples
	go test -count 1 ./web/whole -run '^TestImages$$' -images $(CURDIR)/docs/images

.PHONY: fmt
fmt: $(GOFUMPT) ## Format the code
	$(GOFUMPT) -w $(GO_FILES)

.PHONY: lint
lint: $(GOLANGCI_LINT) ## Run the linters
	$(GOLANGCI_LINT) run

.PHONY: tools
tools: $(GOLANGCI_LINT) $(GOFUMPT) ## Install the pinned tools into .cache/bin

.PHONY: check
check: check-generate check-fmt lint test modules examples fuzz ## Everything that CI runs; the linters have what go vet has

.PHONY: check-generate
check-generate:
	@before=$$(git status --porcelain; git diff); \
	go generate ./operator/... ./callbacks/... && go generate ./...; \
	after=$$(git status --porcelain; git diff); \
	if [ "$$before" != "$$after" ]; then \
		git --no-pager diff --stat; \
		echo 'generated files were out of date: commit what "make generate" has written' >&2; \
		exit 1; \
	fi

.PHONY: check-fmt
check-fmt: $(GOFUMPT)
	@bad=$$($(GOFUMPT) -l $(GO_FILES)); \
	if [ -n "$$bad" ]; then \
		printf 'not formatted, run "make fmt":\n%s\n' "$$bad" >&2; \
		exit 1; \
	fi

.PHONY: vet
vet:
	go vet ./...

# The version is in the file's name, so a new pin is a new file and an old one is kept.
$(GOLANGCI_LINT):
	GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	mv $(TOOLS)/golangci-lint $@

$(GO_LICENSES):
	GOBIN=$(TOOLS) go install github.com/google/go-licenses@$(GO_LICENSES_VERSION)
	mv $(TOOLS)/go-licenses $@

$(GOFUMPT):
	GOBIN=$(TOOLS) go install mvdan.cc/gofumpt@$(GOFUMPT_VERSION)
	mv $(TOOLS)/gofumpt $@
