"""A replay hears of named days as the services do."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stream_monitor import replay
from tests.unit.services.histories import DAY_S, MODEL_YAML, PERIOD, START_S, made

SHIFTED = 50
NAMED = datetime.fromtimestamp(START_S + SHIFTED * DAY_S, UTC).date()


def opened(folder: Path, calendar: Path | str | None) -> list[dict[str, Any]]:
    """What opened on the shifted day."""
    model = folder / "orders.yaml"
    model.write_text(MODEL_YAML)
    records = replay(made((SHIFTED,), 8.0).table, model, PERIOD, calendar=calendar).records
    return [
        r
        for r in records
        if r["type"] == "drift" and r["status"] == "opened" and r["feature"] == "amount"
        if r["window"]["start"].startswith(NAMED.isoformat())
    ]


def test_a_muted_day_opens_nothing_and_a_named_one_is_told(tmp_path: Path) -> None:
    calendar = tmp_path / "calendar.yaml"
    (alone,) = opened(tmp_path, None)
    assert "calendar" not in str(alone["hints"])
    entry = f"entries: [{{name: sale, start: {NAMED}, end: {NAMED}"
    calendar.write_text(f"{entry}}}]\n")
    (named,) = opened(tmp_path, calendar)
    assert "calendar: sale" in str(named["hints"])
    calendar.write_text(f"{entry}, mute: true}}]\n")
    assert not opened(tmp_path, str(calendar))
