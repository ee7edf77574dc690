"""The generated rules in promtool: every alert fires where it must, and only there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream_monitor.alerting.rules import rule_groups, rules_yaml
from stream_monitor.config.loading import load_config
from tests.alerts.cases import CASES, INFO, Case, incident
from tests.alerts.installations import installation
from tests.tools.debian import tool

ROOT = Path(__file__).parents[2]
GAP = "2x20 _x60 2x30"
"""A detector that is away for an hour, and its incident goes on."""


@pytest.fixture
def rule_file(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yml"
    path.write_text(rules_yaml(installation(tmp_path)), encoding="utf-8")
    return path


def promtool(*arguments: str | Path) -> str:
    done = subprocess.run(
        [tool("promtool"), *map(str, arguments)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def firing(case: Case) -> dict[str, Any]:
    """One test of promtool's: what fires is compared as the ALERTS series says it, labels and all."""
    alert = f"StreamMonitor{case.alert}"
    shared = {"alertname": alert, "alertstate": "firing"}
    return {
        "interval": "1m",
        "input_series": [
            {"series": name, "values": values} for name, values in case.series.items()
        ],
        "promql_expr_test": [
            {
                "expr": series("ALERTS", shared),
                "eval_time": case.at,
                "exp_samples": [
                    {"labels": series("ALERTS", shared | labels), "value": 1}
                    for labels in case.fires
                ],
            }
        ],
    }


def series(name: str, labels: dict[str, str]) -> str:
    return (
        f"{name}{{{', '.join(f'{label}={json.dumps(value)}' for label, value in labels.items())}}}"
    )


def run(rule_file: Path, *cases: Case) -> None:
    tests = rule_file.with_name("tests.yml")
    content = {
        "rule_files": [str(rule_file)],
        "evaluation_interval": "1m",
        "tests": [firing(case) for case in cases],
    }
    tests.write_text(yaml.safe_dump(content))
    promtool("test", "rules", tests)


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.alert}-{len(c.fires)}")
def test_an_alert_fires_where_it_must_and_only_there(rule_file: Path, case: Case) -> None:
    run(rule_file, case)


def test_every_alert_has_a_case_that_fires_and_one_that_must_not(tmp_path: Path) -> None:
    rules = [r for group in rule_groups(installation(tmp_path))["groups"] for r in group["rules"]]
    alerts = {(r["alert"], r["labels"]["severity"]) for r in rules if "alert" in r}
    fired = {(f"StreamMonitor{c.alert}", labels["severity"]) for c in CASES for labels in c.fires}
    assert fired == alerts
    assert {f"StreamMonitor{c.alert}" for c in CASES if not c.fires} == {a for a, _ in alerts}


def test_a_restarting_detector_resolves_nothing(rule_file: Path) -> None:
    held = {"severity": "critical", "family": "data", "cause": "missing_burst", "feature": "temp",
            "segment": "all", "window": "1h", "model": "flights", "owner": "flights-team",
            "tier": "1"}  # fmt: skip
    both = [held, held | {"severity": "warning"}]
    series = incident("temp", "data", "missing_burst", GAP)
    series[INFO] = GAP
    run(rule_file, *(Case("MissingBurst", series, both, at) for at in ("19m", "75m", "100m")))


def test_an_incident_that_ended_while_nobody_looked_is_over(rule_file: Path) -> None:
    series = incident("temp", "data", "missing_burst", "2x20 _x60")
    series[INFO] = "1x20 _x10 1x60"
    run(rule_file, Case("MissingBurst", series, at="50m"))


def test_a_new_version_goes_on_with_the_alert_of_the_last_one(rule_file: Path) -> None:
    old = incident("temp", "data", "missing_burst", "1x20 _x40")
    new = {k.replace('version="1"', 'version="2"'): "_x20 1x40" for k in old if k != INFO}
    labels = {"severity": "warning", "family": "data", "cause": "missing_burst", "feature": "temp",
              "segment": "all", "window": "1h", "model": "flights", "owner": "flights-team",
              "tier": "1"}  # fmt: skip
    run(rule_file, *(Case("MissingBurst", old | new, [labels], at) for at in ("19m", "20m", "40m")))


def test_an_alert_says_what_moved_how_much_against_what_since_when_and_why(rule_file: Path) -> None:
    where = 'model="flights", version="1", segment="all", window="1h", feature="temp"'
    series = incident("temp", "data", "missing_burst") | {
        f'stream_monitor_feature_drift_ratio{{{where}, reference="validation"}}': "3.32x60",
        f'stream_monitor_feature_drift_ratio{{{where}, reference="sliding"}}': "0.4x60",
        f'stream_monitor_incident_start_timestamp_seconds{{{where}, family="data", '
        'cause="missing_burst"}': "1360299600x60",
    }
    labels = {"severity": "warning", "family": "data", "cause": "missing_burst", "feature": "temp",
              "segment": "all", "window": "1h", "model": "flights", "owner": "flights-team",
              "tier": "1"}  # fmt: skip
    page = "http://localhost:3000/d/stream-monitor-feature?var-model=flights&var-segment=all"
    annotations = {
        "summary": "flights: values of temp are missing",
        "description": "Values of temp are missing in the 1h windows of flights. 3.3 times its threshold "
        "against validation. Since 2013-02-08 05:00:00 +0000 UTC. Probable cause: missing burst.",
        "runbook_url": "docs/runbooks/StreamMonitorMissingBurst.md",
        "dashboard_url": f"{page}&var-window=1h&var-feature=temp",
    }
    tests = rule_file.with_name("tests.yml")
    content = {
        "rule_files": [str(rule_file)],
        "tests": [{
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "alert_rule_test": [{
                "eval_time": "30m", "alertname": "StreamMonitorMissingBurst",
                "exp_alerts": [{"exp_labels": labels, "exp_annotations": annotations}],
            }],
        }],
    }  # fmt: skip
    tests.write_text(yaml.safe_dump(content))
    promtool("test", "rules", tests)


def test_the_committed_rules_are_those_of_the_committed_configuration() -> None:
    committed = (ROOT / "config" / "prometheus" / "alerting_rules.yml").read_text(encoding="utf-8")
    assert committed == rules_yaml(load_config(ROOT / "config" / "monitor.yaml", {}))


def test_prometheus_accepts_its_configuration_and_the_rules() -> None:
    said = promtool("check", "config", ROOT / "config" / "prometheus" / "prometheus.yml")
    assert "1 rule files found" in said


def test_every_alert_has_a_runbook(tmp_path: Path) -> None:
    rules = [r for group in rule_groups(installation(tmp_path))["groups"] for r in group["rules"]]
    links = {r["annotations"]["runbook_url"] for r in rules if "alert" in r}
    pages = {f"docs/runbooks/{p.name}" for p in (ROOT / "docs" / "runbooks").glob("Stream*.md")}
    assert links == pages
