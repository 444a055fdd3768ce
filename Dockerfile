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
# Static: the C library is inside, its name resolution too (since glibc 2.34 it loads nothing for it).
# The target is named so that build scripts and procedural macros stay dynamic, as they must.
ENV RUSTFLAGS="-C target-feature=+crt-static"
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/source/target \
    target=$(rustc -vV | sed -n 's/^host: //p') \
 && cargo build --release --locked -p backstay --target "$target" \
 && cp "target/$target/release/backstay" /backstay

# Root certificates, a user and nothing that runs; the user 65532 must own the mounted folder.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /backstay /usr/local/bin/backstay
WORKDIR /project
ENV BACKSTAY_SERVER_HOST=0.0.0.0
EXPOSE 8000
# The first SIGTERM lets requests in flight finish.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/backstay"]
CMD ["serve"]
