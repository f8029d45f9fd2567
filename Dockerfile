FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
# The dependencies, some of them C, form a separate layer, because they change with Cargo.lock and
# not with the sources.
COPY Cargo.toml Cargo.lock ./
# A member of the workspace that only the tests build: cargo wants to see it.
COPY integration_tests/faulty_s3/Cargo.toml integration_tests/faulty_s3/Cargo.toml
RUN mkdir src integration_tests/faulty_s3/src \
    && echo '//! Placeholder.' | tee integration_tests/faulty_s3/src/lib.rs > src/lib.rs \
    && printf '//! Placeholder.\nfn main() {}\n' > src/main.rs \
    && cargo build --release --locked --bin destination-s3 \
    && rm -r src
COPY src src
# Cargo compares file times, and those of a checkout can be older than those of the placeholders.
RUN find src -name '*.rs' -exec touch {} + \
    && cargo build --release --locked --bin destination-s3

FROM debian:bookworm-slim
# The client library reads the CA bundle. Copying the builder's saves installing a package here.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /build/target/release/destination-s3 /usr/local/bin/destination-s3
# The platform mounts its files here and may run the container as any user.
RUN mkdir /airbyte && chmod 1777 /airbyte && chmod 755 /usr/local/bin/destination-s3
WORKDIR /airbyte

# The platform's script runs this command with `eval` in a background subshell (it needs the base
# image's sh, sleep and mv), and cancels a sync by SIGTERM to that subshell. `exec` replaces the
# subshell with the connector. Without it the shell receives the signal, and the connector is killed
# together with what it has not published.
ENV AIRBYTE_ENTRYPOINT="exec /usr/local/bin/destination-s3"
USER 1000:1000
ENTRYPOINT ["/usr/local/bin/destination-s3"]

LABEL io.airbyte.name="destination-s3"
LABEL io.airbyte.version="0.1.0"
