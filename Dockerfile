# Debian 12 with klp-build and all that it needs to build a livepatch.
#
#   docker build -t klp-build .
#   docker run --rm -v klp-cache:/cache -v "$PWD:/work" klp-build --kernel debian:6.12-cloud fix.patch
FROM debian:12-slim AS build
COPY scripts/install-deps /src/scripts/install-deps
RUN /src/scripts/install-deps build
COPY . /src
RUN cd /src && cmake --preset release && cmake --build --preset release && \
	DESTDIR=/out cmake --install build --prefix /usr/local --strip

FROM debian:12-slim
COPY scripts/install-deps /tmp/install-deps
RUN /tmp/install-deps run && rm -rf /var/lib/apt/lists/* /tmp/install-deps
RUN apt-get update && apt-get install -y --no-install-recommends libelf1 libdw1 libllvm19 libclang-cpp19 libfmt9 libssl3 && \
	rm -rf /var/lib/apt/lists/*
COPY --from=build /out/ /
ENV KLP_CACHE=/cache
WORKDIR /work
ENTRYPOINT ["klp-build"]
