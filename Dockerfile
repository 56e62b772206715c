# syntax=docker/dockerfile:1
#
# The image of chartroom: one static binary, helm's, the built-in charts as packages, and nothing else.
#
#   docker buildx build --platform linux/amd64,linux/arm64 --tag REGISTRY/chartroom:0.1.0 .
#
# `make image` makes the same file system without a container engine (image/assemble.py); a test keeps the two in step:
# what the last stage copies, and its user, entry point, environment, ports and labels.

ARG RUST_VERSION=1.95
ARG GO_VERSION=1.26

# --- helm, compiled from its module: image/helm pins it and all it needs by checksum -------------------------------
FROM --platform=$BUILDPLATFORM golang:${GO_VERSION}-alpine AS helm
ARG TARGETARCH
ARG HELM_VERSION=4.3.1
WORKDIR /source
COPY image/helm .
RUN --mount=type=cache,target=/go/pkg/mod \
    CGO_ENABLED=0 GOARCH=${TARGETARCH} go build -mod=readonly -trimpath \
    -ldflags "-s -w -X helm.sh/helm/v4/internal/version.version=v${HELM_VERSION}" -o /helm helm.sh/helm/v4/cmd/helm

# --- chartroom, built where it will run: Alpine's Rust makes static musl binaries by itself ------------------------
FROM rust:${RUST_VERSION}-alpine AS build
WORKDIR /source
COPY Cargo.toml Cargo.lock ./
COPY src src
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    cargo build --release --locked --bin chartroom
COPY builtin-charts builtin-charts
COPY --from=helm /helm /image/helm
# packages made here: the server does not have to make them at every start
RUN mkdir -p /image/charts /image/skeleton/tmp /image/skeleton/chartstorage \
    && cp target/release/chartroom /image/chartroom \
    && /image/chartroom package builtin-charts/* --destination /image/charts \
    && chmod 1777 /image/skeleton/tmp \
    && ln -s chartroom /image/skeleton/chartmuseum

# --- the image: what changes least comes first, so that an upgrade carries the last layer alone --------------------
# There are no certificate authorities: charts come from this server itself. Who fetches them elsewhere by HTTPS mounts
# a bundle and names it in SSL_CERT_FILE, which a site with an authority of its own does anyway.
FROM scratch
ARG VERSION=0.1.0
COPY --from=build /image/helm /usr/bin/helm
# /tmp for helm; /chartstorage, where uploads go if nobody says where; /chartmuseum, for a Deployment that names this command
COPY --from=build --chown=1000:1000 /image/skeleton /
COPY --from=build /image/charts /usr/share/chartroom/charts
COPY --from=build /image/chartroom /chartroom
LABEL org.opencontainers.image.title="chartroom" \
      org.opencontainers.image.description="A Helm chart repository and Component controller for Kubernetes clusters at the edge" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
ENV HELM_BINARY=/usr/bin/helm \
    BUILTIN_CHARTS=/usr/share/chartroom/charts
EXPOSE 8080 8081 8082 8083
USER 1000:1000
WORKDIR /
ENTRYPOINT ["/chartroom"]
