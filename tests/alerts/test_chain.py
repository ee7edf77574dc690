"""Many models moved by one cause, through a real Prometheus and Alertmanager."""

from __future__ import annotations

from pathlib import Path

from stream_monitor.config.loading import load_config
from tests.alerts.chain import chain, served, until

OWNERS = {"credit": 7, "sales": 5}
MODELS = [(f"{owner}-{i}", owner) for owner, n in OWNERS.items() for i in range(n)]


def page(_: bytes) -> str:
    """What detectors show while the same feature is missing in every model."""
    lines = [
        f'stream_monitor_last_step_timestamp_seconds{{service="{service}"}} 1'
        for service in ("profiler", "detector")
    ]
    for model, owner in MODELS:
        lines.append(f'stream_monitor_model_info{{model="{model}",owner="{owner}",tier="1"}} 1')
        labels = (
            f'model="{model}",version="1",segment="all",window="1h",feature="income",family="data",'
            'cause="missing_burst"'
        )
        lines.append(f"stream_monitor_incident_severity{{{labels}}} 1")
    return "\n".join(lines) + "\n"


def test_twelve_models_hit_by_one_fault_are_one_notification_per_owner(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "monitor.yaml").write_text("{}")
    for model, owner in MODELS:
        content = f"owner: {owner}\nfeatures: {{income: numeric}}\n"
        (tmp_path / "models" / f"{model}.yaml").write_text(content)
    installation = load_config(tmp_path / "monitor.yaml", {})
    with (
        served({"metrics": page}) as port,
        chain(tmp_path, installation, {"stream-monitor": [port]}) as running,
    ):
        until(lambda: len(running.firing("MissingBurst")) == len(MODELS), "every model's alert")
        notified = running.inbox.slack

        def told(owner: str) -> list[str]:
            return [m["attachments"][0]["text"] for m in notified if owner in str(m)]

        until(lambda: told("credit") and told("sales"), "both owners to be told")
        for owner, n in OWNERS.items():
            assert len(told(owner)) == 1, notified
            (text,) = told(owner)
            assert all(f"{owner}-{i}: values of income are missing" in text for i in range(n))
            assert "missing burst" in text
        assert {m["channel"] for m in notified} == {"#model-alerts"}
        assert not running.inbox.pagerduty
