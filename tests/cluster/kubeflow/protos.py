"""The two Go packages that the KFP release takes from its own repository, and that no Go module has.

The release replaces its modules `api` and `kubernetes_platform` by folders. What the module proxy has of them is older
and does not compile with it. They are generated protobuf code, and the release's Python wheels hold the descriptors.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from tests.cluster import gobuild, wheels
from tests.cluster.settings import PACKAGE
from tests.cluster.shell import ClusterError

LOCK = PACKAGE / "requirements" / "protos.txt"
DESCRIPTORS = PACKAGE / "kubeflow" / "descriptors.py"
CACHE_KEY = PACKAGE / "kubeflow" / "cache_key.proto"
RECIPE = (Path(__file__), LOCK, DESCRIPTORS, CACHE_KEY)

_PIPELINES = "github.com/kubeflow/pipelines"
_GENPROTO = "google.golang.org/genproto/googleapis/rpc"
_GO_MOD = f"""\
module {_PIPELINES}/%s

go 1.24.2

require (
	{_GENPROTO} v0.0.0-20250715232539-7130f93afb79
	google.golang.org/protobuf v1.36.6
)
"""
_FILES = ("pipeline_spec.proto", "kubernetes_executor_config.proto", CACHE_KEY.name)


def generate(folder: Path) -> None:
    """Write the modules `api` and `kubernetes_platform` into the folder of KFP's own module."""
    for name in ("api", "kubernetes_platform"):
        (folder / name).mkdir()
        (folder / name / "go.mod").write_text(_GO_MOD % name)
    with tempfile.TemporaryDirectory() as temporary:
        packages = wheels.unpack(wheels.dependencies(LOCK), Path(temporary, "packages"))
        descriptors = Path(temporary, "descriptors.bin")
        descriptors.write_bytes(_python(packages, DESCRIPTORS, packages))
        plugin = Path(temporary, "protoc-gen-go")
        gobuild.compile_package(folder, "google.golang.org/protobuf/cmd/protoc-gen-go", plugin)
        _python(packages, "-m", "grpc_tools.protoc", *_protoc(folder, descriptors, plugin))


def _protoc(folder: Path, descriptors: Path, plugin: Path) -> list[str]:
    return [
        f"--plugin={plugin}",
        f"--descriptor_set_in={descriptors}",
        f"--proto_path={CACHE_KEY.parent}",
        f"--go_out={folder}",
        f"--go_opt=module={_PIPELINES}",
        f"--go_opt=Mgoogle/rpc/status.proto={_GENPROTO}/status",
        *_FILES,
    ]


def _python(packages: Path, *words: str | Path) -> bytes:
    """Run Python on the unpacked wheels and nothing else; their compiled parts want the images' interpreter."""
    command = [wheels.interpreter(), *map(str, words)]
    done = subprocess.run(command, capture_output=True, env={"PYTHONPATH": str(packages)})
    if done.returncode:
        raise ClusterError(f"{' '.join(command)[:200]}: {done.stderr.decode()[-2000:]}")
    return done.stdout
