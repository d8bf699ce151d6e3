# Debian 12 with klp-build and all that it needs to build a livepatch.
#
#   docker build -t klp-build .
#   mkdir -p ~/.cache/klp-build
#   docker run --rm --user "$(id -u):$(id -g)" -v ~/.cache/klp-build:/cache -v "$PWD:/work" \
#       klp-build --kernel debian:6.12-cloud fix.patch
#
# BASE may name an image by its digest (debian:12-slim@sha256:...), and MIRROR a fixed state of the archive
# (http://snapshot.debian.org/archive/debian/TIMESTAMP), for an image that can be made again.
ARG BASE=debian:12-slim

FROM $BASE AS build
ARG MIRROR=
COPY scripts/install-deps scripts/pin-mirror /src/scripts/
RUN /src/scripts/pin-mirror "$MIRROR" && /src/scripts/install-deps build && rm -rf /var/lib/apt/lists/*
COPY . /src
RUN cd /src && cmake --preset release && \
	cmake --build --preset release --target klp-build create-diff-object klp-convert klp-verify klpctl && \
	DESTDIR=/out cmake --install build --prefix /usr/local --strip

FROM $BASE
ARG MIRROR=
COPY scripts/install-deps scripts/pin-mirror /tmp/
RUN /tmp/pin-mirror "$MIRROR" && /tmp/install-deps run && \
	apt-get install -y --no-install-recommends libarchive13 libelf1 libllvm19 libclang-cpp19 libfmt9 libssl3 && \
	rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb /tmp/install-deps /tmp/pin-mirror && \
	useradd --uid 1000 --create-home klp && install -d -o klp -g klp /cache /work
COPY --from=build /out/ /
ENV KLP_CACHE=/cache
USER klp
VOLUME /cache
WORKDIR /work
ENTRYPOINT ["klp-build"]
