"""The copy of what an execution was launched with is stored beside its package."""

import pytest
from logged import log
from sklearn.linear_model import LogisticRegression

from millwright_runner.destinations import Folder
from millwright_runner.package import package
from millwright_serving.package import digest_of

COPY = {"pipeline.yaml": "pipelineInfo: {name: a}", "parameters.json": "{}", "replay.json": '{"schemaVersion": 1}'}


def mounted(folder, names):
    """A ConfigMap as the kubelet mounts it: links to files in a folder whose name changes."""
    (folder / "..2026_01_01").mkdir(parents=True)
    (folder / "..data").symlink_to("..2026_01_01")
    for name in names:
        (folder / "..2026_01_01" / name).write_text(COPY[name])
        (folder / name).symlink_to(f"..data/{name}")
    return folder


def test_the_execution_s_copy_is_stored_beside_the_package_and_is_no_part_of_it(run, tmp_path, table, late):
    log(run, LogisticRegression().fit(table[["age"]], late), table[["age"]][:100])

    outcome = package(str(tmp_path / "package"), allow_pickle=False, copy=mounted(tmp_path / "mounted", COPY))

    assert outcome.outcome == "Succeeded", outcome.message
    assert {path.name: path.read_text() for path in (tmp_path / "package.replay").iterdir()} == COPY
    assert sorted(path.name for path in (tmp_path / "package").iterdir()) == [
        "manifest.json",
        "model.onnx",
        "sample.json",
    ]
    assert outcome.details["package"]["digest"] == digest_of(tmp_path / "package")


@pytest.mark.parametrize("names", [[], ["pipeline.yaml", "parameters.json"]])
def test_half_a_copy_is_none_and_no_reason_to_fail(run, tmp_path, table, late, names):
    log(run, LogisticRegression().fit(table[["age"]], late), table[["age"]][:100])

    outcome = package(str(tmp_path / "package"), allow_pickle=False, copy=mounted(tmp_path / "mounted", names))

    assert outcome.outcome == "Succeeded", outcome.message
    assert not (tmp_path / "package.replay").exists()


def test_a_package_that_is_complete_has_its_copy(run, tmp_path, table, late, monkeypatch):
    log(run, LogisticRegression().fit(table[["age"]], late), table[["age"]][:100])
    order = []
    store = Folder.store
    monkeypatch.setattr(Folder, "store", lambda self, folder: (order.append(folder.name), store(self, folder)))

    package(str(tmp_path / "package"), allow_pickle=False, copy=mounted(tmp_path / "mounted", COPY))

    assert order == ["copy", "package"]
