# An image for each need, from any base that has Python 3.11 or newer and a shell:
#
#   docker build --target release-mirror .                          the mirror, with its server
#   docker build --target tool --build-arg TOOL=logtools .          any one of the tools
#   docker build --target toolroll .                                all of them
#
# It takes BuildKit or Podman. Wheels come from wherever pip is told to look; such settings are
# secrets, so that no layer and no record of the build has them (both may be left out):
#
#   --secret id=pip.conf,src=/etc/pip.conf --secret id=ca.pem,src=/etc/ssl/certs/ca-certificates.crt
#
# pip of packing/ does the work, as `make setup` has it, held to the hashes of requirements.lock.

ARG PYTHON=3.14
ARG DEBIAN=trixie
# @sha256:... makes the base the same one tomorrow
ARG DIGEST=
ARG BASE=python:${PYTHON}-slim-${DEBIAN}${DIGEST}


FROM ${BASE} AS build
WORKDIR /build
COPY requirements.lock LICENSE ./
COPY packing packing
COPY shared shared
COPY tools tools
RUN --mount=type=secret,id=pip.conf --mount=type=secret,id=ca.pem \
    --mount=type=cache,target=/root/.cache/pip \
    python3 -m packing.image wheels

FROM build AS build-tool
ARG TOOL
RUN --mount=type=secret,id=pip.conf --mount=type=secret,id=ca.pem \
    --mount=type=cache,target=/root/.cache/pip \
    python3 -m packing.image install "${TOOL:?which one? --build-arg TOOL=logtools}"

FROM build AS build-release-mirror
RUN --mount=type=secret,id=pip.conf --mount=type=secret,id=ca.pem \
    --mount=type=cache,target=/root/.cache/pip \
    python3 -m packing.image install 'release-mirror[serve]'

FROM build AS build-toolroll
RUN --mount=type=secret,id=pip.conf --mount=type=secret,id=ca.pem \
    --mount=type=cache,target=/root/.cache/pip \
    python3 -m packing.image install all


# What is below the tools: the base without its pip, its library compiled for a root that is
# read-only, and two places that may be written.
FROM ${BASE} AS bare
RUN library=$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))') \
    && rm -rf "$library/ensurepip" "$library"/site-packages/pip* /usr/local/bin/pip* \
    && python3 -m compileall -q -x '/(idlelib|lib2to3|test|tests|turtledemo)/' "$library" \
    && mkdir -p /data /home/toolroll \
    && chown 65532:65532 /data \
    && chmod 1777 /home/toolroll
ENV HOME=/home/toolroll \
    PATH=/opt/toolroll/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1
VOLUME /data
WORKDIR /data
USER 65532:65532
ENTRYPOINT ["/opt/toolroll/entry"]
# It asks the server if there is one; any other run is healthy as long as it runs.
HEALTHCHECK --interval=30s --timeout=10s --start-period=10s \
    CMD ["/opt/toolroll/bin/python", "-I", "/opt/toolroll/health.py"]
ARG SOURCE=https://github.com/toolroll/toolroll
ARG VERSION=0.1.0
LABEL org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"

FROM bare AS tool
COPY --from=build-tool /opt/toolroll /opt/toolroll
ARG TOOL
ARG REVISION=
LABEL org.opencontainers.image.title="${TOOL}" \
      org.opencontainers.image.description="One of toolroll's command-line tools" \
      org.opencontainers.image.revision="${REVISION}"

FROM bare AS release-mirror
COPY --from=build-release-mirror /opt/toolroll /opt/toolroll
EXPOSE 8080
ARG REVISION=
LABEL org.opencontainers.image.title="release-mirror" \
      org.opencontainers.image.description="Mirror a GitHub project's release assets into a folder" \
      org.opencontainers.image.revision="${REVISION}"

FROM bare AS toolroll
COPY --from=build-toolroll /opt/toolroll /opt/toolroll
ARG REVISION=
LABEL org.opencontainers.image.title="toolroll" \
      org.opencontainers.image.description="Ten command-line tools for people who operate software" \
      org.opencontainers.image.revision="${REVISION}"
