"""PromQL of the dashboards: what Grafana fills in, and the labels that a result has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import promql_parser as promql

from stream_monitor.telemetry.metrics import PREFIX, TABLE, Metric

SCRAPED: Final = frozenset({"instance", "job", "pod"})
"""Labels that Prometheus adds: a panel must not depend on which process showed a series."""

_DURATIONS: Final = re.compile(r"\$__(rate_interval|range)")
_KEEPING: Final = {"topk", "bottomk"}


def parsed(expr: str) -> promql.Expr:
    return promql.parse(_DURATIONS.sub("5m", expr))


def metric_of(name: str) -> Metric:
    short = name.removeprefix(PREFIX)
    if short not in TABLE:
        short = re.sub("_(sum|count)$", "", short)
        assert TABLE[short].kind == "summary", name
    return TABLE[short]


def selectors(expr: Any) -> Iterator[promql.VectorSelector]:
    if isinstance(expr, promql.VectorSelector):
        yield expr
    elif isinstance(expr, promql.MatrixSelector):
        yield expr.vector_selector
    elif isinstance(expr, promql.BinaryExpr):
        yield from selectors(expr.lhs)
        yield from selectors(expr.rhs)
    elif isinstance(expr, promql.Call):
        for argument in expr.args:
            yield from selectors(argument)
    elif isinstance(expr, promql.AggregateExpr | promql.ParenExpr | promql.UnaryExpr):
        yield from selectors(expr.expr)


def labels(expr: Any) -> frozenset[str] | None:
    """The labels of the result, every grouping checked on the way; None for a scalar."""
    if isinstance(expr, promql.NumberLiteral | promql.StringLiteral):
        return None
    if isinstance(expr, promql.VectorSelector):
        return frozenset(metric_of(expr.name).labels) | SCRAPED
    if isinstance(expr, promql.MatrixSelector):
        return labels(expr.vector_selector)
    if isinstance(expr, promql.ParenExpr | promql.UnaryExpr):
        return labels(expr.expr)
    if isinstance(expr, promql.Call):
        return next((found for found in map(labels, expr.args) if found is not None), None)
    if isinstance(expr, promql.AggregateExpr):
        return _aggregated(expr)
    assert isinstance(expr, promql.BinaryExpr), type(expr)
    return _combined(expr)


def _aggregated(expr: promql.AggregateExpr) -> frozenset[str]:
    inner = labels(expr.expr)
    assert inner is not None, "a scalar cannot be aggregated"
    if str(expr.op) in _KEEPING:
        return inner
    if expr.modifier is None:
        return frozenset()
    assert expr.modifier.type == promql.AggModifierType.By
    kept = frozenset(expr.modifier.labels)
    assert kept <= inner, f"{set(kept - inner)} is no label of {expr.expr}"
    return kept


def _combined(expr: promql.BinaryExpr) -> frozenset[str] | None:
    left, right = labels(expr.lhs), labels(expr.rhs)
    if left is None or right is None:
        return right if left is None else left
    matching = expr.modifier and expr.modifier.matching
    if matching is None:
        assert left == right, f"{expr.lhs} and {expr.rhs} never match"
        return left
    on = frozenset(matching.labels)
    assert on <= left & right, f"not on both sides: {set(on - (left & right))}"
    if str(expr.op) in ("and", "or", "unless"):
        return left
    return left | frozenset(expr.modifier.group_labels or ())
