from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression
from tests.serving import packages

from millwright_serving.package import Manifest


@pytest.fixture
def onnx(tmp_path: Path) -> tuple[Path, Manifest, LogisticRegression]:
    """A package of an ONNX classifier by column: its folder, its manifest, and the original model."""
    return tmp_path / "package", *packages.onnx_package(tmp_path / "package")
