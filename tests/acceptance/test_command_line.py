"""What a user's shell sees: tables and JSON lines on stdout, the rest on stderr, exit codes, Ctrl-C."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import typer
from typer.testing import CliRunner

from stream_monitor import ReferencePeriod, replay
from stream_monitor.cli.commands import app, run_command
from stream_monitor.demo import flights
from tests.acceptance.installed_command import COMMAND, LONGEST_S, environment, run
from tests.acceptance.shop import MODELS, furnish

PERIOD = ("--since", "2013-01-01", "--until", "2013-02-05")
REPLAY = (
    "--model",
    "flights",
    "--reference-since",
    "2013-01-01",
    "--reference-until",
    "2013-02-05",
)
RUNS: dict[str, tuple[str, ...]] = {
    "table": ("replay", "flights.parquet", *REPLAY),
    "json": ("replay", "flights.parquet", *REPLAY, "--json"),
    "csv": ("replay", "flights.csv", *REPLAY, "--json"),
    "build": ("reference", "build", "flights", "flights.parquet", *PERIOD, "--output", "built"),
    "schema": ("config", "schema", "schemas"),
    "show": ("config", "show"),
    "wrong key": ("config", "show", "--config", "wrong/monitor.yaml"),
    "no table": ("replay", "nowhere.parquet", "--model", "flights"),
    "unknown model": ("replay", "flights.parquet", "--model", "fligths"),
}
Runs = Mapping[str, "Future[subprocess.CompletedProcess[str]]"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    furnish(folder)
    return folder


@pytest.fixture(scope="module")
def runs(shop: Path) -> Iterator[Runs]:
    """Every run of RUNS, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(run, shop, *words) for name, words in RUNS.items()}


def rows_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def commands(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*words, name))
        else:
            yield (*words, name)


@pytest.mark.parametrize("words", list(commands(typer.main.get_command(app))), ids=" ".join)
def test_help_of_every_command_has_an_example(words: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert f"Example: stream-monitor {' '.join(words)}" in shown.output


def test_table_of_a_replay_shows_what_drifted_and_how_well_the_model_did(runs: Runs) -> None:
    done = runs["table"].result()
    assert done.returncode == 0
    storm = [line for line in done.stdout.splitlines() if "2013-02-08" in line]
    assert any("dep_delay" in line and "missing" in line and "critical" in line for line in storm)
    assert "accuracy" in done.stdout
    assert "45 windows judged against 30358 reference events" in done.stderr
    assert "judged" not in done.stdout


def test_json_of_a_replay_is_one_line_per_window_feature_and_reference(runs: Runs) -> None:
    done = runs["json"].result()
    rows = rows_of(done.stdout)
    features = ("dep_delay", "carrier", "prediction.label", "prediction.score")
    assert done.returncode == 0
    volume = [row for row in rows if row["feature"] == "traffic.volume"]
    rows = [row for row in rows if row["feature"] != "traffic.volume"]
    assert len(volume) == 45
    assert len(rows) == 45 * len(features) * 2
    keys = {(row["start"], row["feature"], row["reference"]) for row in rows}
    assert len(keys) == len(rows)
    assert {row["feature"] for row in rows} == set(features)
    assert {row["reference"] for row in rows} == {"validation", "sliding"}
    assert done.stderr == ""


def test_csv_and_parquet_give_the_same_lines(runs: Runs) -> None:
    assert runs["csv"].result().stdout == runs["json"].result().stdout


def test_notebook_gets_the_same_figures_as_arrow_tables(shop: Path, runs: Runs) -> None:
    found = replay(
        shop / "flights.parquet",
        shop / "models" / "flights.yaml",
        ReferencePeriod(since="2013-01-01", until="2013-02-05"),
    )
    for table in (found.windows, found.performance, found.incidents):
        assert isinstance(table, pa.Table)
        assert table.num_rows > 0
    names = found.windows.column_names
    shown = [
        {name: row.get(name) for name in names} for row in rows_of(runs["json"].result().stdout)
    ]
    assert found.windows.to_pylist() == shown


def test_reference_is_built_into_a_file_and_shown_from_it(shop: Path, runs: Runs) -> None:
    built = runs["build"].result()
    assert (built.returncode, built.stdout) == (0, "")
    assert "30358 events" in built.stderr
    [row] = rows_of(run(shop, "reference", "show", "--file", "built", "--json").stdout)
    assert (row["model"], row["events"], row["windows"]) == ("flights", 30_358, "35 × 1d")
    assert (row["start"], row["end"]) == ("2013-01-01T05:00:00Z", "2013-02-05T05:00:00Z")


def test_schemas_for_editors_are_written(shop: Path, runs: Runs) -> None:
    done = runs["schema"].result()
    assert (done.returncode, done.stdout) == (0, "")
    models, monitor = (
        json.loads((shop / "schemas" / f"{name}.schema.json").read_text())
        for name in ("models", "monitor")
    )
    assert "features" in models["properties"]
    assert "topics" in monitor["properties"]


def test_configured_models_are_shown(runs: Runs) -> None:
    done = runs["show"].result()
    assert done.returncode == 0
    assert all(name in done.stdout for name in (*MODELS, "validation, sliding"))


def test_wrong_key_is_named_with_its_file_and_what_is_allowed(runs: Runs) -> None:
    done = runs["wrong key"].result()
    assert done.returncode == 2
    expected = "wrong/models/flights.yaml: windows[0].timezon is not known: did you mean timezone?"
    assert expected in done.stderr
    assert "Allowed: early, k, n, origin, recover_after, size, timezone" in done.stderr


def test_missing_table_and_unknown_model_end_with_a_code_and_one_sentence(runs: Runs) -> None:
    table, model = runs["no table"].result(), runs["unknown model"].result()
    assert (table.returncode, model.returncode) == (1, 2)
    assert table.stderr == "error: there is no file nowhere.parquet\n"
    assert model.stderr == "error: model fligths is not configured; configured: flights, year\n"
    assert table.stdout + model.stdout == ""


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("config", "show", "-c", "nowhere.yaml"), 2, "nowhere.yaml cannot be read: No such file"),
        (
            ("replay", "flights.parquet"),
            2,
            "choose a model with --model; configured: flights, year",
        ),
        (("replay", "monitor.yaml", "-m", "year"), 1, "monitor.yaml is neither .parquet nor .csv"),
        (("replay", "flights.parquet", "-m", "year"), 2, "the table has no column distance"),
        (("replay", "flights.parquet", "--nonsense"), 2, "No such option: --nonsense"),
        (("reference", "build", "fligths", "flights.parquet"), 2, "fligths is not configured"),
        (("reference", "show", "--file", "nowhere"), 1, "nowhere cannot be read"),
        (("reference", "show", "--file", "monitor.yaml"), 1, "monitor.yaml cannot be read"),
    ],
)
def test_mistake_ends_with_a_code_and_a_sentence(
    words: tuple[str, ...], code: int, message: str, shop: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(shop)
    monkeypatch.setattr("sys.argv", ["stream-monitor", *words])
    with pytest.raises(SystemExit) as ended:
        run_command()
    shown = capsys.readouterr()
    assert ended.value.code == code
    assert message in shown.err
    assert shown.out == ""


def test_interrupted_replay_ends_without_a_traceback(shop: Path) -> None:
    ours, theirs = os.openpty()  # on a terminal the progress tells that the replay is under way
    year = Path(flights.__file__).with_name("flights.parquet")
    process = subprocess.Popen(
        [COMMAND, "replay", year, "--model", "year"], cwd=shop, env=environment(TERM="xterm"),
        stdout=subprocess.PIPE, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while b"/336776" not in shown:
        shown += os.read(ours, 1024)
    process.send_signal(signal.SIGINT)
    shown += b"".join(iter(lambda: read_or_end(ours), b""))
    stdout, _ = process.communicate(timeout=LONGEST_S)
    assert process.returncode == 130
    assert stdout == b""
    assert b"Traceback" not in shown


def read_or_end(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1024)
    except OSError:  # the other side of the terminal is closed
        return b""
