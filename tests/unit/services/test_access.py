"""The rights that are shown are those of the configuration, and the page about them shows the same."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stream_monitor.cli.commands import app
from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.services.access import ROLES, Grant, grants, kafka_acls, principal

PAGE = Path(__file__).parents[3] / "docs" / "security.md"


def as_markdown(wanted: list[Grant]) -> str:
    """One row per role, operations and kind of resource."""
    rows: dict[tuple[str, str, str, str], list[str]] = {}
    for g in wanted:
        rows.setdefault((g.role, g.resource, g.pattern, ", ".join(g.operations)), []).append(g.name)
    lines = ["| role | resource | names | operations |", "|---|---|---|---|"]
    lines += [
        f"| {role} | {resource.replace('_', ' ')} | "
        + ", ".join(f"`{name}{'*' if pattern == 'prefixed' else ''}`" for name in names)
        + f" | {operations} |"
        for (role, resource, pattern, operations), names in rows.items()
    ]
    return "\n".join(lines)


def test_the_page_shows_the_rights_of_the_default_configuration() -> None:
    assert as_markdown(grants(MonitorConfig())) in PAGE.read_text(encoding="utf-8")


def test_names_are_those_of_the_configuration() -> None:
    monitor = MonitorConfig.model_validate(
        {"name": "eu", "topics": {"prefix": "drift", "inference": "in", "labels": "out"}}
    )
    names = {grant.name for grant in grants(monitor)}
    assert {"in", "out", "drift.deltas", "eu-profiler", "eu.profiler.", "eu.redrive"} <= names
    assert not [name for name in names if name.startswith("stream-monitor.")]
    assert principal(monitor, "profiler") == "User:eu-profiler"


def test_every_role_has_rights_and_no_right_is_there_twice() -> None:
    found = grants(MonitorConfig())
    assert [role for role in ROLES if any(g.role == role for g in found)] == list(ROLES)
    keys = [(g.role, g.resource, g.name) for g in found]
    assert len(set(keys)) == len(keys)


def test_only_the_services_and_those_who_write_have_more_than_reading() -> None:
    for grant in grants(MonitorConfig()):
        if grant.role == "reader":
            assert set(grant.operations) <= {"Read", "Describe"}
        if grant.resource == "group":
            assert grant.operations in (("Read",), ("Describe",))
        assert not {"All", "Alter", "Delete"} & set(grant.operations)


def test_commands_for_kafka_name_each_right() -> None:
    monitor = MonitorConfig.model_validate(
        {"kafka": {"bootstrap.servers": "a:1,b:2", "sasl.password": "canary"}}
    )
    lines = kafka_acls(monitor)
    assert len(lines) == len(grants(monitor))
    assert not [line for line in lines if "canary" in line]
    words = shlex.split(lines[0])
    assert words == [
        "kafka-acls.sh", "--bootstrap-server", "a:1,b:2", "--add", "--allow-principal",
        "User:stream-monitor-profiler", "--operation", "Read", "--operation", "DescribeConfigs",
        "--topic", "inference",
    ]  # fmt: skip
    prefixed = [line for line in lines if "--resource-pattern-type prefixed" in line]
    assert all("--transactional-id" in line for line in prefixed)
    assert len(prefixed) == 3


@pytest.mark.parametrize(("format_", "lines"), [("table", None), ("json", 1), ("kafka-acls", 1)])
def test_the_command_shows_them(
    format_: str, lines: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(app, ["topics", "acls", "--format", format_])
    assert shown.exit_code == 0
    # A table wraps long names at the terminal's width.
    assert ("profiler" if lines is None else "stream-monitor.profiler.") in shown.output
    if lines:
        found = [line for line in shown.output.splitlines() if line.strip()]
        assert len(found) == len(grants(MonitorConfig()))
        assert all(re.match(r"\{|kafka-acls\.sh", line) for line in found)
