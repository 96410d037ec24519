"""Build the cluster's programs from pinned Go modules; a build is made once per set of pins."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .settings import CACHE, KUBERNETES_VERSION, PACKAGE, Checkout
from .shell import ClusterError, run, step

TOOLCHAIN = "go1.27.0"
_STAMP = "k8s.io/component-base/version"
_GO = {**os.environ, "GOTOOLCHAIN": TOOLCHAIN, "GOFLAGS": "-buildvcs=false"}
_MAJOR, _MINOR, _ = KUBERNETES_VERSION.removeprefix("v").split(".")


@dataclass(frozen=True)
class Program:
    """A Go module below `go/` and the main package in it; linked under all of `names`.

    `complete` adds to a copy of the module's folder what the module needs besides; `recipe` are the files
    that this depends on.
    """

    module: str
    package: str
    names: tuple[str, ...] = ()
    ldflags: str = "-s -w"
    tags: str = ""
    cgo: bool = False
    complete: Callable[[Path], None] | None = None
    recipe: tuple[Path, ...] = ()

    @property
    def source(self) -> Path:
        return PACKAGE / "go" / self.module

    @property
    def title(self) -> str:
        """The module; the command too, where the module has several."""
        return self.module if self.names else f"{self.module} {Path(self.package).name}"

    @property
    def binary(self) -> Path:
        return CACHE / "bin" / f"{self.module}-{self._pins()}" / self.module

    def folder(self) -> Path:
        """Where it is built: its source, or the completed copy of that."""
        if not self.complete:
            return self.source
        folder = CACHE / "sources" / f"{self.module}-{self._digest(TOOLCHAIN)}"
        if not folder.exists():
            with step(f"complete the sources of {self.module}"):
                partial = folder.with_suffix(".partial")
                shutil.rmtree(partial, ignore_errors=True)
                shutil.copytree(self.source, partial)
                self.complete(partial)
                partial.rename(folder)
        return folder

    def _pins(self) -> str:
        return self._digest(f"{TOOLCHAIN} {self.package} {self.ldflags}{self.tags}")

    def _digest(self, words: str) -> str:
        digest = hashlib.sha256(words.encode())
        for path in (*sorted(self.source.iterdir()), *self.recipe):
            digest.update(path.read_bytes())
        return digest.hexdigest()[:12]


KUBERNETES = Program(
    "kubernetes",
    ".",
    ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl"),
    # Without the stamp the version is v0.0.0-master and clients fail to parse it.
    f"-s -w -X {_STAMP}.gitVersion={KUBERNETES_VERSION} -X {_STAMP}.gitMajor={_MAJOR} -X {_STAMP}.gitMinor={_MINOR}",
)
ETCD = Program("etcd", "go.etcd.io/etcd/server/v3", ("etcd",))
COREDNS = Program("coredns", "github.com/coredns/coredns", ("coredns",))
LOCAL_PATH = Program("local-path", "github.com/rancher/local-path-provisioner", ("local-path-provisioner",))
VERSITYGW = Program("versitygw", "github.com/versity/versitygw/cmd/versitygw", ("versitygw",))
HELM = Program("helm", "helm.sh/helm/v4/cmd/helm", ("helm",))

NODE_PROGRAMS = (KUBERNETES, ETCD, COREDNS, LOCAL_PATH)
PROGRAMS = (*NODE_PROGRAMS, VERSITYGW, HELM)


def build(programs: tuple[Program, ...] = PROGRAMS) -> None:
    """Build what the cache does not hold yet."""
    for program in programs:
        if not program.binary.exists():
            folder = program.folder()
            with step(f"build {program.title}"):
                flags = ("-ldflags", program.ldflags, "-tags", program.tags)
                compile_package(folder, program.package, program.binary, *flags, cgo=program.cgo)


def link(checkout: Checkout, programs: tuple[Program, ...] = PROGRAMS) -> None:
    """Give the built programs their names in `.cluster/bin`."""
    checkout.bin.mkdir(parents=True, exist_ok=True)
    for program in programs:
        for name in program.names if program.binary.exists() else ():
            fresh = checkout.bin / f"{name}.{os.getpid()}"  # somebody else may be linking, or starting the program
            fresh.symlink_to(program.binary)
            fresh.rename(checkout.bin / name)


def module_folder(source: Path, module: str) -> Path:
    """The folder with the files of a module that `go.sum` of a source folder pins.

    Raises ClusterError when what was fetched is not what was pinned.
    """
    lines = [line.split() for line in (source / "go.sum").read_text().splitlines()]
    version, pinned = next((v, s) for m, v, s in lines if m == module and not v.endswith("/go.mod"))
    with tempfile.TemporaryDirectory() as elsewhere:
        # Outside all modules, whose `replace` lines would apply. The checksum database does not know each of these.
        environment = _GO | {"GONOSUMDB": module}
        told = run("go", "mod", "download", "-json", f"{module}@{version}", cwd=elsewhere, env=environment)
    found = json.loads(told)
    if found["Sum"] != pinned:
        raise ClusterError(f"{module}@{version} is {found['Sum']}, but {pinned} is pinned.")
    return Path(found["Dir"])


def compile_package(folder: Path, package: str, output: Path, *flags: str, cgo: bool = False) -> None:
    """Build one main package; an interrupted link leaves nothing that passes for a build."""
    if not shutil.which("go"):
        raise ClusterError("Go is missing: install it (any version from 1.21 on fetches the pinned toolchain).")
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_suffix(".partial")
    environment = _GO | {"CGO_ENABLED": str(int(cgo))}
    run("go", "build", "-trimpath", *flags, "-o", partial, package, cwd=folder, env=environment)
    partial.rename(output)
