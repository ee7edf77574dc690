"""Every metric that /metrics shows, in one table; docs/metrics.md is generated from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

PREFIX: Final = "stream_monitor_"
Kind = Literal["counter", "gauge", "summary"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family; `unit` is seconds or ratio where the name ends in it, else empty."""

    kind: Kind
    labels: tuple[str, ...]
    unit: str
    help: str


_WINDOW: Final = ("model", "version", "segment", "window")
_FEATURE: Final = (*_WINDOW, "feature")
_INCIDENT: Final = (*_FEATURE, "family", "cause")
_SCORE: Final = (*_FEATURE, "reference")
_OUTCOME: Final = (*_WINDOW, "outcome")
_SOURCE: Final = ("topic", "partition")

# fmt: off
TABLE: Final[dict[str, Metric]] = {
    # Incidents: what alerts rest on.
    "incident_severity": Metric("gauge", _INCIDENT, "",
        "1 for a warning, 2 for critical; of an open incident, the worst since it opened. cause is "
        "what its first window was put down to, family data, model or system."),
    "incident_start_timestamp_seconds": Metric("gauge", _INCIDENT, "seconds",
        "Start of the window that opened the incident, event time."),
    # A feature of the newest closed window beside a reference.
    "feature_drift_ratio": Metric("gauge", _SCORE, "ratio",
        "How far the deciding aspect is on its way to drift, the smaller of log p / log alpha "
        "and effect / floor: a judged feature drifts from 1 on."),
    "feature_verdict": Metric("gauge", (*_SCORE, "verdict"), "",
        "1 for the verdict that holds, 0 for the others: ok, drift, insufficient_data, "
        "no_reference."),
    "feature_severity": Metric("gauge", _SCORE, "",
        "0 without drift, 1 for a warning, 2 for critical drift."),
    "feature_drift_info": Metric("gauge", (*_SCORE, "aspect"), "",
        "1 while the feature drifts; aspect names what decided, such as distribution, missing "
        "or new_category."),
    "feature_p_value": Metric("gauge", _SCORE, "",
        "p of the deciding aspect, the larger of the null of rows and the null of windows."),
    "feature_ks_statistic": Metric("gauge", _SCORE, "",
        "Kolmogorov-Smirnov distance D, 0 to 1; numeric features."),
    "feature_psi": Metric("gauge", _SCORE, "",
        "Population stability index on deciles or categories, in nats; small windows raise it "
        "without drift."),
    "feature_chi_square": Metric("gauge", _SCORE, "",
        "Chi-square statistic on coarse bins or categories; it grows with the number of values."),
    "feature_jensen_shannon": Metric("gauge", _SCORE, "",
        "Jensen-Shannon distance on coarse bins or categories, 0 to 0.8326."),
    "feature_wasserstein": Metric("gauge", _SCORE, "",
        "Wasserstein distance in the feature's own unit; numeric features."),
    "feature_wasserstein_iqr": Metric("gauge", _SCORE, "",
        "Wasserstein distance divided by the interquartile range of the binning, to compare "
        "features."),
    "feature_largest_share_change": Metric("gauge", _SCORE, "",
        "Largest change of the share of one bin or category, 0 to 1."),
    # A feature of the newest closed window by itself.
    "feature_values": Metric("gauge", _FEATURE, "",
        "Values of the window, without those that are missing or cannot be read."),
    "feature_mean": Metric("gauge", _FEATURE, "",
        "Mean in the feature's own unit; numeric features."),
    "feature_sd": Metric("gauge", _FEATURE, "",
        "Standard deviation in the feature's own unit; numeric features."),
    "feature_median": Metric("gauge", _FEATURE, "",
        "Median in the feature's own unit; numeric features."),
    "feature_missing_ratio": Metric("gauge", _FEATURE, "ratio",
        "Share of the window's rows without a value."),
    "feature_unseen_ratio": Metric("gauge", _FEATURE, "ratio",
        "Share of the values whose category the binning does not know; categorical features."),
    "feature_distinct_values": Metric("gauge", _FEATURE, "",
        "Estimated number of different values; categorical features."),
    "feature_bin_share": Metric("gauge", (*_SCORE, "side", "bin"), "",
        "Share of one bin, side reference or current; of segment all and each model's most "
        "moved features only."),
    "feature_trend": Metric("gauge", _FEATURE, "",
        "Change of the mean per window over the last 12 windows, where it clearly rises or falls "
        "(p of Mann-Kendall at most 0.01)."),
    # The newest closed window as a whole.
    "window_end_timestamp_seconds": Metric("gauge", _WINDOW, "seconds",
        "End of the newest closed window, event time."),
    "window_events": Metric("gauge", _WINDOW, "", "Events of the window."),
    "window_exact": Metric("gauge", _WINDOW, "",
        "1 when every event is known to be counted once, 0 when source offsets left a gap or "
        "overlapped."),
    "window_revision": Metric("gauge", _WINDOW, "",
        "How often late events changed the window after its close."),
    "model_latency_seconds": Metric("summary", (*_WINDOW, "quantile"), "seconds",
        "Latency of the model in the window, quantiles 0.5, 0.95 and 0.99, from the events."),
    "model_events_per_second": Metric("gauge", _WINDOW, "",
        "Events of the window divided by its length."),
    "model_error_ratio": Metric("gauge", _WINDOW, "ratio",
        "Share of the events with a status whose status is 5xx."),
    "model_confidence": Metric("gauge", _WINDOW, "",
        "Mean of max(score, 1 - score) over the events with a score, 0.5 to 1."),
    # Performance, of the newest window with enough labels.
    "model_accuracy": Metric("gauge", _OUTCOME, "",
        "Share of right classes among labelled predictions."),
    "model_precision": Metric("gauge", _OUTCOME, "", "Precision of the positive class."),
    "model_recall": Metric("gauge", _OUTCOME, "", "Recall of the positive class."),
    "model_f1": Metric("gauge", _OUTCOME, "", "F1 of the positive class."),
    "model_auc": Metric("gauge", _OUTCOME, "", "Area under the ROC curve of the score."),
    "model_rmse": Metric("gauge", _OUTCOME, "",
        "Root of the mean squared error, in the label's unit."),
    "model_mae": Metric("gauge", _OUTCOME, "", "Mean absolute error, in the label's unit."),
    "model_bias": Metric("gauge", _OUTCOME, "",
        "Mean of predicted minus actual, in the label's unit."),
    "model_r2": Metric("gauge", _OUTCOME, "", "Coefficient of determination."),
    "model_labels": Metric("gauge", _OUTCOME, "",
        "Labels that have come for the window's predictions."),
    "model_performance_maturity_ratio": Metric("gauge", _OUTCOME, "ratio",
        "Share of the window's predictions whose label has come; 1 once none can come any more."),
    "model_performance_window_end_timestamp_seconds": Metric("gauge", _OUTCOME, "seconds",
        "End of the window that the performance is of, event time."),
    # Models and their references.
    "model_info": Metric("gauge", ("model", "owner", "tier"), "",
        "1 for each model that this process judges; to join owner and tier on."),
    "input_schema_broken": Metric("gauge", ("model",), "",
        "1 while more than 5 % of the model's records become dead letters."),
    "reference_end_timestamp_seconds": Metric("gauge", ("model", "version", "kind"), "seconds",
        "End of the events that the reference was built from."),
    "reference_obsolete": Metric("gauge", (*_WINDOW, "kind"), "",
        "1 when the newest closed window ends longer than references.max_age after the reference."),
    "reference_events": Metric("gauge", ("model", "version", "kind"), "",
        "Events that the reference was built from."),
    "late_events_dropped_total": Metric("counter", ("model",), "",
        "Events that came after every window they belong to was final."),
    # The pipeline.
    "records_consumed_total": Metric("counter", ("topic",), "", "Records read and committed."),
    "records_total": Metric("counter", ("topic", "result"), "",
        "Records read by what became of them: valid, duplicate, dead or tombstone."),
    "records_replayed_total": Metric("counter", ("topic",), "",
        "Records read again to restore the label join; not counted twice."),
    "records_miskeyed_total": Metric("counter", ("topic",), "",
        "Records whose key belongs to another partition: their labels may not find them."),
    "records_published_total": Metric("counter", (), "", "Results and drift events written."),
    "results_truncated_total": Metric("counter", ("model",), "",
        "Window results that were too large for a record and are published without their bins, or "
        "with less still."),
    "events_without_timestamp_total": Metric("counter", ("model",), "",
        "Events without a timestamp, which take that of their record."),
    "labels_total": Metric("counter", ("state",), "",
        "Labels by what the join did: matched, waiting, duplicate, corrected, retracted, "
        "expired, no_prediction."),
    "dead_letters_total": Metric("counter", ("reason",), "", "Records that became dead letters."),
    "drift_events_total": Metric("counter", ("model", "status"), "",
        "Drift events written by this process: opened, ongoing, recovered or retracted."),
    "consumer_lag_records": Metric("gauge", _SOURCE, "",
        "Records of an assigned partition that are not read yet."),
    "consumer_lag_seconds": Metric("gauge", _SOURCE, "seconds",
        "0 for a partition read to its end, else the time since its watermark; absent with "
        "time: history."),
    "watermark_timestamp_seconds": Metric("gauge", _SOURCE, "seconds",
        "Event time up to which an assigned partition is taken as complete."),
    "chain_violations_total": Metric("counter", ("partition",), "",
        "Commits whose source offsets left a gap or overlapped, as seen in a partition of the "
        "deltas topic; take the max over partitions."),
    "duplicate_markers_total": Metric("counter", ("partition",), "",
        "Commits that came twice and were counted once, as seen in a partition of the deltas "
        "topic; take the max over partitions."),
    "deltas_unreadable_total": Metric("counter", ("partition",), "",
        "Records of the deltas topic that could not be read or used."),
    "pending_predictions": Metric("gauge", (), "", "Predictions that wait for a label."),
    "transactions_aborted_total": Metric("counter", ("service",), "",
        "Transactions given up; their records are read again."),
    "commit_duration_seconds": Metric("summary", ("service",), "seconds",
        "Time from the end of reading a batch to the end of its commit."),
    "last_commit_timestamp_seconds": Metric("gauge", ("service",), "seconds",
        "Time of the last commit."),
    "last_step_timestamp_seconds": Metric("gauge", ("service",), "seconds",
        "Time at which the service last went to read a batch."),
    "models_loaded_timestamp_seconds": Metric("gauge", ("service",), "seconds",
        "Time at which the service began to work with the model files as they are in force."),
    "models_refused": Metric("gauge", ("service",), "",
        "Problems of model files as they are now; what the files said before stays in force."),
    "series_dropped_total": Metric("counter", (), "",
        "Series left out of scrapes, by the cap or as twins of another, added up over scrapes."),
    "build_info": Metric("gauge", ("version", "python"), "",
        "1; the versions of stream_monitor and Python."),
}
# fmt: on
"""Name without the prefix → metric, in the order of the output."""


def full_name(name: str) -> str:
    """The metric's name as Prometheus sees it."""
    return PREFIX + name


def as_markdown() -> str:
    """The page docs/metrics.md."""
    rows = [
        f"| `{full_name(name)}` | {metric.kind} | {', '.join(metric.labels)} | {metric.help} |"
        for name, metric in TABLE.items()
    ]
    table = ["| metric | type | labels | meaning |", "|---|---|---|---|", *rows]
    return "\n".join([_INTRODUCTION, *table, _NOTES])


_INTRODUCTION: Final = """\
# Metrics

`/metrics` shows what a process holds now: the newest closed window of each model, version, segment
and window size that it judges, and the partitions that it reads. What a rebalance takes away vanishes
from its page and appears on another's. Times are seconds since the epoch, so an age is
`time() - …`. This page is generated from `stream_monitor/telemetry/metrics.py`.
"""

_NOTES: Final = """
## Reading them

- **A gap is an answer.** What cannot be measured (no labels, no values, no reference) has no series;
  it is never shown as 0.
- **Versions and segments that ended.** A window is shown until the model's newest window of the same
  size is three windows, and at least a day, ahead of it.
- **Performance lags by its labels.** It is that of the newest window with a maturity of 0.8 or more;
  without one, of the newest window. Alert on it together with
  `stream_monitor_model_performance_maturity_ratio`.
- **Bins.** `stream_monitor_feature_bin_share` is shown of segment `all` for the features of each model
  with the largest drift ratios (20 by default). Bins of numbers are numbered in their order.
- **Cap.** One page has at most 20,000 series. Bins go first, then features without drift;
  `stream_monitor_series_dropped_total` and a warning in the log say that some were left out.
- **Long names.** A label value of more than 200 characters is cut.
- **Lag in seconds** measures event time: a producer that delivers late events raises it while records
  are waiting to be read.
- **Counters** of records count what was committed; a restart sets them to 0, which `rate()` and
  `increase()` allow for. `late_events_dropped`, `chain_violations` and `duplicate_markers` are part of
  the state: they move with the partition.

## Examples

```promql
# Features that drift, with the owner to tell
(stream_monitor_feature_verdict{verdict="drift"} == 1)
  * on(model) group_left(owner, tier) max by (model, owner, tier) (stream_monitor_model_info)

# The age of a reference, in days
(time() - stream_monitor_reference_end_timestamp_seconds) / 86400

# Accuracy, only where most labels are known
stream_monitor_model_accuracy
  and stream_monitor_model_performance_maturity_ratio >= 0.8

# Share of records that become dead letters, per topic
rate(stream_monitor_records_total{result="dead"}[5m])
  / ignoring(result) rate(stream_monitor_records_consumed_total[5m])

# Windows no longer close
time() - max by (model, window) (stream_monitor_window_end_timestamp_seconds)
```
"""
