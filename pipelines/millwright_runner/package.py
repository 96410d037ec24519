"""`millwright_runner package` and `import`: from a model to a package that the server takes."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from mlflow import MlflowClient

from millwright_runner import destinations, logged_models, mlflow_outages, packaging_forms
from millwright_runner.destinations import Destination
from millwright_runner.foreign_models import Foreign
from millwright_runner.logged_models import Original
from millwright_runner.outcome import Failed, Outcome, Rejected
from millwright_serving.package import (
    MANIFEST,
    MODEL_FILES,
    SAMPLE,
    Manifest,
    PackageError,
    digest_of,
    file_digests,
)

PACKAGE_TAG = "millwright.package"
# What the execution was launched with, as the operator keeps it in a ConfigMap.
COPY_FILES = ("pipeline.yaml", "parameters.json", "replay.json")
Fetch = Callable[[MlflowClient, str, Path], Original]  # for a run, into a folder


def package(destination: str, allow_pickle: bool, copy: Path | None = None) -> Outcome:
    """Package the model that the run MLFLOW_RUN_ID logged.

    `copy`: folder with COPY_FILES, stored beside the package as `<destination>.replay`; nothing where they are missing.
    """
    return _ended(destination, allow_pickle, logged_models.fetch, copy)


def import_model(destination: str, allow_pickle: bool, foreign: Foreign) -> Outcome:
    """Package a model that was trained elsewhere, and log it in the run MLFLOW_RUN_ID."""
    return _ended(destination, allow_pickle, lambda client, run_id, folder: foreign.fetch(folder), None)


def _ended(destination: str, allow_pickle: bool, fetch: Fetch, copy: Path | None) -> Outcome:
    """Every way it can end is an `Outcome`. Doing it again is harmless."""
    try:
        manifest = _package(destination, allow_pickle, fetch, copy)
    except (Failed, Rejected) as named:
        return named.outcome
    except Exception as error:  # the libraries' exceptions share no base
        return Outcome("Failed", mlflow_outages.reason(error) or "Error", f"{type(error).__name__}: {error}")
    return Outcome("Succeeded", details={"package": manifest.summary()})


def _package(uri: str, allow_pickle: bool, fetch: Fetch, copy: Path | None) -> Manifest:
    client, run_id, place = MlflowClient(), os.environ["MLFLOW_RUN_ID"], destinations.at(uri)
    if (done := _already_done(client, run_id, place)) is not None:
        return done
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "package")
        folder.mkdir()
        original = fetch(client, run_id, Path(scratch, "source"))
        manifest = _build(client, run_id, original, folder, uri, allow_pickle)
        if copy is not None:
            _store_copy(copy, Path(scratch, "copy"), f"{uri.rstrip('/')}.replay")
        place.store(folder)
    client.set_tag(run_id, PACKAGE_TAG, json.dumps(manifest.summary()))
    return manifest


def _store_copy(copy: Path, scratch: Path, uri: str) -> None:
    """Before the package, so that a package that is complete has its copy; not in it, as it is nothing to serve."""
    if not all((copy / name).is_file() for name in COPY_FILES):
        return
    scratch.mkdir()
    for name in COPY_FILES:
        shutil.copyfile(copy / name, scratch / name)
    destinations.at(uri).store(scratch)


def _already_done(client: MlflowClient, run_id: str, place: Destination) -> Manifest | None:
    """The stored manifest if the run's tag says the same: a Job that died after its work finds this."""
    tag, text = client.get_run(run_id).data.tags.get(PACKAGE_TAG), place.manifest()
    if tag is None or text is None:
        return None
    try:
        manifest = Manifest.from_json(text)
    except PackageError:
        return None
    return manifest if manifest.summary() == json.loads(tag) else None


def _build(
    client: MlflowClient, run_id: str, original: Original, folder: Path, uri: str, allow_pickle: bool
) -> Manifest:
    form = packaging_forms.make(original.model, original.sample, folder, allow_pickle)
    form = packaging_forms.compared(form, original.predictions)
    if original.sample is not None and form.answers:
        body = {"dataframe_split": original.sample.dataframe_split(), "predictions": form.predictions}
        (folder / SAMPLE).write_text(json.dumps(body))
    manifest = Manifest(
        digest=digest_of(folder),
        format=form.format,
        runtime=form.runtime,
        uri=uri,
        files=file_digests(folder),
        model_id=original.model_id or logged_models.log(client, run_id, folder / MODEL_FILES[form.format], form.format),
        signature=form.signature,
        verification=form.verification,
        source_digest=original.digest,
    )
    (folder / MANIFEST).write_text(manifest.to_json())
    return manifest
