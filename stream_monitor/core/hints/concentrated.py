"""One producer or version only: most of a change goes away without one segment of little traffic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from stream_monitor.core.drill_down import Carrier
from stream_monitor.core.hints.hint import Hint, HintKind, percent

_MOST_MOVED: Final = 0.8
_MOST_TRAFFIC: Final = 0.5
_LEAST_LIFT: Final = 2.0


def concentrated_hint(carriers: Iterable[Carrier], traffic: Mapping[str, float]) -> Hint | None:
    """The segment without which at least 80 % of a change go away, though it has at most half of the traffic.

    `traffic` gives each segment's share of the events. None where no segment is like that. It ranks below
    every cause: it tells where to look, not what happened.
    """
    heavy = [
        (carrier.share, -traffic[carrier.segment], carrier.segment)
        for carrier in carriers
        if carrier.share >= _MOST_MOVED
        and traffic[carrier.segment] <= min(_MOST_TRAFFIC, carrier.share / _LEAST_LIFT)
    ]
    if not heavy:
        return None
    moved, sent, segment = max(heavy)
    text = (
        f"{percent(moved)} of the change goes away without {segment}, "
        f"which sends {percent(-sent)} of the events"
    )
    return Hint(
        HintKind.CONCENTRATED, text, 0.2, {"segment": segment, "share": moved, "traffic": -sent}
    )
