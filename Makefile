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
SIZES ?= 1000 10000 50000
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/chartroom
export CHARTROOM_TOOLS ?= $(CACHE)/tools
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
STATIC_BINARY = $(TARGET_DIR)/$(HOST)/release/chartroom
IMAGE = $(TARGET_DIR)/image/chartroom-$(VERSION).tar
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

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
run: ## build and start the server with the built-in charts on port 8080 (PORT=…, STORAGE=…)
	@cargo build --release
	@$(COLOURS); url=http://localhost:$(PORT); \
	printf '\n%s\n' "$${bold}chartroom on $$url$$off  $${dim}built-in charts: ./builtin-charts, uploads: ./$(STORAGE), Ctrl-C stops it$$off"; \
	printf '%s\n' "In another terminal:" \
	  "  $${cyan}helm repo add chartroom $$url && helm search repo chartroom/$$off" \
	  "  $${cyan}helm create mychart && helm package mychart$$off" \
	  "  $${cyan}curl --data-binary @mychart-0.1.0.tgz $$url/api/charts$$off" \
	  "  $${cyan}helm repo update && helm show chart chartroom/mychart$$off" ""
	@exec $(TARGET_DIR)/release/chartroom --port=$(PORT) --storage=local --storage-local-rootdir=$(STORAGE) --builtin-charts=builtin-charts

.PHONY: tools
tools: ## install what the tests need: a control plane, kubectl, five helms, gpg, openssl, curl, a linter (KUBERNETES=…)
	@tests/tools/install.sh "$(CHARTROOM_TOOLS)"

.PHONY: test
test: tools ## install what the tests need, then run every test (KUBERNETES=1.28.15: against that one)
	@status=0; cargo test --doc || status=$$?; \
	cargo test --lib --bins --tests --no-fail-fast || status=$$?; exit $$status

# what needs a cluster, against the oldest Kubernetes that is promised
.PHONY: test-oldest
test-oldest: ## the tests that need a cluster, on the oldest Kubernetes promised
	@KUBERNETES=$(KUBERNETES_OLDEST) tests/tools/install.sh "$(CHARTROOM_TOOLS)"
	@KUBERNETES=$(KUBERNETES_OLDEST) cargo test --test integration --no-fail-fast -- \
	  component_controller:: _on_a_cluster:: control_plane:: crd:: own_chart:: builtin_charts:: teardown:: events:: \
	  leader_lease:: helm_child:: test_bed::

.PHONY: node-tools
node-tools:
	@tests/tools/install.sh --node "$(CHARTROOM_TOOLS)"

.PHONY: e2e
e2e: node-tools image ## a site on a real Kubernetes node without a network, from helm install to helm uninstall (root)
	@python3 tests/e2e/test_node.py
	@python3 tests/e2e/run.py --image $(IMAGE)

.PHONY: demo
demo: node-tools image ## look at a site: a real node, chartroom on it, monitoring-stack coming up; Ctrl-C ends it (root)
	@python3 tests/e2e/demo.py --image $(IMAGE)

.PHONY: check
check: ## formatting, clippy and documentation, each warning an error
	@cargo fmt --check
	@cargo clippy --all-targets -- -D warnings
	@RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --quiet

.PHONY: crd
crd: ## write the definition of the Component resource to chart/crds
	@mkdir -p chart/crds; cargo run --quiet -- crd >$(TARGET_DIR)/crd.yaml; \
	mv $(TARGET_DIR)/crd.yaml chart/crds/components.ext.theriseunion.io.yaml

.PHONY: flags
flags: ## write the list of commands and options to docs/flags.md
	@cargo run --quiet -- help --markdown >$(TARGET_DIR)/flags.md; mv $(TARGET_DIR)/flags.md docs/flags.md

.PHONY: bench
bench: bench-repository bench-controller ## measure against nginx and against helm, two tables (SIZES="1000 10000 50000")

.PHONY: bench-repository
bench-repository:
	@tests/tools/install.sh --bench "$(CHARTROOM_TOOLS)"
	@cargo build --release
	@python3 benches/load.py --binary $(TARGET_DIR)/release/chartroom --cache $(CACHE)/bench $(SIZES)

.PHONY: bench-controller
bench-controller: tools
	@cargo build --release
	@python3 benches/controller.py --binary $(TARGET_DIR)/release/chartroom --tools $(CHARTROOM_TOOLS) --cache $(CACHE)/bench

.PHONY: release
release: ## one static binary, and the proof that it is static
	@RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --target $(HOST)
	@answer=$$(ldd $(STATIC_BINARY) 2>&1 || true); case $$answer in \
	  *"statically linked"* | *"not a dynamic executable"*) ;; \
	  *) echo "$(STATIC_BINARY) is not static: $$answer" >&2; exit 1 ;; esac; \
	size=$$(stat -c %s $(STATIC_BINARY)); \
	echo "$(STATIC_BINARY): static, $$((size / 1024)) KiB"

.PHONY: package
package: release ## the static binary and the built-in charts in one archive
	@name=chartroom-$(VERSION)-$(HOST); out=$(TARGET_DIR)/package/$$name; rm -rf $$out; mkdir -p $$out; \
	cp $(STATIC_BINARY) $$out/; cp -r builtin-charts README.md $$out/; \
	tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw \
	  -C $(TARGET_DIR)/package -cf - $$name | gzip -n >$$out.tar.gz; \
	rm -rf $$out; echo "$$out.tar.gz: $$(sha256sum $$out.tar.gz | cut -d' ' -f1)"

# `make release` links glibc statically, where the Dockerfile links musl: both run from scratch
.PHONY: image
image: release ## the container image as an archive, without a container engine
	@tests/tools/install.sh --image "$(CHARTROOM_TOOLS)"
	@python3 image/assemble.py --chartroom $(STATIC_BINARY) --helm "$(CHARTROOM_TOOLS)/helm-$(HELM)/helm" \
	  --charts builtin-charts --out $(IMAGE)
