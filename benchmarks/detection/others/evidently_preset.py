"""Evidently's DataDriftPreset with its defaults, per column."""

import importlib
import json
import sys
import warnings
from pathlib import Path
from typing import Any

evidently: Any = importlib.import_module("evidently")
presets: Any = importlib.import_module("evidently.presets")
pd: Any = importlib.import_module("pandas")


def alarms(rows: Any) -> dict[str, dict[str, bool]]:
    """Per window and column."""
    features = [name for name in rows.columns if name != "window"]
    numbers = [name for name in features if pd.api.types.is_numeric_dtype(rows[name])]
    names = [name for name in features if name not in numbers]
    kinds = evidently.DataDefinition(numerical_columns=numbers, categorical_columns=names)
    reference = evidently.Dataset.from_pandas(rows.loc[rows["window"] < 0, features], kinds)
    found = {}
    for window, group in rows[rows["window"] >= 0].groupby("window"):
        current = evidently.Dataset.from_pandas(group[features], kinds)
        metrics = evidently.Report([presets.DataDriftPreset()]).run(current, reference)
        drifts = [m for m in metrics.dict()["metrics"] if "column" in m["config"]]
        found[str(window)] = {m["config"]["column"]: is_drift(m) for m in drifts}
    return found


def is_drift(metric: dict[str, Any]) -> bool:
    """A p value below the threshold, or a distance from it on."""
    threshold, value = metric["config"]["threshold"], float(metric["value"])
    if "p_value" in metric["config"]["method"]:
        return bool(value < threshold)
    return bool(value >= threshold)


def main() -> None:
    warnings.simplefilter("ignore")
    files = sorted(Path(sys.argv[1]).glob("*.parquet"))
    found = {file.stem: alarms(pd.read_parquet(file)) for file in files}
    text = json.dumps({"version": evidently.__version__, "alarms": found})
    Path(sys.argv[2]).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
