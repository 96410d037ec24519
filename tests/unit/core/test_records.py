"""What is recorded of an execution, and that it can be read again."""

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.fakes.world import IR

from millwright import __version__
from millwright.api.training_inputs import Dataset, SourceRevision
from millwright.core import ir, records
from millwright.core.execution import Execution, ObjectKey, Original, Runtime, original
from millwright.core.records import InvalidCopy
from millwright.core.training_state import PipelineInput

EXECUTION = Execution(ObjectKey("flights", "arr-delay"), "uid", "hash", 1)
DIGEST = "sha256:" + "a" * 64
LAUNCHED = PipelineInput(
    pipeline=ir.parse(IR),
    arguments={"train_months": "1-3", "rate": 0.1, "deep": True, "layers": [8, 8]},
    runtime=Runtime("kubeflow", "2.14.3", "runner:1"),
    datasets=(Dataset(name="flights", uri="s3://data/a.parquet", digest=DIGEST),),
    source=SourceRevision(repo_url="https://git.example/x", revision="4f2c1d9"),
)


def copied(launched: PipelineInput = LAUNCHED) -> dict[str, str]:
    return records.texts(launched.pipeline, launched.arguments, records.record(EXECUTION, launched))


def test_what_was_launched_can_be_read_again() -> None:
    found = records.read(copied())
    assert found.original == Original("arr-delay", EXECUTION.key)
    assert (found.pipeline, found.arguments) == (LAUNCHED.pipeline, LAUNCHED.arguments)
    assert (found.datasets, found.source) == (LAUNCHED.datasets, LAUNCHED.source)
    assert found.pipeline.digest == LAUNCHED.pipeline.digest


def test_the_record_tells_digest_images_and_platform() -> None:
    found = records.record(EXECUTION, LAUNCHED)
    assert found["pipelineDigest"] == LAUNCHED.pipeline.digest
    assert found["images"] == {"train": "runner:1"}, "kfp's own default image stands for the platform's"
    assert found["platform"] == f"millwright {__version__}, kubeflow 2.14.3"
    assert "replayOf" not in found


def test_an_image_is_recorded_as_it_is_named() -> None:
    named = f"registry.example/team@{DIGEST}"
    launched = replace(LAUNCHED, pipeline=ir.parse(IR.replace("python:3.11", named)))
    assert records.record(EXECUTION, launched)["images"] == {"train": named}


def test_tags_tell_the_same_and_a_replay_what_it_repeats() -> None:
    tags = records.tags(replace(LAUNCHED, replay_of=Original("arr-delay", "arr-delay-0123456789")))
    assert tags["millwright.pipeline.digest"] == LAUNCHED.pipeline.digest
    assert json.loads(tags["millwright.arguments"]) == LAUNCHED.arguments
    assert json.loads(tags["millwright.images"]) == {"train": "runner:1"}
    assert tags["millwright.replayOf"] == "arr-delay/arr-delay-0123456789"


def test_arguments_that_no_tag_can_hold_are_left_to_the_copy() -> None:
    launched = replace(LAUNCHED, arguments={"train_months": "1" * 5000})
    assert "millwright.arguments" not in records.tags(launched)
    assert records.read(copied(launched)).arguments == launched.arguments


def test_another_pipeline_has_another_digest_and_the_same_in_other_words_has_not() -> None:
    assert ir.parse(IR + "sdkVersion: kfp-2.17.0\n").digest != LAUNCHED.pipeline.digest
    assert ir.parse(LAUNCHED.pipeline.text()).digest == LAUNCHED.pipeline.digest


BROKEN: dict[str, dict[str, str]] = {
    "no record": {"replay.json": ""},
    "a record that is a list": {"replay.json": "[]"},
    "a record of a form to come": {"replay.json": json.dumps({"schemaVersion": 2})},
    "a record without its execution": {"replay.json": json.dumps({"schemaVersion": 1})},
    "no pipeline": {"pipeline.yaml": "hello"},
    "arguments that are a number": {"parameters.json": "7"},
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_copy_is_refused(case: str) -> None:
    with pytest.raises(InvalidCopy):
        records.read(copied() | BROKEN[case])


NAMES: dict[str, Any] = {
    "arr-delay/arr-delay-0123456789": Original("arr-delay", "arr-delay-0123456789"),
    "": None,
    "arr-delay": None,
    "../other/k-1": None,
    "a/b' OR '1'='1": None,
    "a/b/c": None,
}


@pytest.mark.parametrize("text", NAMES)
def test_only_names_as_kubernetes_takes_them_name_an_original(text: str) -> None:
    assert original(text) == NAMES[text]


def test_the_version_is_the_package_s() -> None:
    import tomllib
    from pathlib import Path

    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__
