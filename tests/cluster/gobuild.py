"""Build the cluster's programs from pinned Go modules; a build is made once per set of pins."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from .settings import CACHE, KUBERNETES_VERSION, PACKAGE, Checkout
from .shell import ClusterError, run, step

TOOLCHAIN = "go1.27.0"
_STAMP = "k8s.io/component-base/version"
_MAJOR, _MINOR, _ = KUBERNETES_VERSION.removeprefix("v").split(".")


@dataclass(frozen=True)
class Program:
    """A Go module below `go/` and the main package in it; linked under all of `names`."""

    module: str
    package: str
    names: tuple[str, ...]
    ldflags: str = "-s -w"

    @property
    def source(self) -> Path:
        return PACKAGE / "go" / self.module

    @property
    def binary(self) -> Path:
        return CACHE / "bin" / f"{self.module}-{self._pins()}" / self.module

    def _pins(self) -> str:
        digest = hashlib.sha256(f"{TOOLCHAIN} {self.package} {self.ldflags}".encode())
        for path in sorted(self.source.iterdir()):
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
            with step(f"build {program.module}"):
                _compile(program)


def link(checkout: Checkout, programs: tuple[Program, ...] = PROGRAMS) -> None:
    """Give the built programs their names in `.cluster/bin`."""
    checkout.bin.mkdir(parents=True, exist_ok=True)
    for program in programs:
        for name in program.names if program.binary.exists() else ():
            path = checkout.bin / name
            path.unlink(missing_ok=True)
            path.symlink_to(program.binary)


def _compile(program: Program) -> None:
    if not shutil.which("go"):
        raise ClusterError("Go is missing: install it (any version from 1.21 on fetches the pinned toolchain).")
    program.binary.parent.mkdir(parents=True, exist_ok=True)
    # Renamed when complete: an interrupted link must not pass for a build.
    partial = program.binary.with_suffix(".partial")
    run(
        *("go", "build", "-trimpath", "-ldflags", program.ldflags, "-o", partial, program.package),
        cwd=program.source,
        env={**os.environ, "GOTOOLCHAIN": TOOLCHAIN, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"},
    )
    partial.rename(program.binary)
