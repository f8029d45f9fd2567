# What people and the gate (.ci/run) run. It needs Rust (rust-version in Cargo.toml), make and a C compiler.

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
BINARY := $(TARGET)/release/destination-s3
# Options for `make bench`, for example BENCH='--runs 3 --formats jsonl.gz'.
BENCH ?=

.DEFAULT_GOAL := help
.PHONY: help quickstart test lint bench clean c-compiler

help: ## Show this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | \
		while IFS='|' read -r name text; do printf '%-18s %s\n' "$$name" "$$text"; done

quickstart: c-compiler ## Run spec, check and write against an S3 server inside the process, and look at the files
	$(CARGO) build --release --locked --bin destination-s3
	@rm -rf $(TARGET)/quickstart
	@COLUMNS="$${COLUMNS:-$$(tput cols 2>/dev/null)}" \
		$(CARGO) run --quiet --locked --example quickstart -- $(BINARY) $(TARGET)/quickstart

test: c-compiler ## Run all tests
	$(CARGO) test --locked

lint: c-compiler ## Check the formatting, and clippy with its warnings as errors
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --locked -- -D warnings

bench: c-compiler ## Measure every format against a bare copy and against pigz (Linux; BENCH='--runs 3' for options)
	$(CARGO) build --release --locked --bin destination-s3
	$(CARGO) build --release --locked --example bench --example generate_stream --example s3_sink --example copy_floor
	@command -v pigz >/dev/null || { echo "installing pigz, to compare with"; \
		{ apt-get update && apt-get install --yes --no-install-recommends pigz; } >/dev/null 2>&1 || \
		echo "pigz could not be installed (as root: apt-get install pigz)"; }
	@$(TARGET)/release/examples/bench $(BINARY) --folder $(TARGET)/bench $(BENCH)

clean: ## Remove everything that was built
	$(CARGO) clean

# Some dependencies are C; cargo's own message about a missing compiler comes minutes later and is long.
c-compiler:
	@command -v "$${CC:-cc}" >/dev/null || { \
		echo "No C compiler: install one (on Debian: apt-get install gcc libc6-dev) or set CC." >&2; exit 1; }
