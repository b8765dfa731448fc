# Two images: `serving` answers requests and holds nothing that it does not need for that;
# `pipeline` is Dagster with the project, for the webserver, the daemon, the code server and runs.
#
#   docker build --target serving --tag mlops-assets-serving .
#   docker build --target pipeline --tag mlops-assets-pipeline .
#
# For a build that can be made again byte by byte, name BASE by its digest (image@sha256:...) and
# see docs/deployment.md. Behind a registry of your own, hand pip's settings in as a secret:
# --secret id=pip_config,src=pip.conf; they are in no layer.
ARG BASE=python:3.13-slim

FROM ${BASE} AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONHASHSEED=0
WORKDIR /build


FROM builder AS serving-builder
COPY requirements-serving.lock ./
# Tests and headers are left out, commands, and what Arrow has to talk to other machines: here it
# writes Parquet files.
RUN --mount=type=secret,id=pip_config,target=/etc/pip.conf,required=false \
    python -m venv --without-pip /venv \
    && python -m pip --python /venv/bin/python install --require-hashes --no-deps --no-compile \
       --only-binary=:all: --requirement requirements-serving.lock \
    && find /venv -type d \( -name tests -o -name include \) -prune -exec rm -r {} + \
    && find /venv/bin -type f -delete \
    && rm /venv/lib/python3.*/site-packages/pyarrow/*flight*.so* \
          /venv/lib/python3.*/site-packages/pyarrow/*s3*.so*
COPY mlops_assets/__init__.py mlops_assets/content_hash.py /app/mlops_assets/
COPY mlops_assets/serving /app/mlops_assets/serving
COPY deploy/healthcheck.py /app/
# Bytecode that holds no time and is not compared with its source: the same whenever it is built.
RUN python -m compileall -q --invalidation-mode unchecked-hash /venv /app


FROM ${BASE} AS serving
# What installs packages has no place beside a server.
RUN python -c "import importlib.util as u, shutil; \
[shutil.rmtree(s.submodule_search_locations[0]) for s in map(u.find_spec, ('pip', 'ensurepip')) if s]" \
    && rm -f /usr/local/bin/pip* /usr/bin/pip* \
    && mkdir -m 0750 /served \
    && chown 10001:10001 /served
COPY --from=serving-builder /venv /venv
COPY --from=serving-builder /app /app
# ONNX Runtime from 1.32 on would else report to its maker over the network.
ENV ORT_DISABLE_TELEMETRY=1 \
    PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/app \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1
WORKDIR /served
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "/app/healthcheck.py"]
# /releases is artifacts/<use_case>, mounted for reading; /served is where the answers are kept.
ENTRYPOINT ["python", "-m", "mlops_assets.serving", "/releases"]
CMD ["--host", "0.0.0.0", "--port", "8080", "--log", "/served", "--tokens", "/run/secrets/tokens"]


FROM builder AS pipeline-builder
# Where `dvc.yaml` looks for the commands of its stages.
COPY requirements-deploy.lock requirements-dvc.lock ./
RUN --mount=type=secret,id=pip_config,target=/etc/pip.conf,required=false \
    python -m venv --without-pip /app/.venv \
    && python -m pip --python /app/.venv/bin/python install --require-hashes --no-deps --no-compile \
       --only-binary=:all: --requirement requirements-deploy.lock
# DVC's dependencies and Dagster's exclude each other, so DVC has its own environment. Some of its
# dependencies come as source only, all of them pure Python.
RUN --mount=type=secret,id=pip_config,target=/etc/pip.conf,required=false \
    python -m venv --without-pip /app/.venv-dvc \
    && python -m pip --python /app/.venv-dvc/bin/python install --require-hashes --no-deps --no-compile \
       --requirement requirements-dvc.lock \
    && ln -s ../../.venv-dvc/bin/dvc /app/.venv/bin/dvc
WORKDIR /app
COPY pyproject.toml workspace.yaml dvc.yaml params.yaml .dvcignore ./
COPY .dvc/config .dvc/config
COPY mlops_assets mlops_assets
COPY resources resources
COPY sensors sensors
RUN python -m pip --python .venv/bin/python install --no-deps --no-compile --no-build-isolation --editable . \
    && rm -rf build ./*.egg-info \
    && python -m compileall -q --invalidation-mode unchecked-hash .venv .venv-dvc \
       mlops_assets resources sensors


FROM ${BASE} AS pipeline
RUN mkdir -p /app/artifacts /app/.dvc/cache /app/.dvc/tmp /dagster/logs \
    && chown -R 10001:10001 /app /dagster
COPY --from=pipeline-builder /app /app
COPY deploy/dagster.yaml deploy/workspace.yaml /dagster/
ENV DAGSTER_DISABLE_TELEMETRY=yes \
    DAGSTER_HOME=/dagster \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib \
    ORT_DISABLE_TELEMETRY=1 \
    PATH=/app/.venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /app
USER 10001:10001
EXPOSE 3000 4000
# The code server; compose.yaml and the Helm chart give other commands.
CMD ["dagster", "api", "grpc", "--host", "0.0.0.0", "--port", "4000", "--module-name", "mlops_assets.definitions"]
