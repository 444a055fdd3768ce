# docker build -t backstay .
# docker run -p 8000:8000 -v ./blog:/project backstay
#
# The project folder is the only thing that is mounted: its `.backstay/` holds the database and keys.

FROM rust:1.92-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends libclang-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/source/target \
    cargo build --release --locked -p backstay \
 && cp target/release/backstay /backstay

# No shell and no packages but the C library; runs as the user 65532, who must own the mounted folder.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /backstay /usr/local/bin/backstay
WORKDIR /project
ENV BACKSTAY_SERVER_HOST=0.0.0.0
EXPOSE 8000
# The first SIGTERM lets requests in flight finish.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/backstay"]
CMD ["serve"]
