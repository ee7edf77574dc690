"""Published records as series: windows, performance, features and the bins of the most moved ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from stream_monitor.core.policy import ReferenceKind
from stream_monitor.core.profile.profile import ALL
from stream_monitor.core.verdicts import VerdictState
from stream_monitor.telemetry.series import Block, Series, known, label_text, one_of
from stream_monitor.telemetry.shown_records import Place, place, span_s
from stream_monitor.telemetry.snapshot import Record

Entry = dict[str, Any]
"""One element of a record's `features`: a feature beside one reference."""

_FROZEN: Final = tuple(kind.value for kind in ReferenceKind if kind.is_frozen)
_CLEAR_TREND: Final = 0.01
_VERDICTS: Final = tuple(state.value for state in VerdictState)
_SEVERITIES: Final = {None: 0, "warning": 1, "critical": 2}
_QUANTILES: Final = {"0.5": "p50_ms", "0.95": "p95_ms", "0.99": "p99_ms"}
_SCORES: Final = {
    "feature_ks_statistic": "ks",
    "feature_psi": "psi",
    "feature_chi_square": "chi_square",
    "feature_jensen_shannon": "jensen_shannon",
    "feature_wasserstein": "wasserstein",
    "feature_wasserstein_iqr": "wasserstein_iqr",
    "feature_largest_share_change": "largest_share_change",
}
_SUMMARY: Final = {
    "feature_mean": "mean",
    "feature_sd": "sd",
    "feature_median": "median",
    "feature_missing_ratio": "missing_share",
    "feature_unseen_ratio": "unseen_share",
    "feature_distinct_values": "distinct",
}
_MEASURES: Final = ("accuracy", "precision", "recall", "f1", "auc", "rmse", "mae", "bias", "r2")


def window_block(record: Record) -> Block:
    """The window as a whole, with its traffic."""
    where, traffic = place(record), record["traffic"]
    start, end = span_s(record)
    latency = [
        Series("model_latency_seconds", (*where, quantile), traffic[field] / 1_000)
        for quantile, field in _QUANTILES.items()
        if traffic[field] is not None
    ]
    figures = {
        "window_end_timestamp_seconds": end,
        "window_events": record["n"],
        "window_exact": record["exact"],
        "window_revision": record["revision"],
        "model_events_per_second": record["n"] / (end - start),
        "model_error_ratio": traffic["error_share"],
        "model_confidence": record["mean_confidence"],
    }
    obsolete = [
        Series("reference_obsolete", (*where, kind), float(kind in record["obsolete_references"]))
        for kind in _FROZEN
    ]
    trends = [
        Series("feature_trend", (*where, feature), trend["slope"])
        for feature, trend in record["trends"].items()
        if trend["p"] <= _CLEAR_TREND
    ]
    return [*known(where, figures), *latency, *obsolete, *trends]


def performance_block(record: Record) -> Block:
    """One outcome's measures, with the maturity that they rest on."""
    labels = (*place(record), str(record["outcome"]))
    figures = {f"model_{name}": record["metrics"].get(name) for name in _MEASURES}
    figures |= {
        "model_labels": record["labels"],
        "model_performance_maturity_ratio": record["maturity"],
        "model_performance_window_end_timestamp_seconds": span_s(record)[1],
    }
    return list(known(labels, figures))


def feature_blocks(windows: Iterable[Record]) -> list[Block]:
    """One block per window and feature, with all its references; drifting ones and segment `all` first."""
    ranked = []
    for record in windows:
        for entries in _by_feature(record).values():
            is_calm = all(entry["verdict"] != VerdictState.DRIFT for entry in entries)
            rank = (is_calm, record["segment"] != ALL)
            ranked.append((rank, _feature_block(place(record), entries)))
    return [block for _, block in sorted(ranked, key=lambda pair: pair[0])]


def bin_blocks(windows: Iterable[Record], features_per_model: int) -> list[Block]:
    """Histograms of segment `all` of each model's features that moved most, most moved first."""
    whole = [record for record in windows if record["segment"] == ALL]
    moved: dict[tuple[str, str], float] = {}
    for record in whole:
        for entry in record["features"]:
            if "bins" in entry:
                name = (str(record["model"]), str(entry["feature"]))
                moved[name] = max(entry["ratio"] or 0.0, moved.get(name, 0.0))
    ranked = sorted(moved, key=lambda name: (-moved[name], name))
    kept: dict[tuple[str, str], list[Block]] = {}
    counts: dict[str, int] = {}
    for model, feature in ranked:
        counts[model] = counts.get(model, 0) + 1
        if counts[model] <= features_per_model:
            kept[model, feature] = []
    for record in whole:
        for entry in record["features"]:
            blocks = kept.get((str(record["model"]), str(entry["feature"])))
            if blocks is not None and "bins" in entry:
                blocks.append(_bin_block(place(record), entry))
    return [block for blocks in kept.values() for block in blocks]


def _by_feature(record: Record) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry in record["features"]:
        found.setdefault(str(entry["feature"]), []).append(entry)
    return found


def _feature_block(where: Place, entries: list[Entry]) -> Block:
    block = [series for entry in entries for series in _score_series(where, entry)]
    measured = next((entry for entry in entries if "summary" in entry), None)
    if measured is not None:
        figures = {metric: measured["summary"].get(field) for metric, field in _SUMMARY.items()}
        figures["feature_values"] = measured["n_window"]
        block += known((*where, str(measured["feature"])), figures)
    return block


def _score_series(where: Place, entry: Entry) -> Block:
    labels = (*where, str(entry["feature"]), str(entry["reference"]))
    block = one_of("feature_verdict", labels, _VERDICTS, entry["verdict"])
    if entry["verdict"] in (VerdictState.OK, VerdictState.DRIFT):
        block.append(Series("feature_severity", labels, _SEVERITIES[entry["severity"]]))
    scores = entry.get("scores", {})
    figures = {metric: scores.get(field) for metric, field in _SCORES.items()}
    deciding = entry.get("deciding")
    if deciding is not None:
        p = next(aspect["p"] for aspect in entry["aspects"] if aspect["aspect"] == deciding)
        figures |= {"feature_drift_ratio": entry["ratio"], "feature_p_value": p}
        if entry["verdict"] == VerdictState.DRIFT:
            block.append(Series("feature_drift_info", (*labels, str(deciding)), 1))
    return [*block, *known(labels, figures)]


def _bin_block(where: Place, entry: Entry) -> Block:
    """Both sides of every bin; bins with one name are one bin, their shares add up."""
    labels = (*where, str(entry["feature"]), str(entry["reference"]))
    shares: dict[tuple[str, str], float] = {}
    for side, field in (("reference", "reference"), ("current", "window")):
        for i, (name, share) in enumerate(
            zip(entry["bins"]["labels"], entry["bins"][field], strict=True), 1
        ):
            shown = f"{i:02d}: {name}" if entry["kind"] == "numeric" else label_text(name)
            shares[side, shown] = shares.get((side, shown), 0.0) + share
    return [
        Series("feature_bin_share", (*labels, side, name), share)
        for (side, name), share in shares.items()
    ]
