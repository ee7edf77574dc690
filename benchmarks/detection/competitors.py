"""Other libraries with their defaults on the same windows, each in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy import stats

from benchmarks.detection.rows import Row, rate_row
from benchmarks.detection.shared_windows import REFERENCE_WINDOWS, Case, cases
from stream_monitor.core.budget import alpha_of
from stream_monitor.core.comparison import ReferenceView
from stream_monitor.core.feature_judging import judge_features
from stream_monitor.core.policy import ModelSpec, ReferenceKind
from stream_monitor.core.profile.counter import ProfileCounter
from stream_monitor.core.profile.profile import ALL
from stream_monitor.core.references import WindowProfile, build_reference
from stream_monitor.core.schema import Feature, FeatureKind, Schema
from stream_monitor.core.tables import ColumnMapping, read_rows
from stream_monitor.core.verdicts import VerdictState
from stream_monitor.core.windows import DAY_S, WindowSize

NAME: Final = "competitors"
ENVIRONMENTS: Final = {
    "evidently_preset": ("evidently", "pandas<3", "pyarrow"),
    "nannyml_univariate": ("nannyml", "statsmodels", "pyarrow"),
    "river_detectors": ("river", "scipy", "pyarrow"),
}
_INSTALLATION_S: Final = 300
_RUN_S: Final = 300
_START_S: Final = 1_735_689_600
_SIZE: Final = WindowSize(DAY_S)
_KS_ALPHA: Final = 0.05
_PSI: Final = 0.1
_OTHERS: Final = Path(__file__).with_name("others")
_SHOWN: Final = {"evidently_preset": "Evidently", "nannyml_univariate": "NannyML"}

Alarms = dict[str, dict[str, bool]]
"""Window → feature → whether it alarms."""


def run(is_quick: bool) -> list[Row]:
    """A row per case and library; `is_quick` makes no difference."""
    shared = cases()
    found: dict[str, dict[str, Alarms]] = {
        f"stream_monitor {version('stream-monitor')}": {c.name: _ours(c) for c in shared},
        f"SciPy {version('scipy')}, p ≤ 0.05": {c.name: _scipy(c) for c in shared},
        "PSI > 0.1 on deciles": {c.name: _psi(c) for c in shared},
    }
    failures = []
    with tempfile.TemporaryDirectory() as place:
        windows = Path(place) / "windows"
        windows.mkdir()
        for at, case in enumerate(shared):
            pq.write_table(case.rows, windows / f"{at:02d}.parquet")
        for program, packages in ENVIRONMENTS.items():
            try:
                found |= _others(program, packages, Path(place), windows, shared)
            except (subprocess.SubprocessError, OSError) as failure:
                failures.append(
                    Row(NAME, f"{program} did not run", 0.0, note=type(failure).__name__)
                )
    rows = [
        _row(case, library, alarms[case.name])
        for case in shared
        for library, alarms in found.items()
        if alarms.get(case.name)
    ]
    return rows + failures


def _row(case: Case, library: str, alarms: Alarms) -> Row:
    """A detector on the stream has learned a change after the first window: only that one counts."""
    is_stream = library.startswith("River")
    judged = [
        alarm
        for number, window in alarms.items()
        for feature, alarm in window.items()
        if not case.counted or feature in case.counted
        if number == "0" or not (is_stream and case.is_drift)
    ]
    kind = "drift: found" if case.is_drift else "no drift: false alarms"
    kind += ", after the reference's last 2,000 rows" if is_stream else ""
    m = int((case.rows["window"].to_numpy() < 0).sum())
    return rate_row(
        NAME, f"{case.name}: {library}", sum(judged), len(judged), n=case.n, m=m, note=kind
    )  # fmt: skip


def _others(
    program: str, packages: tuple[str, ...], place: Path, windows: Path, shared: list[Case]
) -> dict[str, dict[str, Alarms]]:  # fmt: skip
    """Makes the environment and runs the program in it; one result per detector."""
    python = place / program / "bin" / "python"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    environment |= {"OMP_NUM_THREADS": "1", "NML_DISABLE_USAGE_LOGGING": "1", "DO_NOT_TRACK": "1"}
    uv = Path(sys.executable).with_name("uv")
    out = place / f"{program}.json"
    commands: tuple[tuple[list[str | Path], int], ...] = (
        ([uv, "venv", "--quiet", "--python", sys.executable, place / program], _INSTALLATION_S),
        ([uv, "pip", "install", "--quiet", "--python", python, *packages], _INSTALLATION_S),
        ([python, _OTHERS / f"{program}.py", windows, out], _RUN_S),
    )
    for command, seconds in commands:
        subprocess.run(command, check=True, timeout=seconds, env=environment, cwd=place)
    results = {}
    for file in sorted(place.glob(f"{program}*.json")):
        kept = json.loads(file.read_text(encoding="utf-8"))
        detector = file.stem.partition("-")[2]
        name = (
            f"River {kept['version']} {detector}"
            if detector
            else f"{_SHOWN[program]} {kept['version']}"
        )
        results[name] = {shared[int(at)].name: alarms for at, alarms in kept["alarms"].items()}
    return results


def _ours(case: Case) -> Alarms:
    """Whole verdicts with the default budget beside a validation reference."""
    numbers = {f.name for f in case.rows.schema if pa.types.is_floating(f.type)}
    names = [name for name in case.rows.column_names if name != "window"]
    kinds = {n: FeatureKind.NUMERIC if n in numbers else FeatureKind.CATEGORICAL for n in names}
    schema = Schema(tuple(Feature(name, kind) for name, kind in kinds.items()))
    spec = ModelSpec("shared", schema, pane_s=DAY_S, windows=(_SIZE,), judges_joint=False)
    at_us = (
        _START_S + (case.rows["window"].to_numpy() + REFERENCE_WINDOWS + 50) * DAY_S
    ) * 1_000_000
    rows = case.rows.append_column("timestamp", pa.array(at_us, pa.timestamp("us", "UTC")))
    is_reference = np.asarray(case.rows["window"].to_numpy() < 0)
    first, second = (rows.filter(pa.array(side)) for side in (is_reference, ~is_reference))
    reference = build_reference(spec, [read_rows(first, ColumnMapping(), spec).events], "1")
    view = ReferenceView(reference.segments[ALL], _SIZE.name)
    counter = ProfileCounter(spec.name, (), DAY_S)
    counter.count(read_rows(second, ColumnMapping(), spec).events, reference.layout)
    alpha = alpha_of(spec, _SIZE, ALL, 0)
    found: Alarms = {}
    for delta in counter.drain():
        window = WindowProfile(_SIZE.window_at(delta.key.pane_s), delta.profile)
        results = judge_features(ReferenceKind.VALIDATION, view, window, spec, alpha)
        found[str(delta.key.pane_s)] = {r.feature: r.state is VerdictState.DRIFT for r in results}
    return found


def _scipy(case: Case) -> Alarms:
    return _per_column(case, _ks, _chi_square)


def _psi(case: Case) -> Alarms:
    return _per_column(case, _psi_of_numbers, _psi_of_names)


def _per_column(case: Case, of_numbers: Any, of_names: Any) -> Alarms:
    window = case.rows["window"].to_numpy()
    found: Alarms = {str(w): {} for w in np.unique(window[window >= 0])}
    for name in case.rows.column_names[1:]:
        column = case.rows[name]
        if pa.types.is_floating(column.type):
            values, test = column.to_numpy(), of_numbers
            is_known = ~np.isnan(values)
        else:
            _, values = np.unique(
                np.asarray(column.fill_null("").to_numpy(), str), return_inverse=True
            )
            is_known, test = np.asarray(column.is_valid()), of_names
        reference = values[(window < 0) & is_known]
        for w in found:
            found[w][name] = test(reference, values[(window == int(w)) & is_known])
    return found


def _ks(x: NDArray[np.float64], y: NDArray[np.float64]) -> bool:
    return bool(stats.ks_2samp(x, y, method="asymp").pvalue <= _KS_ALPHA)


def _chi_square(x: NDArray[np.int64], y: NDArray[np.int64]) -> bool:
    table = np.stack([np.bincount(side, minlength=max(x.max(), y.max()) + 1) for side in (x, y)])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bool(stats.chi2_contingency(table).pvalue <= _KS_ALPHA)


def _psi_of_numbers(x: NDArray[np.float64], y: NDArray[np.float64]) -> bool:
    edges = np.unique(np.quantile(x, np.arange(1, 10) / 10))
    return _psi_of_names(*(np.searchsorted(edges, side, side="right") for side in (x, y)))


def _psi_of_names(x: NDArray[np.int64], y: NDArray[np.int64]) -> bool:
    width = max(x.max(), y.max()) + 1
    p, q = (np.maximum(np.bincount(s, minlength=width), 0.5) / len(s) for s in (x, y))
    return bool(((p - q) * np.log(p / q)).sum() > _PSI)
