"""The shapes of what was judged: a feature, or another subject, of a window beside a reference."""

from __future__ import annotations

from typing import Final

from stream_monitor.core.feature_kernels import SCORES
from stream_monitor.core.hints.hint import HintKind
from stream_monitor.core.policy import Aspect, ReferenceKind, Severity, SubjectKind
from stream_monitor.core.published_schemas.shapes import (
    Shape,
    closed,
    count,
    instant,
    listed,
    named,
    nullable,
    number,
    share,
    text,
    word,
)
from stream_monitor.core.schema import FeatureKind
from stream_monitor.core.verdicts import VerdictState

_SCORES: Final = (
    *SCORES, "wasserstein_iqr", "volume_ratio", "correlation_change", "association_change",
    "reconstruction",
)  # fmt: skip
_SUMMARY: Final = (
    "mean", "sd", "median", "min", "max", "missing_share", "distinct", "unseen_share", "events",
    "usual_events", "drifted_features", "accuracy", "precision", "recall", "mae", "bias",
)  # fmt: skip

FIGURES: Final = [
    "deciding", "n_window", "n_reference", "k_windows", "aspects", "carried_by", "hints", "scores",
    "summary",
]  # fmt: skip
"""What a feature has only beside a reference that exists."""


def where() -> dict[str, Shape]:
    """The properties that say of whom a record speaks."""
    return {
        "model": text("The model."),
        "version": text("The model's version."),
        "segment": text("`all`, or one value of a segment key, as `key=value`."),
        "profile_id": text(
            "Hash of features, kinds and bins: only windows with the same id can be compared."
        ),
    }


def window() -> Shape:
    """A window of event time."""
    return closed(
        "The window of event time.",
        {
            "size": text("Its length, such as 1h, 1d or 1mo."),
            "start": instant("Its first instant."),
            "end": instant("The first instant after it."),
            "timezone": text("The time zone of its days (IANA name)."),
        },
    )


def revision() -> Shape:
    """The revision of a record."""
    return count("0 for the first word on a window, then one more each time: the highest holds.")


def reference_kind() -> Shape:
    """The kind of a reference."""
    return word(ReferenceKind, "What the window was compared with.")


def verdict() -> Shape:
    """A verdict."""
    return word(VerdictState, "The verdict.")


def severity() -> Shape:
    """How loud it is."""
    return nullable(word(Severity, "How loud the drift is; null unless the verdict is drift."))


def ratio() -> Shape:
    """How far it moved."""
    meaning = "How far it is on its way to drift, which begins at 1; null where that is infinite."
    return nullable({**number(meaning), "minimum": 0})


def subject() -> dict[str, Shape]:
    """The properties that every judged subject has."""
    return {
        "feature": text(
            "A feature, or `traffic.volume`, `features.joint`, `performance.<outcome>`."
        ),
        "kind": word((*FeatureKind, *SubjectKind), "What kind of feature or subject it is."),
        "reference": reference_kind(),
        "verdict": verdict(),
        "severity": severity(),
        "ratio": ratio(),
    }


def figures() -> dict[str, Shape]:
    """The properties that a subject has beside a reference, named in FIGURES."""
    return {
        "deciding": nullable(word(Aspect, "The aspect that moved furthest; null without any.")),
        "n_window": count("Values of the window, missing and unreadable ones left out."),
        "n_reference": count("Values of the reference."),
        "k_windows": count("Reference windows of the window's size."),
        "aspects": listed(_aspect(), "Every test that was made."),
        "carried_by": listed(
            closed(
                "A segment that carries the drift.",
                {
                    "segment": text("The segment."),
                    "share": share("The part of the effect that goes away without it."),
                },
            ),
            "Of segment `all`: segments without which at least half of the effect goes away.",
        ),
        "hints": listed(_hint(), "Probable causes, the most certain first."),
        "scores": _figures(_SCORES, "Distances from the reference; null cannot be measured."),
        "summary": _figures(_SUMMARY, "The window's own figures; null cannot be measured."),
    }


def bins() -> Shape:
    """Both histograms."""
    return closed(
        "Histograms of both sides, in coarse bins or by category.",
        {
            "labels": listed(text("A bin or category."), "What the bins are called."),
            "reference": listed(share("Share of a bin."), "Shares of the reference."),
            "window": listed(share("Share of a bin."), "Shares of the window."),
        },
    )


def against() -> Shape:
    """What every reference says, in short."""
    said = closed(
        "What one reference says.",
        {"verdict": verdict(), "severity": severity(), "ratio": ratio()},
    )
    return named(said, reference_kind(), "What each reference of the model says of this window.")


def evidence() -> Shape:
    """The bins that moved most."""
    moved = closed(
        "One bin or category.",
        {
            "bin": text("The bin or category."),
            "before": share("Its share in the reference."),
            "after": share("Its share in the window."),
        },
    )
    return listed(moved, "The bins or categories whose shares moved most, at most five.")


def source() -> Shape:
    """Where the window's events lie."""
    found = closed(
        "One partition.",
        {
            "partition": count("The partition of the inference topic."),
            "first": count("The first offset."),
            "last": count("The last offset, included."),
            "rows": count("The window's events among them."),
        },
    )
    meaning = (
        "Where the window's events lie in the inference topic; empty where they are not from there."
    )
    return listed(found, meaning)


def _aspect() -> Shape:
    return closed(
        "One deciding test.",
        {
            "aspect": word(Aspect, "What the test looks at."),
            "test": text("The test's name, such as ks or two_proportion."),
            "statistic": nullable(number("Its statistic.")),
            "p_iid": nullable(share("p under the null of rows.")),
            "p_window": nullable(share("p under the null of windows; null with too few windows.")),
            "p": nullable(share("The p that is judged: the larger of the two.")),
            "alpha": share("Drift needs p of at most this."),
            "effect": nullable(number("How large the change is, in the aspect's own measure.")),
            "floor": number("Drift needs an effect of at least this."),
            "verdict": verdict(),
            "severity": severity(),
        },
    )


def _hint() -> Shape:
    return closed(
        "One probable cause.",
        {
            "kind": word(HintKind, "The kind of cause."),
            "text": text("The cause in a sentence."),
            "confidence": share("Ranks the hints; no probability."),
            "detail": named(
                {"type": ["string", "number"], "description": "A figure, share or name."},
                text("What the value is."),
                "The figures of the sentence.",
            ),
        },
    )


def _figures(names: tuple[str, ...], meaning: str) -> Shape:
    values = nullable(number("The figure; null cannot be measured."))
    return named(
        values, word(names, "The figure's name; which there are depends on `kind`."), meaning
    )
