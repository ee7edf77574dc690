"""The fault part of the soak: what tests/integration proves small, with more of everything and for longer."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

from benchmarks.results import Row
from tests.brokers.kafka_process import KafkaProcess
from tests.brokers.provision import kafka_jars
from tests.integration.fault_plan import plan
from tests.integration.fault_report import Report
from tests.integration.fault_run import Settings, run

NAME: Final = "soak, faults"
ROUNDS: Final = 2
OUTAGES: Final = ((0.2, 0.0), (0.45, 3.0), (0.7, 60.0))
ZOMBIES_S: Final = (12.0, 40.0)
"""Longer than a session, and longer than a transaction may stay open."""
_HOURS_PER_100K: Final = 24


def measure(events: int, seed: int = 11) -> tuple[list[Row], bool]:
    """The figures, and whether everything was exact; raises BrokerUnavailable."""
    jars = kafka_jars()
    faults = plan(seed, ROUNDS, ZOMBIES_S)
    span_s = max(48, events * _HOURS_PER_100K // 100_000) * 3_600
    settings = Settings(
        events, span_s, events / 2_000, faults, OUTAGES, membership=("static", "dynamic"),
        longest_s=5_400.0, is_forked=False,
    )  # fmt: skip
    loads = [os.getloadavg()[0]]
    began = time.monotonic()

    def note(text: str) -> None:
        loads.append(os.getloadavg()[0])
        print(text, file=sys.stderr)

    with (
        tempfile.TemporaryDirectory() as name,
        KafkaProcess(jars, Path(name) / "broker") as broker,
    ):
        report = run(broker, Path(name), "soak.", settings, note)
    for text in (*report.differences[:20], *report.log.unexpected, *report.log.unreached):
        print(text, file=sys.stderr)
    return _rows(events, report, time.monotonic() - began, loads), is_exact(report)


def is_exact(report: Report) -> bool:
    """Whether nothing differs, nothing is left, and no process ended but by a fault."""
    problems = (report.differences, report.lag, report.chain_violations, report.log.unexpected)
    return not any(problems) and report.dead_letters == report.poison


def _rows(events: int, report: Report, wall_s: float, loads: list[float]) -> list[Row]:
    log = report.log
    done = Counter(
        what.split()[0] if what.startswith(("stop", "replace", "terminate")) else "kill"
        for _, what in log.reached
    )
    places = {found for found in log.reached if found[1] not in ("random", "terminate")}
    rows = [
        Row(NAME, "events", events, "events", note=f"{report.records:,} records with labels"),
        Row(NAME, "kill -9", done["kill"], "kills", note=f"{len(places)} kinds of named steps"),
        Row(NAME, "frozen, then continued", done["stop"], "zombies", note="12 s and 40 s"),
        Row(NAME, "broker restarts", len(OUTAGES), "restarts", note="SIGKILL, 3 s, 60 s"),
        Row(NAME, "windows and outcomes compared", report.windows, "windows", note="as integers"),
        Row(NAME, "differences", len(report.differences), "differences"),
        Row(NAME, "results published", report.results, "records", note="each revision once"),
        Row(NAME, "records unread at the end", report.lag, "records"),
        Row(
            NAME, "dead letters", report.dead_letters, "records", note=f"{report.poison:,} poisoned"
        ),
        Row(NAME, "chain violations", report.chain_violations, "commits"),
        Row(NAME, "processes that ended by themselves", len(log.unexpected), "processes"),
        Row(NAME, "the same, naming an outage", len(log.outlasted), "processes", note="restarted"),
    ]
    if log.recovery_s:
        spread = (min(log.recovery_s), max(log.recovery_s))
        middle = statistics.median(log.recovery_s)
        rows.append(Row(NAME, "from kill to ready", middle, "s", spread, "start-up included"))
    if log.terminated_s:
        rows.append(Row(NAME, "SIGTERM to exit 0, longest", max(log.terminated_s), "s"))
    note = f"load average {min(loads):.1f} – {max(loads):.1f}"
    return [*rows, Row(NAME, "duration", wall_s / 60, "min", note=note)]
