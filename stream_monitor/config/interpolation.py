"""`${NAME}`, `${NAME:-default}` and `${file:/path}` in YAML texts; `$${` is a plain `${`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from stream_monitor.config.errors import Problem, key_path

_REFERENCE: Final = re.compile(r"\$\$\{|\$\{([^}]*)\}|\$\{")
_VARIABLE: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_FILE: Final = "file:"


class Interpolation:
    """Fills in references; what cannot be filled in becomes None and a problem at its key path.

    Files are looked for from the folder of the YAML file and lose the line break at their end. A
    default stands for a variable that is unset or empty. What is filled in is not looked at again.
    """

    def __init__(self, source: str, folder: Path, environ: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self._source = source
        self._folder = folder
        self._environ = environ

    def fill(self, value: Any, path: tuple[str | int, ...] = ()) -> Any:
        """The value with every text in it filled in, at any depth."""
        if isinstance(value, dict):
            return {key: self.fill(item, (*path, str(key))) for key, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item, (*path, i)) for i, item in enumerate(value)]
        return self._text(value, path) if isinstance(value, str) else value

    def _text(self, text: str, path: tuple[str | int, ...]) -> str | None:
        try:
            return _REFERENCE.sub(self._replacement, text)
        except _Unfilled as unfilled:
            self.problems.append(Problem(self._source, key_path(path), str(unfilled)))
            return None

    def _replacement(self, match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        reference = match[1]
        if reference is not None and reference.startswith(_FILE):
            return self._file(reference.removeprefix(_FILE))
        variable = _VARIABLE.fullmatch(reference or "")
        if variable is None:
            raise _Unfilled(
                "has a ${ that names nothing: write ${NAME}, ${NAME:-default}, ${file:/path}, "
                "or $${ for a plain ${"
            )
        return self._variable(variable[1], variable[2])

    def _variable(self, name: str, default: str | None) -> str:
        value = self._environ.get(name)
        if default is not None:
            return value if value else default
        if value is None:
            raise _Unfilled(
                f"needs the environment variable {name}, which is not set: "
                f"set it, or write ${{{name}:-default}}"
            )
        return value

    def _file(self, name: str) -> str:
        try:
            text = (self._folder / name).read_text(encoding="utf-8")
        except OSError as error:
            raise _Unfilled(
                f"needs the file {name}, which cannot be read: {error.strerror}"
            ) from None
        except UnicodeDecodeError:
            raise _Unfilled(f"needs the file {name}, which is not UTF-8 text") from None
        return text.removesuffix("\n").removesuffix("\r")


class _Unfilled(Exception):
    """A reference cannot be filled in."""
