"""What parts list beside their arrays, as JSON in a payload's header; wire.py writes the arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stream_monitor.core.errors import UnreadableBytes
from stream_monitor.core.profile.categorical import KEPT_UNSEEN, CategoricalPart
from stream_monitor.core.profile.listing import Listed
from stream_monitor.core.profile.part import Part
from stream_monitor.core.profile.source import KEPT_PARTITIONS, SourcePart
from stream_monitor.core.profile.unknown_fields import KEPT_NAMES, UnknownFieldsPart

_MOST = 2**63


def listings_of(name: str, part: Part) -> Iterator[dict[str, Any]]:
    """Header entries of what the first slot of a part lists."""
    if isinstance(part, CategoricalPart):
        for (_, feature), kept in sorted(part.unseen.items()):
            unseen = [[f"{hashed:016x}", value, n] for hashed, (value, n) in sorted(kept.items())]
            yield {"part": name, "feature": feature, "unseen": unseen}
    elif isinstance(part, SourcePart) and part.listed.get(0):
        yield {"part": name, "ranges": [[p, *found] for p, found in sorted(part.listed[0].items())]}
    elif isinstance(part, UnknownFieldsPart) and part.listed.get(0):
        yield {"part": name, "names": [list(pair) for pair in sorted(part.listed[0].items())]}


def is_listing(entry: dict[str, Any]) -> bool:
    """Whether a header entry is one of listings_of; the others describe arrays."""
    return "unseen" in entry or "ranges" in entry or "names" in entry


def read_listing(part: Part, entry: dict[str, Any]) -> None:
    """Fills an empty part's list; raises UnreadableBytes, or what a wrong type raises."""
    if "unseen" in entry:
        _read_unseen(part, int(entry["feature"]), entry["unseen"])
    elif "ranges" in entry:
        _read_ranges(part, entry["ranges"])
    else:
        _read_names(part, entry["names"])


def _read_unseen(part: Part, feature: int, listed: list[Any]) -> None:
    if not isinstance(part, CategoricalPart) or not 0 <= feature < len(part.params):
        raise UnreadableBytes("unseen categories of a feature that is not categorical")
    if len(listed) > KEPT_UNSEEN:
        raise UnreadableBytes(f"more than {KEPT_UNSEEN} unseen categories")
    kept = {int(h, 16): (str(value), int(n)) for h, value, n in listed}
    if not all(0 <= h < 2**64 and 0 < n < _MOST for h, (_, n) in kept.items()):
        raise UnreadableBytes("unseen categories with a hash or count out of range")
    part.unseen[0, feature] = kept


def _read_ranges(part: Part, listed: list[Any]) -> None:
    if not isinstance(part, SourcePart) or len(listed) > KEPT_PARTITIONS:
        raise UnreadableBytes("offset ranges of another part, or too many")
    found: Listed = {int(p): (int(low), int(high), int(n)) for p, low, high, n in listed}
    if not all(
        0 <= p < 2**31 and 0 <= low <= high < _MOST and 0 < n < _MOST
        for p, (low, high, n) in found.items()
    ):
        raise UnreadableBytes("offset ranges with a number out of range")
    part.note(0, found)


def _read_names(part: Part, listed: list[Any]) -> None:
    if not isinstance(part, UnknownFieldsPart) or len(listed) > KEPT_NAMES:
        raise UnreadableBytes("unknown fields of another part, or too many")
    found: Listed = {str(name): int(n) for name, n in listed}
    if not all(0 < n < _MOST for n in found.values()):
        raise UnreadableBytes("unknown fields with a count out of range")
    part.note(0, found)
