# bucketable in a container: the program alone, as a user without rights.
#
#   docker build -t bucketable .
#   docker run --rm -e AWS_REGION=eu-west-1 -v bucketable:/data bucketable \
#       sync s3://my-docs/docs/ /data/docs.db

FROM debian:bookworm-slim AS build
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        gcc libc6-dev meson pkg-config python3 \
        libcurl4-openssl-dev libssl-dev libsqlite3-dev libcjson-dev \
        libpq-dev librdkafka-dev libhiredis-dev libmicrohttpd-dev
WORKDIR /source
COPY . .
RUN meson setup /build --prefix /usr --buildtype release -Dtests=disabled -Dbench=disabled \
        -Dpostgres=enabled -Dkafka=enabled -Dredis=enabled -Dlisten=enabled \
    && meson compile -C /build \
    && DESTDIR=/installed meson install -C /build --strip

FROM debian:bookworm-slim
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        ca-certificates libcurl4 libssl3 libsqlite3-0 libcjson1 \
        libpq5 librdkafka1 libhiredis0.14 libmicrohttpd12 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --create-home --home-dir /data --shell /usr/sbin/nologin bucketable
COPY --from=build /installed/usr/bin/bucketable /usr/bin/bucketable
# Where tables in files are; what the AWS files would be in is /data/.aws.
USER 10001:10001
WORKDIR /data
VOLUME /data
ENTRYPOINT ["/usr/bin/bucketable"]
CMD ["--help"]
