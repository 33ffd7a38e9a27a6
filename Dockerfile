# Targets: `producer` (ingest, port 8080), `consumer` (counting and reading, port 8081), and without a target all in one
# process on its embedded files (`weir serve`, port 8080, data in /var/lib/weir).
#
#   docker build --target producer -t weir-producer .

FROM debian:bookworm-slim AS build
WORKDIR /weir
# The packages change seldom, the sources often: each has a layer of its own.
COPY scripts/setup scripts/setup
RUN scripts/setup build && rm -rf /var/lib/apt/lists/*
COPY . .
RUN --mount=type=cache,target=/root/.cache/ccache make build && strip -o weir build/release/weir

FROM debian:bookworm-slim AS runtime
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      libboost-json1.81.0 libfmt9 libpq5 libprometheus-cpp-core1.0 librdkafka1 libsimdjson14 libspdlog1.10 \
      liblz4-1 libsqlite3-0 libssl3 libzstd1 zlib1g ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin weir \
 && install -d -o weir -g weir /var/lib/weir
COPY scripts/healthy /usr/local/bin/weir-healthy
COPY --from=build /weir/weir /usr/local/bin/weir
# A missing library fails the build here, not at run time.
RUN weir --version && ! ldd /usr/local/bin/weir | grep 'not found'
USER weir
WORKDIR /var/lib/weir
STOPSIGNAL SIGTERM
ENTRYPOINT ["weir"]

FROM runtime AS producer
ENV SERVER_PORT=8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["weir-healthy"]
CMD ["producer"]

FROM runtime AS consumer
ENV CONSUMER_PORT=8081
EXPOSE 8081
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["weir-healthy"]
CMD ["consumer"]

FROM runtime AS serve
ENV SERVER_PORT=8080 DATA_DIR=/var/lib/weir
EXPOSE 8080
VOLUME /var/lib/weir
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["weir-healthy"]
CMD ["serve"]
