# What can be done here: `make help`. What a target needs beyond Rust, Go and npm, it installs itself (Debian, as root).

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# the versions that the tests stand on; KUBERNETES=1.28.15 on the command line or in the environment takes another
chosen := $(KUBERNETES)
include tests/tools/versions
ifneq ($(chosen),)
KUBERNETES := $(chosen)
endif
export KUBERNETES

PORT ?= 8080
STORAGE ?= chartstorage
comma := ,
SIZES ?= 1000 10000 50000
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/chartroom
export CHARTROOM_TOOLS ?= $(CACHE)/tools
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
STATIC_BINARY = $(TARGET_DIR)/$(HOST)/release/chartroom
IMAGE = $(TARGET_DIR)/image/chartroom-$(VERSION).tar
# what is tried out, and what is put on a desk: built quickly; `make release` and the image are small and fast
QUICK_BINARY = $(TARGET_DIR)/quick/chartroom
DENY = $(CHARTROOM_TOOLS)/cargo-deny-$(CARGO_DENY)/cargo-deny
# for `make install`
PREFIX ?= $(if $(filter 0,$(shell id -u)),/usr/local,$(HOME)/.local)
# tests by their names: those that `make test-oldest` runs, and those that `make test-quick` leaves out for a control plane
# that they need; a test compares the second list with what uses one
OLDEST_TESTS := component_controller:: _on_a_cluster:: control_plane:: crd:: own_chart:: builtin_charts:: teardown:: \
  events:: leader_lease:: helm_child:: test_bed::
SKIPPED := component_controller:: _on_a_cluster:: control_plane:: own_chart::life:: own_chart::rights:: \
  own_chart::rendering::an_api_server own_chart::notes::a_node_without \
  builtin_charts::cluster:: builtin_charts::stacks:: teardown:: events:: \
  leader_lease:: helm_child:: test_bed:: charts_over_http::release_size:: cluster_upgrade:: readme::the_tested_blocks
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

# what begins now, and how long that takes
define say
$(COLOURS); printf '%s\n' "$${bold}$(1)$$off"
endef

# colours for a terminal only
define COLOURS
if [ -t 1 ] && [ -z "$${NO_COLOR:-}" ]; then bold=$$'\e[1m' cyan=$$'\e[36m' dim=$$'\e[2m' off=$$'\e[0m'; \
else bold= cyan= dim= off=; fi
endef

.PHONY: help
help: ## list what can be done
	@$(COLOURS); echo "$${bold}chartroom $(VERSION)$$off"; \
	sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | \
	  while IFS=$$'\t' read -r target what; do printf "  $${cyan}make %-12s$$off  %s\n" "$$target" "$$what"; done

.PHONY: run
run: export PORT_GIVEN = $(PORT)
run: ## build and start the server with the built-in charts on port 8080 (PORT=…, STORAGE=…)
	@[[ $$PORT_GIVEN =~ ^[1-9][0-9]{0,4}$$ && $$PORT_GIVEN -le 65535 ]] || \
	  { printf "PORT is a number from 1 to 65535, not '%s'; write make run PORT=8081\n" "$$PORT_GIVEN" >&2; exit 1; }
	@[ -x $(QUICK_BINARY) ] || { $(call say,Compiling: 2 to 3 minutes on two cores the first time); }
	@cargo build --locked --profile quick
	@$(COLOURS); url=http://localhost:$(PORT); \
	printf '\n%s\n' "$${bold}chartroom on $$url$$off  $${dim}built-in charts: ./builtin-charts, uploads: $(STORAGE), Ctrl-C stops it$$off"; \
	printf '%s\n' "In another terminal, in this directory:"; \
	command -v helm >/dev/null || printf '%s\n' \
	  "  $${cyan}make install && export PATH=$(PREFIX)/bin:\$$PATH$$off  $${dim}# there is no helm on the PATH$$off"; \
	printf '%s\n' \
	  "  $${cyan}helm repo add chartroom $$url && helm search repo chartroom/$$off" \
	  "  $${cyan}helm create mychart && helm package mychart$$off" \
	  "  $${cyan}curl --data-binary @mychart-0.1.0.tgz $$url/api/charts$$off" \
	  "  $${cyan}helm repo update && helm show chart chartroom/mychart$$off" ""
	@exec $(QUICK_BINARY) --port=$(PORT) --storage=local --storage-local-rootdir=$(STORAGE) --builtin-charts=builtin-charts

.PHONY: install
install: ## put chartroom, and a helm if there is none, where a shell finds them (PREFIX=/usr/local or ~/.local)
	@[ -x $(QUICK_BINARY) ] || { $(call say,Compiling: 2 to 3 minutes on two cores the first time); }
	@cargo build --locked --profile quick
	@command -v helm >/dev/null || tests/tools/install.sh --image "$(CHARTROOM_TOOLS)"
	@mkdir -p "$(PREFIX)/bin"; install $(QUICK_BINARY) "$(PREFIX)/bin/chartroom"; echo "$(PREFIX)/bin/chartroom"; \
	command -v helm >/dev/null || { install "$(CHARTROOM_TOOLS)/helm-$(HELM)/helm" "$(PREFIX)/bin/helm"; echo "$(PREFIX)/bin/helm"; }; \
	case :$$PATH: in *:$(PREFIX)/bin:*) ;; *) echo "Now type: export PATH=$(PREFIX)/bin:\$$PATH" ;; esac

.PHONY: tools
tools: ## install what the tests need: a control plane, kubectl, five helms, gpg, openssl, curl, a linter (KUBERNETES=…)
	@tests/tools/install.sh "$(CHARTROOM_TOOLS)"

.PHONY: test
test: tools test-build ## install what the tests need, then run every test (KUBERNETES=1.28.15: against that one)
	@$(call say,Running every test: about 9 minutes on two cores)
	@cargo test --locked --lib --bins --tests --no-fail-fast

.PHONY: test-build
test-build:
	@$(call say,Compiling the tests: 2 to 4 minutes on two cores the first time$(comma) 20 s after a change)
	@cargo test --locked --lib --bins --tests --no-run

# many of them wait more than they work; the storm of power cuts has 200 rounds in `make test`
.PHONY: test-quick
test-quick: ## the tests that need no control plane, in 2 to 3 minutes after a build
	@tests/tools/install.sh --clients "$(CHARTROOM_TOOLS)"
	@$(MAKE) test-build
	@$(call say,Running what needs no control plane: 2 to 3 minutes on two cores)
	@export RUST_TEST_THREADS=$$((2 * $$(nproc) + 1)) CHARTROOM_STORM_ROUNDS=40; \
	status=0; cargo test --locked --lib --no-fail-fast || status=$$?; \
	cargo test --locked --test integration --no-fail-fast -- $(addprefix --skip ,$(SKIPPED)) || status=$$?; exit $$status

# what needs a cluster, against the oldest Kubernetes that is promised
.PHONY: test-oldest
test-oldest: ## the tests that need a cluster, on the oldest Kubernetes promised
	@KUBERNETES=$(KUBERNETES_OLDEST) tests/tools/install.sh "$(CHARTROOM_TOOLS)"
	@$(call say,Running what needs a cluster on Kubernetes $(KUBERNETES_OLDEST): about 7 minutes on two cores)
	@KUBERNETES=$(KUBERNETES_OLDEST) cargo test --locked --test integration --no-fail-fast -- $(OLDEST_TESTS)

# the table is the suite's own; the test looks at its results
.PHONY: conformance
conformance: ## the distribution specification's own suite against the server: what passes, and that nothing fails
	@tests/tools/go.sh "$(CHARTROOM_TOOLS)" oci-conformance-$(OCI_CONFORMANCE)
	@cargo test --locked --quiet --test integration -- oci::conformance --nocapture --test-threads=1

.PHONY: node-tools
node-tools:
	@tests/tools/install.sh --node "$(CHARTROOM_TOOLS)"

# before anything is built for a node that this machine cannot run
.PHONY: node-machine
node-machine:
	@python3 tests/e2e/node.py check

.PHONY: e2e
e2e: node-machine node-tools image ## a site on a real Kubernetes node without a network, from helm install to helm uninstall (root)
	@python3 tests/e2e/test_node.py
	@python3 tests/e2e/run.py --image $(IMAGE)

.PHONY: demo
demo: node-machine node-tools image ## look at a site: a real node, chartroom on it, monitoring-stack coming up; Ctrl-C ends it (root)
	@python3 tests/e2e/demo.py --image $(IMAGE)

.PHONY: check
check: deny ## formatting, clippy, documentation, each warning an error; licences and advisories of what is linked
	@cargo fmt --check
	@cargo clippy --locked --all-targets -- -D warnings
	@RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --quiet

# advisories are in a database that has to be fetched: where it cannot be, that is said, and the rest still counts
.PHONY: deny
deny:
	@tests/tools/install.sh --check "$(CHARTROOM_TOOLS)"
	@$(DENY) --locked --log-level error check bans licenses sources
	@if $(DENY) --locked --log-level off fetch db >/dev/null 2>&1; then \
	  $(DENY) --locked --log-level error check --disable-fetch advisories; \
	else echo "advisories: NOT CHECKED, their database (github.com/RustSec/advisory-db) cannot be reached from here"; fi

.PHONY: crd
crd: ## write the definition of the Component resource to chart/crds
	@mkdir -p chart/crds; cargo run --locked --quiet -- crd >$(TARGET_DIR)/crd.yaml; \
	mv $(TARGET_DIR)/crd.yaml chart/crds/components.ext.theriseunion.io.yaml

.PHONY: flags
flags: ## write the list of commands and options to docs/flags.md
	@cargo run --locked --quiet -- help --markdown >$(TARGET_DIR)/flags.md; mv $(TARGET_DIR)/flags.md docs/flags.md

.PHONY: bench
bench: bench-repository bench-controller ## measure against nginx and against helm, two tables (SIZES="1000 10000 50000")

.PHONY: storm
storm: ## attack it with a thousand slow, hanging and vanishing clients, in 3 minutes after a build (SEED=… repeats one)
	@cargo build --locked --release
	@python3 benches/storm.py --binary $(TARGET_DIR)/release/chartroom $(if $(SEED),--seed $(SEED))

.PHONY: bench-repository
bench-repository:
	@tests/tools/install.sh --bench "$(CHARTROOM_TOOLS)"
	@cargo build --locked --release
	@python3 benches/load.py --binary $(TARGET_DIR)/release/chartroom --cache $(CACHE)/bench $(SIZES)

.PHONY: bench-controller
bench-controller: tools
	@cargo build --locked --release
	@python3 benches/controller.py --binary $(TARGET_DIR)/release/chartroom --tools $(CHARTROOM_TOOLS) --cache $(CACHE)/bench

.PHONY: release
release: ## one static binary, and the proof that it is static
	@RUSTFLAGS="-C target-feature=+crt-static" cargo build --locked --release --target $(HOST)
	@answer=$$(ldd $(STATIC_BINARY) 2>&1 || true); case $$answer in \
	  *"statically linked"* | *"not a dynamic executable"*) ;; \
	  *) echo "$(STATIC_BINARY) is not static: $$answer" >&2; exit 1 ;; esac; \
	size=$$(stat -c %s $(STATIC_BINARY)); \
	echo "$(STATIC_BINARY): static, $$((size / 1024)) KiB"

.PHONY: package
package: release ## the static binary, its chart, the built-in charts and the documentation in one archive
	@name=chartroom-$(VERSION)-$(HOST); out=$(TARGET_DIR)/package/$$name; rm -rf $$out; mkdir -p $$out; \
	cp $(STATIC_BINARY) $$out/; cp -r builtin-charts chart docs README.md $$out/; \
	tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw \
	  -C $(TARGET_DIR)/package -cf - $$name | gzip -n >$$out.tar.gz; \
	rm -rf $$out; echo "$$out.tar.gz: $$(sha256sum $$out.tar.gz | cut -d' ' -f1)"

# `make release` links glibc statically, where the Dockerfile links musl: both run from scratch
.PHONY: image
image: release ## the container image as an archive, without a container engine
	@tests/tools/install.sh --image "$(CHARTROOM_TOOLS)"
	@python3 image/assemble.py --chartroom $(STATIC_BINARY) --helm "$(CHARTROOM_TOOLS)/helm-$(HELM)/helm" \
	  --charts builtin-charts --out $(IMAGE)
