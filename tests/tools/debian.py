"""Prometheus, promtool, Alertmanager and amtool: those installed, or Debian's packages kept in a cache."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache, partial
from pathlib import Path
from typing import Final

from tests.caches import cached

PACKAGES: Final = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
}


class ToolUnavailable(Exception):
    """The tool is neither installed nor to be had; the message says why."""


@cache
def tool(name: str) -> str:
    """The path of the tool's program. Raises ToolUnavailable."""
    installed = shutil.which(name)
    if installed:
        return installed
    package = PACKAGES[name]
    folder = cached(f"debian-{package}", partial(_unpack, package))
    return str(folder / "usr" / "bin" / name)


def daemon(name: str) -> list[str]:
    """The words that start the tool's program, which finds its package's files. Raises ToolUnavailable.

    A package that is not installed has them elsewhere than the program looks: the program alone is shown
    the package's folder in the place of the system's.
    """
    if shutil.which(name):
        return [name]
    program = Path(tool(name))
    share = program.parents[1] / "share"
    script = 'mount --bind "$0" /usr/share && exec "$@"'
    return ["unshare", "--map-root-user", "--mount", "sh", "-c", script, str(share), str(program)]


def _unpack(package: str, folder: Path) -> None:
    """Fetches a package without installing it: neither rights nor services are needed."""
    _run("apt-get", "download", package, cwd=folder)
    (archive,) = folder.glob("*.deb")
    _run("dpkg", "-x", str(archive), ".", cwd=folder)
    archive.unlink()


def _run(*command: str, cwd: Path) -> None:
    try:
        subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True, timeout=300)
    except FileNotFoundError as error:
        raise ToolUnavailable(
            f"{command[0]} is not there: install {command[-1]} by hand"
        ) from error
    except subprocess.CalledProcessError as error:
        raise ToolUnavailable(f"{' '.join(command)}: {error.stderr.strip()[-300:]}") from error
