# Everything here works on a fresh machine with Go; what else the tests need, "make test" installs where it may.

GO            ?= go
BIN           := $(CURDIR)/bin
GOLANGCI_LINT := $(BIN)/golangci-lint-v2.15.0
GOVULNCHECK   := $(BIN)/govulncheck-v1.9.0
GORELEASER    := $(BIN)/goreleaser-v2.15.1
CYCLONEDX     := $(BIN)/cyclonedx-gomod-v1.10.0
FUZZTIME      ?= 20s
MODULES       := . tests kms

export CGO_ENABLED ?= 0
# Each module stands for itself, also below a workspace of somebody's own.
export GOWORK = off

.PHONY: all build test lint bench fuzz sim crash attack attack-proof soak screenshots package reproducible windows clean help

all: build

# What there is to make, and what it costs.
help:
	@sed -n 's/^    make/make/p' CONTRIBUTING.md

build:
	$(GO) build -trimpath -buildvcs=auto -ldflags '-s -w' -o $(BIN)/ ./cmd/authsome ./cmd/authsome-age

# The race detector needs cgo; the program itself is tested as it is built.
test:
	./tests/prepare
	CGO_ENABLED=1 ./tests/run $(GO) test -race -timeout 20m ./...
	cd tests && CGO_ENABLED=1 ./run $(GO) test -race -timeout 20m ./...
	cd kms && $(GO) test ./...

lint: $(GOLANGCI_LINT) $(GOVULNCHECK)
	for m in $(MODULES); do (cd $$m && $(GO) mod tidy -diff && $(GO) vet ./... && $(GOLANGCI_LINT) run ./...) || exit 1; done
	for os in darwin windows; do for arch in amd64 arm64; do \
		echo "build $$os/$$arch" && GOOS=$$os GOARCH=$$arch $(GO) build -o /dev/null ./cmd/authsome && \
		GOOS=$$os GOARCH=$$arch $(GO) vet ./... || exit 1; done; done
	./tests/govulncheck $(GOVULNCHECK)

# Ratios within one run, written to docs/benchmarks.md.
bench: build
	./tests/bench > docs/benchmarks.md.new
	mv docs/benchmarks.md.new docs/benchmarks.md

# A million schedules of crashes, lost answers and wrong clocks: half an hour of processor time. Then bugs are planted, and found.
sim:
	GOGC=400 AUTHSOME_SIM_SCHEDULES=1000000 $(GO) test -count=1 -v -timeout 300m -run TestSimulation ./local/simulation
	AUTHSOME_SIM_PLANTED=all $(GO) test -count=1 -v -timeout 30m -run TestPlanted ./local/simulation

# Twenty thousand processes killed at random moments, half of them refreshing: about half an hour.
crash:
	cd tests && AUTHSOME_CRASH_KILLS=20000 $(GO) test -count=1 -v -timeout 180m -run TestCrash ./crash

# Every known attack on a broker, against a build of this tree, in one table.
attack:
	./tests/attacks

# Takes each defence out in turn and expects its attack to succeed. "make test" does that for two of them.
attack-proof:
	cd tests && AUTHSOME_ATTACK_PROOFS=all $(GO) test -count=1 -v -timeout 60m -run '^TestProof' ./attack

# Ten minutes of mixed traffic, tokens that expire, servers that fail; "make test" does one minute of it.
soak:
	cd tests && AUTHSOME_SOAK=10m $(GO) test -count=1 -v -timeout 20m -run TestSoak ./soak

# What the pages of a login look like, for docs/login.md.
screenshots:
	mkdir -p docs/screenshots
	cd tests && AUTHSOME_SCREENSHOTS=$(CURDIR)/docs/screenshots $(GO) test -count=1 ./browser \
		-run 'TestKeyIsEnteredByKeyboard/with_script|TestDevicePageTurnsIntoTheResult/approved'
	chmod 644 docs/screenshots/*.png

# What a release consists of, in dist/: archives, deb and rpm packages with manual pages and completions, checksums, and what
# each binary is made of. Nothing is published.
package: $(GORELEASER) $(CYCLONEDX)
	mkdir -p $(BIN)/release && ln -sf $(CYCLONEDX) $(BIN)/release/cyclonedx-gomod
	PATH=$(BIN)/release:$$PATH $(GORELEASER) release --snapshot --clean

# Makes the packages twice, in two places, and compares what would be published; builds the programs again with nothing built
# before. The packages are then unpacked, installed and used. A container is made, too, where there is buildah.
reproducible: $(GORELEASER) $(CYCLONEDX)
	cd tests && AUTHSOME_RELEASE=$(BIN) $(GO) test -count=1 -v -timeout 60m ./release

# The Windows build under Wine, which is fetched where it is missing: half an hour on two cores.
windows:
	./tests/windows

fuzz:
	./tests/fuzz $(FUZZTIME)

clean:
	rm -rf $(BIN) dist dist-manual

$(GOLANGCI_LINT):
	GOBIN=$(BIN) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
	mv $(BIN)/golangci-lint $@

$(GOVULNCHECK):
	GOBIN=$(BIN) $(GO) install golang.org/x/vuln/cmd/govulncheck@v1.9.0
	mv $(BIN)/govulncheck $@

$(GORELEASER):
	GOBIN=$(BIN) $(GO) install github.com/goreleaser/goreleaser/v2@v2.15.1
	mv $(BIN)/goreleaser $@

# Its own sum is in what it writes, so it is made the same everywhere.
$(CYCLONEDX):
	GOBIN=$(BIN) $(GO) install -trimpath github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
	mv $(BIN)/cyclonedx-gomod $@
