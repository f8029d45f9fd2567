FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
# The dependencies, some of them C, are a layer of their own: they change with Cargo.lock, not with the sources.
COPY Cargo.toml Cargo.lock ./
# A member of the workspace that only the tests build: cargo wants to see it.
COPY integration_tests/faulty_s3/Cargo.toml integration_tests/faulty_s3/Cargo.toml
RUN mkdir src integration_tests/faulty_s3/src \
    && echo '//! Placeholder.' | tee integration_tests/faulty_s3/src/lib.rs > src/lib.rs \
    && printf '//! Placeholder.\nfn main() {}\n' > src/main.rs \
    && cargo build --release --locked --bin destination-s3 \
    && rm -r src
COPY src src
# Cargo goes by file times, and those of a checkout can be older than the placeholders'.
RUN find src -name '*.rs' -exec touch {} + \
    && cargo build --release --locked --bin destination-s3

FROM debian:bookworm-slim
# The builder's bundle, so that this stage needs no package: the client library reads it.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /build/target/release/destination-s3 /usr/local/bin/destination-s3
# The platform mounts its files here and runs the container as whatever user it likes.
RUN mkdir /airbyte && chmod 1777 /airbyte && chmod 755 /usr/local/bin/destination-s3
WORKDIR /airbyte

# The platform starts the command of this variable with `eval` in a background subshell of its own script (it needs the
# base image's sh, sleep and mv), and cancels a sync by SIGTERM to that subshell. `exec` makes the connector that
# subshell: without it the shell takes the signal, and the connector is killed with what it has not published.
ENV AIRBYTE_ENTRYPOINT="exec /usr/local/bin/destination-s3"
USER 1000:1000
ENTRYPOINT ["/usr/local/bin/destination-s3"]

LABEL io.airbyte.name="destination-s3"
LABEL io.airbyte.version="0.1.0"
