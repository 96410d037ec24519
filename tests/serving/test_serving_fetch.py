"""`python -m millwright_serving.fetch`, as the container of a pod whose server is another's."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.serving import packages

from millwright_serving import models
from millwright_serving.package import Manifest, PackageError

WRONG = "sha256:" + "0" * 64


@pytest.fixture
def package(tmp_path: Path) -> Manifest:
    """An MLflow model's package, that nobody needs to load."""
    return packages.write(tmp_path / "package", "mlflow", b"flavors: {}", packages.BY_MATRIX, None)


def fetched(manifest: Manifest, folder: Path, **env: str) -> tuple[int, str]:
    """Exit code and termination message."""
    message = folder / "termination"
    names = {
        "MILLWRIGHT_PACKAGE_URI": manifest.uri,
        "MILLWRIGHT_PACKAGE_DIGEST": manifest.digest,
        "MILLWRIGHT_MODEL_NAME": "m",
        "MILLWRIGHT_MODEL_VERSION": "1",
        "MILLWRIGHT_ALLOW_PICKLE": "true",
        "MILLWRIGHT_TERMINATION_LOG": str(message),
        "PYTHONPATH": "serving",
    }
    ended = subprocess.run([sys.executable, "-m", "millwright_serving.fetch"], env=names | env, timeout=60)
    return ended.returncode, message.read_text() if message.exists() else ""


def test_what_was_asked_for_is_handed_over(package: Manifest, tmp_path: Path) -> None:
    assert fetched(package, tmp_path) == (0, "")


def test_what_was_not_is_not_and_the_exit_code_says_which(package: Manifest, tmp_path: Path) -> None:
    code, message = fetched(package, tmp_path, MILLWRIGHT_PACKAGE_DIGEST=WRONG)
    assert (code, f"{WRONG} was asked for" in message) == (3, True)
    code, message = fetched(package, tmp_path, MILLWRIGHT_PACKAGE_URI=str(tmp_path / "none"))
    assert (code, message) == (1, f"There is no package at {tmp_path / 'none'}.")
    code, message = fetched(package, tmp_path, MILLWRIGHT_PACKAGE_DIGEST="latest")
    assert (code, "MILLWRIGHT_PACKAGE_DIGEST must be" in message) == (2, True)


def test_a_format_that_runs_code_is_not_handed_over_unless_the_model_allows_it(
    package: Manifest, tmp_path: Path
) -> None:
    code, message = fetched(package, tmp_path, MILLWRIGHT_ALLOW_PICKLE="false")
    assert code == 1
    assert message.startswith("The package's format is mlflow, which can run any code when it is loaded")


def test_our_own_server_says_what_serves_a_model_of_mlflow(package: Manifest, tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"this image has no MLflow: set spec\.runtime of the Deployment"):
        models.load_model(tmp_path / "package", package, allow_pickle=True)
