"""`python -m benchmarks.learning`: references learned from sketches, beside those from every value.

The sketch draws at random without a seed, so figures differ a little from run to run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.detection.made_windows import Draw, judged, reference_of, spec_of, window_of
from benchmarks.processes import run_child
from stream_monitor.config.loading import Installation
from stream_monitor.config.model import ModelConfig
from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.core.binning import FINE_BINS, GUARD_BINS, fit_numeric
from stream_monitor.core.learning import ValueList, ValueSketch
from stream_monitor.core.policy import Aspect
from stream_monitor.core.records import Records, TopicPartition
from stream_monitor.core.references import Reference, build_reference
from stream_monitor.services.operator_ports import Fetched
from stream_monitor.services.topic_history import TopicRows

Floats = NDArray[np.float64]
ROWS: Final = 1_000_000
SKETCHES: Final = 20
SIZES: Final = (500_000, 5_000_000)
FEATURES: Final = 20
DAYS: Final = 14
ALPHAS: Final = (0.05, 0.01, 0.001)
_SHARES: Final = np.arange(1, FINE_BINS) / FINE_BINS
_BATCH: Final = 10_000
_START_S: Final = 1_735_689_600


def _inflated(rng: Generator, n: int) -> Floats:
    return np.where(rng.random(n) < 0.6, 0.0, rng.lognormal(size=n))


MARGINALS: Final[Mapping[str, Callable[[Generator, int], Floats]]] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "lognormal, σ 2": lambda rng, n: rng.lognormal(sigma=2.0, size=n),
    "60 % zeros, else lognormal": _inflated,
    "negative binomial, mean 200": lambda rng, n: rng.negative_binomial(4, 4 / 204, n).astype(
        float
    ),
}


def main() -> int:
    """Prints three tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning", description=__doc__)
    parser.add_argument("--child", nargs=2, metavar=("HOW", "ROWS"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(_learned(int(given.child[1]), given.child[0] == "held").events)
        return 0
    console = Console(width=None if Console().is_terminal else 160)
    console.print(_edges(), _verdicts(), _memory())
    return 0


def _edges() -> Table:
    table = Table(
        "data", "edges", "mean error", "largest error", title="Ranks of edges, in % of rows"
    )
    rng = np.random.default_rng(1)
    for name, draw in MARGINALS.items():
        errors = []
        for _ in range(SKETCHES):
            values = draw(rng, ROWS)
            sketch = ValueSketch()
            for chunk in np.array_split(values, ROWS // _BATCH):
                sketch.add(chunk)
            edges = np.array(fit_numeric(sketch.counts()).edges[GUARD_BINS:-GUARD_BINS])
            errors.append(_rank_errors(values, edges))
        every = np.concatenate(errors)
        table.add_row(
            name, str(len(errors[-1])), f"{100 * every.mean():.3f}", f"{100 * every.max():.3f}"
        )
    return table


def _rank_errors(values: Floats, edges: Floats) -> Floats:
    """How far the rank of each edge is from the nearest quantile that it can be; ties have many ranks."""
    ordered = np.sort(values)
    below, upto = (
        np.searchsorted(ordered, edges, side)[:, None] / len(values) for side in ("left", "right")
    )
    return np.asarray(np.maximum(np.maximum(below - _SHARES, _SHARES - upto), 0.0).min(axis=1))


def _verdicts() -> Table:
    table = Table(
        "data", "α", "verdicts", "alarms, every value", "alarms, sketch", "verdicts that differ",
        title="Windows of 2,000 rows without drift against a reference of 200,000, no floor",
    )  # fmt: skip
    spec = spec_of(50, True)
    for name, draw in MARGINALS.items():
        rng = np.random.default_rng(2)
        whole = [_draw(draw, rng, 20_000) for _ in range(10)]
        exact, sketched = (reference_of(spec, whole, how) for how in (ValueList, ValueSketch))
        ps: list[tuple[float, float]] = []
        for _ in range(60):
            window = _draw(draw, rng, 2_000)
            ps += zip(*(_ps(reference, window) for reference in (exact, sketched)), strict=True)
        found = np.array(ps)
        for alpha in ALPHAS:
            alarms = found <= alpha
            differ = int((alarms[:, 0] != alarms[:, 1]).sum())
            rates = (f"{100 * share:.2f} %" for share in alarms.mean(axis=0))
            table.add_row(name, f"{alpha:g}", f"{len(found):,}", *rates, str(differ))
    return table


def _draw(draw: Callable[[Generator, int], Floats], rng: Generator, rows: int) -> Draw:
    return Draw(np.stack([draw(rng, rows) for _ in range(50)]))


def _ps(reference: Reference, draw: Draw) -> list[float]:
    spec = spec_of(50, True)
    results = judged(spec, reference, window_of(spec, reference, draw), 0.01)
    return [
        next(v.p for v in result.verdicts if v.measurement.aspect is Aspect.DISTRIBUTION)
        for result in results
    ]


def _memory() -> Table:
    table = Table(
        "rows", "how", "peak memory", "seconds", title=f"{FEATURES} features, {DAYS} days"
    )
    peaks = {}
    for how, rows in (*(("sketched", n) for n in (1_000, *SIZES)), ("held", SIZES[0])):
        used = run_child(sys.executable, "-m", "benchmarks.learning", "--child", how, str(rows))
        peak = peaks[how, rows] = used.peak_bytes or 0
        table.add_row(f"{rows:,}", how, f"{peak / 1e6:.0f} MB", f"{used.wall_s:.0f}")
    ratio = peaks["sketched", SIZES[1]] / peaks["sketched", SIZES[0]]
    table.add_row("ratio", "sketched", f"{ratio:.2f}", "")
    return table


def _learned(rows: int, is_held: bool) -> Reference:
    """A reference of a topic whose records are made while they are read."""
    features = {
        f"f{i:02}": "numeric" if i < FEATURES - 4 else "categorical" for i in range(FEATURES)
    }
    model = ModelConfig.model_validate(
        {"name": "m", "windows": [{"size": "1h"}, {"size": "1d"}], "features": features}
    )
    installation = Installation(MonitorConfig(), (model,))
    at = TopicPartition(installation.monitor.topics.inference, 0)
    events = TopicRows(installation, _MadeTopic, "m", {at: (0, rows)})
    spec = installation.specifications()["m"]
    if is_held:
        return build_reference(spec, list(events), None, values=ValueList)
    return build_reference(spec, events, None, values=ValueSketch)


class _MadeTopic:
    """A RangeReader of events spread over the days."""

    def read(self, ranges: Mapping[TopicPartition, tuple[int, int]]) -> Iterator[Fetched]:
        """As RangeReader.read."""
        [(at, (_, rows))] = ranges.items()
        rng = np.random.default_rng(3)
        bodies = [_body(rng) for _ in range(_BATCH)]
        for first in range(0, rows, _BATCH):
            n = np.arange(first, min(first + _BATCH, rows))
            times = _START_S + n * DAYS * 86_400 // rows
            values: list[bytes | None] = [
                bodies[i % _BATCH] % (i, first % 1_000, time)
                for i, time in zip(n.tolist(), times.tolist(), strict=True)
            ]
            zeros = np.zeros(len(n), np.int32)
            yield Fetched(Records(at.topic, zeros, n, times * 1_000, [None] * len(n), values), [])

    def close(self) -> None:
        """Nothing is open."""


def _body(rng: Generator) -> bytes:
    """An event with holes for its number, one feature's decimals and its time."""
    numbers = [f'"f{i:02}":{x:.6f}' for i, x in enumerate(rng.normal(size=FEATURES - 4)) if i]
    words = [f'"f{FEATURES - 4 + i:02}":"v{k}"' for i, k in enumerate(rng.integers(0, 30, 4))]
    features = ",".join([f'"f00":{rng.normal():.3f}%03d', *numbers, *words])
    head = '{"prediction_id":"p%d","model":"m","model_version":"1",'
    return f'{head}"features":{{{features}}},"timestamp":%d}}'.encode()


if __name__ == "__main__":
    sys.exit(main())
