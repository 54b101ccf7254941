# syntax=docker/dockerfile:1

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
# The caches outlive the build: a change of one crate compiles that crate only.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release --locked -p ekiden \
    && install target/release/ekiden /usr/local/bin/ekiden

FROM debian:bookworm-slim
# curl is for health checks.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --home-dir /var/lib/ekiden --create-home --shell /usr/sbin/nologin ekiden
COPY --from=build /usr/local/bin/ekiden /usr/local/bin/ekiden
USER ekiden
# Where an SQLite database is kept if no other is named: mount a volume there to keep it.
WORKDIR /var/lib/ekiden
EXPOSE 7070
ENTRYPOINT ["ekiden"]
CMD ["serve"]
