"""Print the protobuf descriptors inside KFP's wheels as a FileDescriptorSet.

A program of its own: it runs on the wheels of `requirements/protos.txt`, the folder of which is its argument.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from google.protobuf import descriptor_pb2

_MODULES = ("pipeline_spec/pipeline_spec_pb2.py", "kubernetes/kubernetes_executor_config_pb2.py")


def main(packages: Path) -> None:
    """Write the set to standard output, every file after those that it imports."""
    found = descriptor_pb2.FileDescriptorSet()
    for module in _MODULES:
        # By path: `import kfp` would want the whole SDK.
        _add(found, runpy.run_path(str(packages / "kfp" / module))["DESCRIPTOR"])
    sys.stdout.buffer.write(found.SerializeToString())


def _add(found: descriptor_pb2.FileDescriptorSet, file) -> None:
    for dependency in file.dependencies:
        _add(found, dependency)
    if file.name not in [known.name for known in found.file]:
        file.CopyToProto(found.file.add())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
