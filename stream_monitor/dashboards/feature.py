"""One feature: how far it has moved, from what to what, and since when."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from stream_monitor.dashboards.frame import Panel, dashboard, link_to
from stream_monitor.dashboards.panels import (
    DRIFTS,
    SEVERITIES,
    VERDICTS,
    Query,
    figure,
    side_by_side,
    state_timeline,
    time_series,
)
from stream_monitor.dashboards.tables import Column, Label, Value, table_of
from stream_monitor.dashboards.variables import (
    ANY_SEGMENT,
    FEATURE,
    datasource,
    feature,
    reference,
    window_variables,
)

_REFERENCE: Final = f'{FEATURE}, reference="$reference"'


def feature_drill_down() -> Dashboard:
    """The dashboard."""
    variables = [datasource(), *window_variables(), feature(), reference()]
    description = "One feature: drift ratio, verdict, and its distribution beside the reference's."
    rows = [
        ("Now, against the reference", _now()),
        ("Drift", _drift()),
        ("Distribution", [_distribution()]),
        ("Values", _values()),
        ("Segments", _segments()),
    ]
    return dashboard("feature", description, variables, rows)


def _verdict(selector: str) -> str:
    """The numbers of panels.VERDICTS: the severity where there is a judgement, else why there is none."""
    severity = f"max by (reference) (stream_monitor_feature_severity{{{selector}}})"
    others = [
        f"{number} * (max by (reference) "
        f'(stream_monitor_feature_verdict{{{selector}, verdict="{verdict}"}}) == 1)'
        for number, verdict in ((3, "insufficient_data"), (4, "no_reference"))
    ]
    return " or ".join([severity, *others])


def _of_feature(metric: str) -> str:
    return f"max(stream_monitor_feature_{metric}{{{FEATURE}}})"


def _against_reference(metric: str) -> str:
    return f"max(stream_monitor_feature_{metric}{{{_REFERENCE}}})"


def _now() -> list[Panel]:
    aspect = f"max by (aspect) (stream_monitor_feature_drift_info{{{_REFERENCE}}})"
    return [
        figure("Verdict", "Of the newest closed window.", "none", Query(_verdict(_REFERENCE)),
               states=VERDICTS),
        figure("Drift ratio", "How far the deciding aspect is on its way to drift: from 1 on the "
               "feature drifts.", "none", Query(_against_reference("drift_ratio")), steps=DRIFTS,
               decimals=2),
        figure("Decided by", "The aspect that decided, while the feature drifts.", "none",
               Query(aspect, "{{aspect}}")),
        figure("p", "p of the deciding aspect, the larger of the null of rows and the null of "
               "windows.", "sci", Query(_against_reference("p_value"))),
        figure("Values", "Values of the window that can be read.", "short",
               Query(_of_feature("values"))),
        figure("Missing", "Share of the window's rows without a value.", "percentunit",
               Query(_of_feature("missing_ratio"))),
        figure("Mean", "In the feature's own unit; numeric features.", "short",
               Query(_of_feature("mean")), decimals=2),
        figure("Trend", "Change of the mean per window, where it clearly rises or falls over the "
               "last 12 windows.", "short", Query(_of_feature("trend")), decimals=3),
    ]  # fmt: skip


def _drift() -> list[Panel]:
    ratio = f"max by (reference) (stream_monitor_feature_drift_ratio{{{FEATURE}}})"
    scores = {
        "KS": "ks_statistic", "PSI": "psi", "Jensen-Shannon": "jensen_shannon",
        "largest share change": "largest_share_change", "Wasserstein / IQR": "wasserstein_iqr",
    }  # fmt: skip
    return [
        time_series("Drift ratio", "Against every reference: from 1 on the feature drifts.", "none",
                    Query(ratio, "{{reference}}"), steps=DRIFTS, top=2),
        state_timeline("Verdict", "Against every reference, window by window.", VERDICTS,
                       Query(_verdict(FEATURE), "{{reference}}"), span=8),
        time_series("Scores", "Distances from the chosen reference, each on its own scale; those of "
                    "the feature's kind.", "none",
                    *(Query(_against_reference(metric), name) for name, metric in scores.items())),
    ]  # fmt: skip


def _distribution() -> Panel:
    shares = f"max by (bin, side) (stream_monitor_feature_bin_share{{{_REFERENCE}}})"
    return side_by_side(
        "Reference against current", "Share of each bin or category in the reference and in the "
        "newest closed window. Shown for segment all and for each model's most moved features (20 "
        "by default).", "percentunit", Query(shares), bars="side", along="bin",
        colours={"reference": "blue", "current": "orange"},
    )  # fmt: skip


def _values() -> list[Panel]:
    mean, sd = _of_feature("mean"), _of_feature("sd")
    return [
        time_series("Mean and median", "With one standard deviation on both sides of the mean, in the "
                    "feature's own unit; numeric features.", "short", Query(mean, "mean"),
                    Query(_of_feature("median"), "median"), Query(f"{mean} - {sd}", "mean − sd"),
                    Query(f"{mean} + {sd}", "mean + sd")),
        time_series("Missing and unseen", "Share of rows without a value, and of values whose "
                    "category the binning does not know.", "percentunit",
                    Query(_of_feature("missing_ratio"), "missing"),
                    Query(_of_feature("unseen_ratio"), "unseen"), top=0.1),
        time_series("Values", "Values that can be read, and how many different ones (an estimate; "
                    "categorical features).", "short", Query(_of_feature("values"), "values"),
                    Query(_of_feature("distinct_values"), "distinct")),
    ]  # fmt: skip


def _segments() -> list[Panel]:
    selector = f'{ANY_SEGMENT}, feature="$feature"'
    ratio = _by_segment("drift_ratio", selector)
    peak = f"max by (segment) (stream_monitor_feature_drift_ratio{{{selector}}} @ end())"
    same = {name: f"${name}" for name in ("model", "version", "window", "feature")}
    columns: list[Column] = [
        Label(
            "segment", link_to("feature", "The segment", **same, segment="${__data.fields.segment}")
        ),
        Value("drift ratio", ratio, decimals=2, steps=DRIFTS),
        Value("severity", _by_segment("severity", selector), states=SEVERITIES),
        Value("values", _by_segment("values", selector), "short"),
        Value("missing", _by_segment("missing_ratio", selector), "percentunit", 1),
    ]
    named = link_to("feature", "The segment", **same, segment="${__field.labels.segment}")
    return [
        time_series("Drift ratio by segment", "The largest ratio over the references, of the ten "
                    "segments with the largest now.", "none",
                    Query(f"{ratio} and on (segment) topk(10, {peak})", "{{segment}}"),
                    span=12, steps=DRIFTS, top=2, link=named),
        table_of("Segments now", "The feature in the newest closed window of every segment, most "
                 "moved first, the largest of each figure over the references.", columns, span=12),
    ]  # fmt: skip


def _by_segment(metric: str, selector: str) -> str:
    return f"max by (segment) (stream_monitor_feature_{metric}{{{selector}}})"
