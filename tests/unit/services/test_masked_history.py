"""Values of masked features that come out of a topic: hashed once, whichever way they take."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from stream_monitor.config.loading import load_config
from stream_monitor.core.privacy import digest
from stream_monitor.services import topic_history
from stream_monitor.services.history import table_rows
from tests.unit.core.builders import records

SALT = "salt of the shop"
EVENT = b"""{"prediction_id": "a", "model": "shop", "timestamp": 1700000000,
             "features": {"customer": "ada", "city": "Ulm"}}"""
MODEL = f"""
features:
  customer: {{kind: categorical, privacy: hash, salt: {SALT}}}
  city: {{kind: categorical, privacy: drop}}
"""


def test_events_and_replayed_tables_hold_the_same_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "shop.yaml").write_text(MODEL)
    (tmp_path / "monitor.yaml").write_text("")
    installation = load_config(tmp_path / "monitor.yaml", {})
    spec = installation.specifications()["shop"]

    def read(topic: str, **_: object) -> list[object]:
        return [records([EVENT] if topic == "inference" else [])]

    monkeypatch.setattr(
        topic_history, "wire", lambda _: SimpleNamespace(reader=lambda: SimpleNamespace(read=read))
    )
    (events,) = topic_history.read_events(installation, "shop", None, None)
    table = topic_history.read_topics(installation, "shop", None, None)
    model = topic_history.with_canonical_columns(installation.models[0])
    replayed = table_rows(table, model, spec).events
    expected = [["present"], [digest("ada", SALT)]]
    for columns in (events, replayed):
        assert [column.to_pylist() for column in columns.categorical] == expected
