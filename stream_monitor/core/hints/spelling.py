"""Known categories in another spelling: upper and lower case, spaces, Unicode form."""

from __future__ import annotations

import unicodedata

from stream_monitor.core.hints.feature_evidence import CategoricalEvidence, share, unseen_rows
from stream_monitor.core.hints.hint import Hint, HintKind, percent


def folded(value: str) -> str:
    """A spelling in which case, spaces and compatibility characters make no difference.

    >>> folded(" New  York") == folded("NEW YORK"), folded("ＵＡ") == folded("ua"), folded("é") == "e"
    (True, True, False)
    """
    return "".join(unicodedata.normalize("NFKC", value).casefold().split())


def respelled(evidence: CategoricalEvidence) -> dict[str, str]:
    """Unseen values of the window → the known category that each spells another way."""
    known = zip(evidence.binning.categories, evidence.reference.counts.tolist(), strict=True)
    spelt: dict[str, tuple[int, str]] = {}
    for name, rows in known:
        key = folded(name)
        spelt[key] = max(spelt.get(key, (0, "")), (rows, name))
    before = {value for value, _ in evidence.reference.unseen_values}
    return {
        value: spelt[key][1]
        for value, _ in evidence.window.unseen_values
        if value not in before and (key := folded(value)) in spelt and spelt[key][0]
    }


def spelling_hint(evidence: CategoricalEvidence) -> Hint | None:
    """Unseen values that are known ones in another spelling, with the most frequent as the example."""
    found = respelled(evidence)
    rows = unseen_rows(evidence, found)
    if not rows:
        return None
    held = share(sum(rows.values()), evidence.window.n)
    new, n = max(rows.items(), key=lambda pair: pair[1])
    old = found[new]
    detail: dict[str, str | float] = {"share": held, "values": float(len(rows))}
    example = ""
    if evidence.can_name(n):
        example = f" ({new!r} for {old!r})"
        detail |= {"before": old, "after": new}
    how = f"differ from known categories only in {_in_what(old, new)}"
    text = f"{evidence.at_least}{percent(held)} of the values {how}{example}"
    return Hint(HintKind.SPELLING, text, 0.95, detail)


def _in_what(old: str, new: str) -> str:
    if "".join(old.split()) == "".join(new.split()):
        return "spaces"
    if old.casefold() == new.casefold():
        return "upper and lower case"
    if unicodedata.normalize("NFKC", old) == unicodedata.normalize("NFKC", new):
        return "their Unicode form"
    return "case and spaces"
