"""Text decoded wrongly: UTF-8 read as Latin-1 or Windows-1252, replacement characters, question marks."""

from __future__ import annotations

import re
from typing import Final

from stream_monitor.core.hints.feature_evidence import CategoricalEvidence, share, unseen_rows
from stream_monitor.core.hints.hint import Hint, HintKind, percent

_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_CODECS: Final = ("cp1252", "latin-1")
_MOST_LAYERS: Final = 3


def repaired(value: str) -> str | None:
    """The text behind UTF-8 that was read as Latin-1 or Windows-1252, once or more; None if it was not.

    Proof is that the characters, as bytes of that encoding, are valid UTF-8 beyond ASCII, which text
    that was decoded rightly hardly ever is.

    >>> repaired("ZÃ¼rich"), repaired("ZÃƒÂ¼rich"), repaired("Zürich"), repaired("Zurich")
    ('Zürich', 'Zürich', None, None)
    """
    text = value
    for _ in range(_MOST_LAYERS):
        better = _one_layer(text)
        if better is None:
            break
        text = better
    return text if text != value else None


def _one_layer(text: str) -> str | None:
    for codec in _CODECS:
        try:
            better = text.encode(codec).decode("utf-8")
        except UnicodeError:
            continue
        return better if better != text else None
    return None


def damaged(evidence: CategoricalEvidence) -> dict[str, str | None]:
    """Unseen values of the window that were decoded wrongly → what they were, None where that is lost."""
    known = frozenset(evidence.binning.categories)
    before = {value for value, _ in evidence.reference.unseen_values}
    lossy = {_without_accents(name): name for name in known if not name.isascii()}
    found: dict[str, str | None] = {}
    for value, _ in evidence.window.unseen_values:
        if value in before:
            continue
        right = repaired(value)
        if right is not None:
            found[value] = right
        elif _REPLACEMENT in value:
            found[value] = _behind(value, known)
        elif value in lossy:
            found[value] = lossy[value]
    return found


def _without_accents(name: str) -> str:
    return name.encode("ascii", "replace").decode("ascii")


def _behind(value: str, known: frozenset[str]) -> str | None:
    """The one known category that differs from a value only where characters were replaced."""
    pieces = (re.escape(piece) for piece in re.split(f"{_REPLACEMENT}+", value))
    pattern = re.compile(r"[^\x00-\x7f]+".join(pieces))
    fitting = [name for name in known if pattern.fullmatch(name)]
    return fitting[0] if len(fitting) == 1 else None


def encoding_hint(evidence: CategoricalEvidence) -> Hint | None:
    """Unseen values that were decoded wrongly, with the most frequent as the example."""
    found = damaged(evidence)
    rows = unseen_rows(evidence, found)
    if not rows:
        return None
    held = share(sum(rows.values()), evidence.window.n)
    value, n = max(rows.items(), key=lambda pair: pair[1])
    detail: dict[str, str | float] = {"share": held, "values": float(len(rows))}
    example = ""
    if evidence.can_name(n):
        right = found[value]
        example = f" ({value!r} for {right!r})" if right else f" ({value!r})"
        detail |= {"after": value, **({"before": right} if right else {})}
    text = f"{evidence.at_least}{percent(held)} of the values were decoded wrongly on their way{example}"
    return Hint(HintKind.ENCODING, f"{text}; probably {_how(value)}", 0.96, detail)


def _how(value: str) -> str:
    if repaired(value) is not None:
        return "UTF-8 read as Latin-1 or Windows-1252"
    if _REPLACEMENT in value:
        return "bytes of another encoding read as UTF-8"
    return "written in an encoding without these characters"
