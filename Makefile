# The two commands that matter: `make demo` and `make test`.

SHELL := /bin/bash
.DEFAULT_GOAL := help
CACHE ?= $(HOME)/.cache/backstay
export CARGO_TARGET_DIR ?= $(if $(CI),$(CACHE)/target,$(CURDIR)/target)
VENV := $(CACHE)/venv
SHOP := examples/shop
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
PEERS := $(CACHE)/peers

.PHONY: help demo test bench bench-peers lint nightly auth-times setup-build setup-test setup-peers quick shop-vendor unit blackbox

help:
	@echo "make demo     build, then serve examples/shop at http://127.0.0.1:8000"
	@echo "make test     install what is missing and pass every test"
	@echo "make lint     format, lints, repository checks"
	@echo "make bench    measure against the floor; make bench-peers beside other frameworks"
	@echo "make auth-times  does time tell whether an address has an account?"
	@echo "make nightly  the long runs of the tests in full"

setup-build:
	@scripts/install-packages build

setup-test: setup-build
	@scripts/install-packages test
	@test -x $(VENV)/bin/python || python3 -m venv $(VENV)
	@cmp -s tests/requirements.txt $(VENV)/requirements.txt || \
	  { $(VENV)/bin/pip install -q --disable-pip-version-check -r tests/requirements.txt && cp tests/requirements.txt $(VENV)/requirements.txt; }
	@cd tests/clients && npm ci --no-audit --no-fund --silent

quick: setup-build
	cargo build -p backstay

shop-vendor:
	@cd $(SHOP) && npm ci --no-audit --no-fund --silent && npm run --silent vendor

demo: quick shop-vendor
	$(CARGO_TARGET_DIR)/debug/backstay dev $(SHOP)

lint: setup-build
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo xtask tidy

unit: setup-build
	cargo test --workspace --locked

blackbox: quick setup-test shop-vendor
	cd tests && BACKSTAY_BINARY=$(CARGO_TARGET_DIR)/debug/backstay $(VENV)/bin/python -m pytest $(PYTEST)

test: lint unit blackbox

bench: setup-build
	cargo build --release -p backstay -p backstay-bench
	$(CARGO_TARGET_DIR)/release/backstay-bench $(CARGO_TARGET_DIR)/release/backstay

auth-times: quick setup-test
	cd tests && BACKSTAY_BINARY=$(CARGO_TARGET_DIR)/debug/backstay $(VENV)/bin/python auth_times.py

setup-peers: setup-test
	@test -x $(PEERS)/bin/python || python3 -m venv $(PEERS)
	@$(PEERS)/bin/pip install -q --disable-pip-version-check -r bench/peers/requirements.txt
	@cd bench/peers/express && npm ci --no-audit --no-fund --silent

bench-peers: setup-peers
	cargo build --release -p backstay -p backstay-bench
	$(CARGO_TARGET_DIR)/release/backstay-bench peers $(CARGO_TARGET_DIR)/release/backstay $(PEERS)
	$(PEERS)/bin/python bench/peers/report.py $(PEERS)/results.json docs

nightly: export BACKSTAY_NIGHTLY = 1
nightly: test
