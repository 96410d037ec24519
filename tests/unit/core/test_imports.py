"""What makes an import another one, and what is written about it."""

from typing import Any

import pytest

from millwright.api.model_import import ModelImport
from millwright.core import imports
from millwright.core.execution import Execution, ObjectKey, Package
from millwright.core.imports import Import
from millwright.core.registry import RegisteredVersion

MODEL = ObjectKey("flights", "arr-delay")
PACKAGE = Package("s3://models/p", "sha256:a", "onnx", "m-1", "sha256:b")


def wanted(allow_pickle: bool = False, **source: Any) -> Import:
    spec = ModelImport.model_validate({"uri": "s3://theirs/model.onnx", "format": "onnx"} | source)
    return Import(MODEL, "uid-1", "flights.arr-delay", spec, allow_pickle)


WANTED = wanted()
# What is changed → whether another version is wanted of it, and another try.
CHANGES: dict[str, tuple[Import, bool, bool]] = {
    "another object": (wanted(uri="s3://theirs/other.onnx"), True, True),
    "a digest": (wanted(digest="sha256:" + "0" * 64), True, True),
    "a sample": (wanted(sample={"uri": "s3://theirs/sample.json"}), True, True),
    "permission for pickles": (wanted(allow_pickle=True), False, True),
    "who reads": (wanted(storage={"secretRef": "other"}, serviceAccountName="reader"), False, False),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_import(change: str) -> None:
    changed, is_another, is_tried = CHANGES[change]
    assert (changed.spec_hash != WANTED.spec_hash) is is_another
    assert (changed.key != WANTED.key) is is_tried


def test_an_import_shares_neither_key_nor_experiment_with_a_training_run_of_its_name() -> None:
    run = Execution(MODEL, "uid-2", WANTED.spec_hash, 1)
    assert run.key != WANTED.key and run.experiment != WANTED.experiment
    assert len(f"{WANTED.key}-package") <= 63


def test_a_version_is_found_by_what_was_imported_and_not_by_who_imported() -> None:
    tags = imports.version_tags(WANTED, PACKAGE)
    trained = {"millwright.specHash": WANTED.spec_hash}
    versions = [
        RegisteredVersion("1", tags=trained),
        RegisteredVersion("3", tags=tags),
        RegisteredVersion("4", tags=tags),
    ]
    again = Import(MODEL, "uid-of-a-later-model", WANTED.registered_name, WANTED.source)
    assert imports.version_of(again, versions) == "3"
    assert imports.version_of(wanted(uri="s3://theirs/other.onnx"), versions) is None


def test_a_version_tells_the_digest_of_what_was_there() -> None:
    tags = imports.version_tags(WANTED, PACKAGE)
    assert tags["millwright.import.uri"] == "s3://theirs/model.onnx"
    assert (tags["millwright.import.digest"], tags["millwright.digest"]) == ("sha256:b", "sha256:a")
    assert "millwright.import.digest" not in imports.run_tags(WANTED)
