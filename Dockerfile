# All images of the platform. Made by `python3 -m tests.cluster images`, which brings three folders along as
# build contexts: `wheels` (locked dependencies), `project` (our own packages), `programs` (Go binaries).
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM scratch AS versitygw
COPY --from=programs versitygw /usr/bin/versitygw
USER 65532:65532
ENTRYPOINT ["/usr/bin/versitygw"]

# Bytecode is made at build time and unchecked: a read-only file system takes none later on.
FROM ${BASE_IMAGE} AS packages
# Names the content of `wheels`, so that a cached layer is not taken for another environment's.
ARG WHEELS
RUN --mount=type=bind,from=wheels,target=/wheels \
    echo "${WHEELS}" \
    && python3 -m venv /opt/millwright \
    && /opt/millwright/bin/pip install -q --no-cache-dir --no-compile --no-deps --no-index /wheels/*.whl \
    && /opt/millwright/bin/pip uninstall -q -y pip setuptools \
    && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/millwright/lib

# Dependencies below, our code above: a change of code is a layer of a few hundred kilobytes.
FROM packages AS application
COPY --from=project . /opt/millwright/lib/python3.11/site-packages
# Libraries ask who they run as, and a user without a name is an error to some.
RUN echo 'millwright:x:65532:65532::/tmp:/usr/sbin/nologin' >> /etc/passwd
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
