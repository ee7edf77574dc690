"""Drift events as people read them: one aligned line each, and a second one with the probable cause."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rich.text import Text

Event = Mapping[str, Any]

_STATUS_STYLES: Final = {
    "opened": "bold red", "ongoing": "red", "recovered": "green", "retracted": "magenta",
    "integrity_violation": "bold red", "input_schema_broken": "bold red",
    "input_schema_resolved": "green",
}  # fmt: skip
_SEVERITY_STYLES: Final = {"critical": "bold red", "warning": "yellow"}
_STATUS_WIDTH, _SEVERITY_WIDTH, _WHERE_WIDTH, _FEATURE_WIDTH = 13, 8, 24, 20
_INDENT: Final = 22


def event_lines(event: Event) -> Text:
    """The lines of one event, without a line break at the end.

    Window (its start in UTC, and size), status with revision, severity, model, version and segment, feature,
    what moved how far against which references. Signs that are not printable are shown as �.
    """
    shown = Text()
    window = event.get("window")
    start = "–" if window is None else f"{window['start'][:16].replace('T', ' ')}Z {window['size']}"
    shown.append(_padded(start, _INDENT - 1))
    said = f"{event['status']} r{event['revision']}"
    style = _STATUS_STYLES.get(event["status"], "")
    if event["type"] == "drift":
        severity = event.get("severity")
        where = f"{event['model']} {event['version']} {event['segment']}"
        shown.append(_padded(said, _STATUS_WIDTH), style)
        shown.append(
            _padded(severity or "", _SEVERITY_WIDTH), _SEVERITY_STYLES.get(severity or "", "")
        )
        shown.append(_padded(where, _WHERE_WIDTH))
        shown.append(_padded(event["feature"], _FEATURE_WIDTH), "bold")
        shown.append(_clean(_moved(event)))
        hints = event.get("hints")
        if hints:
            shown.append(f"\n{' ' * _INDENT}{_clean(hints[0]['text'])}", "dim")
    else:
        shown.append(_padded(said, _STATUS_WIDTH + 1 + _SEVERITY_WIDTH), style)
        shown.append(_padded(event["model"] or "–", _WHERE_WIDTH))
        shown.append(_clean(_system(event)))
    shown.rstrip()
    return shown


def _moved(event: Event) -> str:
    """Which aspect moved how far, against what, and until when of a window that is open."""
    against = f"against {', '.join(event['references'])}"
    if event.get("deciding") is None:
        return against
    ratio = event["ratio"]
    shown = "∞" if ratio is None else f"{ratio:.0f}" if ratio >= 100 else f"{ratio:.2g}"
    until = event.get("judged_until", event["window"]["end"])  # events of before lack it
    so_far = "" if until == event["window"]["end"] else f", by {until[:16].replace('T', ' ')}Z"
    return f"{event['deciding']} ×{shown} {against}{so_far}"


def _system(event: Event) -> str:
    if event["type"] == "integrity":
        runs = ", ".join(f"{t}/{p} {start}…{end}" for t, p, start, end in event["offsets"])
        return f"source offsets of {event['instance']} left a gap or overlapped: {runs}"
    return f"{event['dead']} of {event['records']} records cannot be read"


def _padded(text: str, width: int) -> str:
    """The text and a space, at least `width` + 1 wide."""
    return f"{_clean(text):<{width}} "


def _clean(text: str) -> str:
    return "".join(sign if sign.isprintable() else "�" for sign in text)
