# All images of the platform. Made by `python3 -m tests.cluster images`, which brings three folders along
# as build contexts: `wheels` (locked dependencies), `project-wheel` (our own), `programs` (Go binaries).
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM scratch AS versitygw
COPY --from=programs versitygw /usr/bin/versitygw
USER 65532:65532
ENTRYPOINT ["/usr/bin/versitygw"]

FROM ${BASE_IMAGE} AS venv
RUN python3 -m venv /opt/millwright
ENV PATH=/opt/millwright/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1

# Bytecode is made here, once, and unchecked: a read-only file system takes none later on.
FROM venv AS packages
# Names the content of `wheels`, so that a cached layer is not taken for another environment's.
ARG WHEELS
RUN --mount=type=bind,from=wheels,target=/wheels \
    echo "${WHEELS}" \
    && pip install -q --no-compile --no-deps --no-index /wheels/*.whl \
    && pip uninstall -q -y pip setuptools \
    && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/millwright/lib

FROM venv AS project
COPY --from=project-wheel . /tmp/dist
RUN pip install -q --no-compile --no-deps --no-index --target /site-packages /tmp/dist/*.whl \
    && python3 -m compileall -q --invalidation-mode unchecked-hash /site-packages

# Dependencies below, our code above: a change of code is a layer of a few hundred kilobytes.
FROM ${BASE_IMAGE} AS application
COPY --from=packages /opt/millwright /opt/millwright
COPY --from=project /site-packages /opt/millwright/lib/python3.11/site-packages
ENV PATH=/opt/millwright/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 65532:65532

FROM application AS operator
ENTRYPOINT ["python3", "-m", "millwright"]

FROM application AS serving
ENTRYPOINT ["python3", "-m", "millwright_serving"]

# Pipeline pods, packaging jobs and the MLflow server: each brings its own command.
FROM application AS runner
CMD ["python3", "-m", "millwright_runner"]
