"""NannyML's univariate drift calculator with its defaults: a window is a chunk."""

import importlib
import json
import sys
import warnings
from pathlib import Path
from typing import Any

nannyml: Any = importlib.import_module("nannyml")
pd: Any = importlib.import_module("pandas")


def alarms(rows: Any) -> dict[str, dict[str, bool]]:
    """Per window and column."""
    features = [name for name in rows.columns if name != "window"]
    rows["at"] = pd.Timestamp("2020-06-01") + pd.to_timedelta(rows["window"], unit="D")
    calculator = nannyml.UnivariateDriftCalculator(
        column_names=features, timestamp_column_name="at", chunk_period="D"
    )
    calculator.fit(rows[rows["window"] < 0].reset_index(drop=True))
    results = calculator.calculate(rows[rows["window"] >= 0].reset_index(drop=True))
    table = results.filter(period="analysis").to_df(multilevel=True)
    windows = (table[("chunk", "chunk", "start_date")] - pd.Timestamp("2020-06-01")).dt.days
    found: dict[str, dict[str, bool]] = {str(w): {} for w in windows}
    for name in features:
        methods = [c for c in table.columns if c[0] == name and c[2] == "alert"]
        for at, window in enumerate(windows):
            found[str(window)][name] = any(bool(table.iloc[at][column]) for column in methods)
    return found


def main() -> None:
    warnings.simplefilter("ignore")
    files = sorted(Path(sys.argv[1]).glob("*.parquet"))
    found = {file.stem: alarms(pd.read_parquet(file)) for file in files}
    text = json.dumps({"version": nannyml.__version__, "alarms": found})
    Path(sys.argv[2]).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
