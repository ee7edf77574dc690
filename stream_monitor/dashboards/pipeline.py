"""stream_monitor itself: does it keep up, does it lose anything, do windows close."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from stream_monitor.dashboards.frame import Panel, dashboard
from stream_monitor.dashboards.panels import ANY_IS_BAD, Query, figure, time_series
from stream_monitor.dashboards.tables import Column, Label, Value, table_of
from stream_monitor.dashboards.variables import any_of, datasource

_TOPIC: Final = 'topic=~"$topic"'
_RATE: Final = "[$__rate_interval]"
_PARTITIONS: Final = f"max by (topic, partition) (stream_monitor_consumer_lag_records{{{_TOPIC}}})"
_WATERMARKS: Final = (
    f"max by (topic, partition) (stream_monitor_watermark_timestamp_seconds{{{_TOPIC}}})"
)
_WINDOW_ENDS: Final = (
    'max by (model, window) (stream_monitor_window_end_timestamp_seconds{segment="all"})'
)


def pipeline() -> Dashboard:
    """The dashboard."""
    variables = [datasource(), any_of("topic", "stream_monitor_consumer_lag_records")]
    description = "stream_monitor itself: lag, watermarks, the offset chain, dead letters, commits."
    rows = [
        ("Now", _now()),
        ("Does it keep up?", _keeps_up()),
        ("Is anything lost?", _loses_nothing()),
        ("Does it work?", _works()),
    ]
    return dashboard("pipeline", description, variables, rows, since="now-6h")


def _now() -> list[Panel]:
    return [
        figure("Services", "Profilers and detectors that show metrics.", "none",
               Query("count(stream_monitor_last_step_timestamp_seconds)")),
        figure("Lag", "The longest time that a partition is behind.", "s",
               Query(f"max(stream_monitor_consumer_lag_seconds{{{_TOPIC}}})")),
        figure("Records behind", "Records of all partitions that are not read yet.", "short",
               Query(f"sum({_PARTITIONS})")),
        figure("Chain violations", "Commits whose source offsets left a gap or overlapped: 0, or "
               "something was lost or read twice.", "none",
               Query("max(stream_monitor_chain_violations_total)"), steps=ANY_IS_BAD),
        figure("Inexact windows", "Newest closed windows in which not every event is known to be "
               "counted once.", "none",
               Query("count(min by (model, version, segment, window) (stream_monitor_window_exact) "
                     "== 0) or 0 * max(stream_monitor_window_exact)"), steps=ANY_IS_BAD),
        figure("Dead letters", "Records that became dead letters in the time range.", "short",
               Query("sum(increase(stream_monitor_dead_letters_total[$__range]))"), decimals=0,
               steps=ANY_IS_BAD),
        figure("Aborted", "Transactions given up in the time range; their records are read again.",
               "short", Query("sum(increase(stream_monitor_transactions_aborted_total[$__range]))"),
               decimals=0),
        figure("Series left out", "Series left out of the scrapes of the time range.", "short",
               Query("sum(increase(stream_monitor_series_dropped_total[$__range]))"), steps=ANY_IS_BAD,
               decimals=0),
    ]  # fmt: skip


def _keeps_up() -> list[Panel]:
    lag_s = f"max by (topic) (stream_monitor_consumer_lag_seconds{{{_TOPIC}}})"
    consumed = f"sum by (topic) (rate(stream_monitor_records_consumed_total{{{_TOPIC}}}{_RATE}))"
    return [
        time_series("Lag in seconds", "Time since the watermark of the partition that is furthest "
                    "behind; 0 when all is read. None with time: history.", "s",
                    Query(lag_s, "{{topic}}")),
        time_series("Lag in records", "Records that are not read yet.", "short",
                    Query(f"sum by (topic) ({_PARTITIONS})", "{{topic}}")),
        time_series("Records read", "Records per second that were read and committed.", "short",
                    Query(consumed, "{{topic}}")),
        time_series("Age of the watermarks", "Time since the lowest watermark of each topic: up to "
                    "there, events are taken as complete.", "s",
                    Query(f"time() - min by (topic) ({_WATERMARKS})", "{{topic}}")),
        time_series("Spread of the watermarks", "Highest less lowest watermark of each topic's "
                    "partitions; a partition that stays behind holds windows open.", "s",
                    Query(f"max by (topic) ({_WATERMARKS}) - min by (topic) ({_WATERMARKS})",
                          "{{topic}}")),
        time_series("Age of the newest window", "Time since the end of the newest closed window of "
                    "each model and size: it rises to the size and the grace, and no further.",
                    "s", Query(f"time() - {_WINDOW_ENDS}", "{{model}} {{window}}")),
    ]  # fmt: skip


def _loses_nothing() -> list[Panel]:
    dead = f"sum by (reason) (increase(stream_monitor_dead_letters_total{_RATE}))"
    results = f"sum by (result) (rate(stream_monitor_records_total{{{_TOPIC}}}{_RATE}))"
    chain = {
        "violations": "chain_violations_total", "duplicate markers": "duplicate_markers_total",
        "unreadable deltas": "deltas_unreadable_total",
    }  # fmt: skip
    late = f"sum by (model) (increase(stream_monitor_late_events_dropped_total{_RATE}))"
    states = f"sum by (state) (rate(stream_monitor_labels_total{_RATE}))"
    return [
        time_series("Offset chain", "Since the state began, the largest over the partitions of the "
                    "deltas topic: violations mean a gap or an overlap; duplicates were counted "
                    "once and are harmless.", "none",
                    *(Query(f"max(stream_monitor_{name})", shown) for shown, name in chain.items())),
        time_series("Dead letters", "Records that became dead letters, by reason.", "short",
                    Query(f"{dead} > 0", "{{reason}}"), is_stacked=True),
        time_series("What became of records", "Records per second: valid, duplicate, dead or "
                    "tombstone.", "short", Query(results, "{{result}}")),
        time_series("Labels", "Labels per second by what the join did with them.", "short",
                    Query(states, "{{state}}")),
        time_series("Predictions without a label", "Predictions that wait for a label.", "short",
                    Query("sum(stream_monitor_pending_predictions)", "pending")),
        time_series("Late events", "Events that came after every window they belong to was final.",
                    "short", Query(late, "{{model}}"), is_stacked=True),
    ]  # fmt: skip


def _works() -> list[Panel]:
    total, count = (
        f"sum by (service) (rate(stream_monitor_commit_duration_seconds_{part}{_RATE}))"
        for part in ("sum", "count")
    )
    aborted = f"sum by (service) (increase(stream_monitor_transactions_aborted_total{_RATE}))"
    ages = {
        "commit": "stream_monitor_last_commit_timestamp_seconds",
        "step": "stream_monitor_last_step_timestamp_seconds",
    }
    columns: list[Column] = [
        Label("version"),
        Label("python"),
        Value("processes", "count by (version, python) (stream_monitor_build_info)"),
    ]
    return [
        time_series("Commit duration", "Mean time from the end of reading a batch to the end of its "
                    "commit.", "s", Query(f"{total} / {count}", "{{service}}")),
        time_series("Aborted transactions", "Transactions given up; their records are read again.",
                    "short", Query(aborted, "{{service}}"), is_stacked=True),
        time_series("Last commit and step", "Time since the last commit, and since a service last "
                    "went to read a batch; the oldest of each service's processes.", "s",
                    *(Query(f"time() - min by (service) ({metric})", f"{{{{service}}}} {name}")
                      for name, metric in ages.items())),
        time_series("Published", "Results and drift events per second.", "short",
                    Query(f"sum(rate(stream_monitor_records_published_total{_RATE}))", "records")),
        time_series("Drift events", "Drift events written, by status.", "short",
                    Query(f"sum by (status) (increase(stream_monitor_drift_events_total{_RATE}))",
                          "{{status}}"), is_stacked=True),
        table_of("Versions", "Processes by the versions of stream_monitor and Python.", columns,
                 span=8),
    ]  # fmt: skip
