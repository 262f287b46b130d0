# What people do here. `make` alone lists it.
.DEFAULT_GOAL := help
CARGO ?= cargo
TOOLS := $(CURDIR)/target/tools
CLUSTER_BIN := $(CURDIR)/target/devcluster/bin
CLUSTER_STATE := $(CURDIR)/target/devcluster/state
# One after the other: set-up comes first, and cargo has one lock.
.NOTPARALLEL:
.PHONY: help check fmt clippy doc deny test setup demo bench compare tail instructions \
	instructions-accept golden golden-check golden-plans fuzz
.PHONY: demo-cluster image scale test-quick cluster cluster-build cluster-check cluster-down

help: ## list these
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## a gateway with replicas on loopback, and what to curl
	$(CARGO) run --release --bin metaparticle-gateway -- demo

demo-cluster: ## the same in a real Kubernetes on this machine: gateways from deploy/base, three examples
	@CARGO=$(CARGO) ./deploy/demo/run.sh

image: ## the gateway's image, pushed to REGISTRY (127.0.0.1:5000, the development cluster's)
	@$(CARGO) run -q -p metaparticle-image -- metaparticle-gateway metaparticle-gateway $(or $(REGISTRY),127.0.0.1:5000)

scale: cluster ## how soon a change of the cluster is followed, and what 5000 Services cost in memory
	KUBECONFIG=$(CLUSTER_STATE)/admin.kubeconfig $(CARGO) run -q -p metaparticle-e2e --bin scale

test: ## all that must be right, on a real Kubernetes where this machine can have one: what CI runs
	@CARGO=$(CARGO) ./deploy/test.sh

test-quick: ## the same, but for the tests that want a cluster
	@CLUSTER=none CARGO=$(CARGO) ./deploy/test.sh

check: fmt clippy doc deny ## formatting, lints, documentation, dependencies: warnings are errors

fmt:
	$(CARGO) fmt --all --check

clippy:
	$(CARGO) clippy --workspace --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --document-private-items

deny:
	PATH="$(TOOLS)/bin:$$PATH" $(CARGO) deny --all-features check bans licenses sources

setup: ## install what the tests need and this machine lacks
	./deploy/setup.sh $(TOOLS)

cluster: cluster-build ## a real Kubernetes on this machine, and the line to export
	@$(CLUSTER_BIN)/devcluster up --state $(CLUSTER_STATE)

cluster-down: ## end it, and leave nothing behind
	@if [ -e /run/metaparticle-devcluster ] || [ -e $(CLUSTER_STATE) ]; then \
		./deploy/devcluster/build.sh $(CLUSTER_BIN) && $(CLUSTER_BIN)/devcluster down --state $(CLUSTER_STATE); \
	else echo "no cluster is up"; fi

cluster-build:
	@./deploy/devcluster/build.sh $(CLUSTER_BIN)

cluster-check:
	@./deploy/devcluster/check.sh

bench: ## the parts, by criterion
	$(CARGO) bench -p metaparticle-benches

compare: ## what a request costs, beside nginx, HAProxy, Envoy and others (twenty minutes, two quiet cores)
	./benches/compare/install.sh target/peers
	./target/release/compare --out benches/results --insert README.md

tail: ## slow answers and extra requests, without and with hedging, in paused time and over sockets
	$(CARGO) bench -p metaparticle-benches --bench slow_leaf -- --sockets --out $(CURDIR)/benches/results

instructions: ## what a request costs in instructions, and whether it cost less before
	$(CARGO) build --profile counted -p metaparticle-gateway --bin metaparticle-gateway
	$(CARGO) run -q -p metaparticle-instructions -- --program target/counted/metaparticle-gateway

instructions-accept: ## accept what a request costs now
	$(CARGO) build --profile counted -p metaparticle-gateway --bin metaparticle-gateway
	$(CARGO) run -q -p metaparticle-instructions -- --program target/counted/metaparticle-gateway --accept

golden-check:
	python3 gateway/tests/golden/make.py | cmp - gateway/tests/golden/ring-v1.csv

golden: ## make the golden vectors again, by the independent implementation
	python3 gateway/tests/golden/make.py > gateway/tests/golden/ring-v1.csv

golden-plans: ## write again what is made of the libraries' specs: read the difference before it is committed
	GOLDEN_WRITE=1 $(CARGO) test -q -p metaparticle --test golden

fuzz: ## the framing of HTTP/1, for a minute (needs cargo-fuzz and a nightly toolchain)
	cd gateway && $(CARGO) +nightly fuzz run framing -- -max_total_time=60
