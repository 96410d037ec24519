import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression

from millwright_serving.download import fetch, verified_manifest
from millwright_serving.package import DigestMismatch, Manifest, PackageError, Verification, digest_of

Onnx = tuple[Path, Manifest, LogisticRegression]


def test_the_digest_is_over_the_sorted_lines_of_every_file_but_the_manifest(tmp_path: Path) -> None:
    for name, content in (("b", b"2"), ("a", b"1"), ("sub/c", b"3"), ("manifest.json", b"{}")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    hexes = [hashlib.sha256(content).hexdigest() for content in (b"1", b"2", b"3")]
    lines = f"{hexes[0]}  a\n{hexes[1]}  b\n{hexes[2]}  sub/c\n"

    assert digest_of(tmp_path) == "sha256:" + hashlib.sha256(lines.encode()).hexdigest()


def test_a_manifest_survives_being_written_and_read(onnx: Onnx) -> None:
    _, manifest, _ = onnx

    for fallback in (None, "ConversionMismatch: max difference 0.37 > 1e-05"):
        told = replace(manifest, verification=Verification(100, 0.0, fallback))
        assert Manifest.from_json(told.to_json()) == told


def test_the_summary_is_the_manifest_without_files(onnx: Onnx) -> None:
    _, manifest, _ = onnx

    assert json.loads(manifest.to_json()) == manifest.summary() | {"files": dict(manifest.files)}


@pytest.mark.parametrize("change", [{"schemaVersion": 2}, {"format": "exe"}, {"signature": None}, {"verification": {}}])
def test_what_is_no_manifest_is_refused(onnx: Onnx, change: dict[str, object]) -> None:
    text = json.dumps(json.loads(onnx[1].to_json()) | change)

    with pytest.raises(PackageError, match=r"manifest\.json is not a manifest"):
        Manifest.from_json(text)


def test_a_package_with_the_digest_asked_for_is_accepted(onnx: Onnx) -> None:
    folder, manifest, _ = onnx

    assert verified_manifest(fetch(str(folder), folder), manifest.digest) == manifest


def test_a_corrupted_model_is_refused(onnx: Onnx) -> None:
    folder, manifest, _ = onnx
    model = folder / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"\x00")

    with pytest.raises(DigestMismatch, match="was not loaded"):
        verified_manifest(folder, manifest.digest)


def test_a_file_that_was_slipped_in_is_refused(onnx: Onnx) -> None:
    folder, manifest, _ = onnx
    (folder / "extra.bin").write_bytes(b"x")

    with pytest.raises(DigestMismatch):
        verified_manifest(folder, manifest.digest)


def test_a_package_without_its_manifest_is_refused(onnx: Onnx) -> None:
    folder, manifest, _ = onnx
    (folder / "manifest.json").unlink()

    with pytest.raises(PackageError, match="packaging did not finish"):
        verified_manifest(folder, manifest.digest)


def test_a_folder_that_does_not_exist_is_no_package(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="There is no package"):
        fetch(str(tmp_path / "nothing"), tmp_path)
