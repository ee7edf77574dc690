"""What can happen to the files of the store on disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from stream_monitor.connectors.pending_store import DuckPendingStore
from stream_monitor.connectors.pending_store.columns import LABELS, PREDICTIONS
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.core.records import TopicPartition

OFFSETS = {TopicPartition("inference", 0): 500}
MANY = 100_000
LOCK = """
import sys
from pathlib import Path
from stream_monitor.connectors.pending_store import DuckPendingStore
DuckPendingStore(Path(sys.argv[1]), "64MB").open(0, "cluster")
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """The file of a partition with 500 predictions, labels of half of them, and offsets."""
    store = DuckPendingStore(tmp_path, "64MB")
    store.open(0, "cluster")
    rows = [
        dict.fromkeys(PREDICTIONS.names)
        | {"prediction_id": f"p{i}", "model": "m", "timestamp_us": i, "segments": [f"s{i % 7}"]}
        for i in range(500)
    ]
    labels = [
        {"prediction_id": f"p{i}", "outcome": "o", "label": "x", "timestamp_us": i, "offset": i}
        for i in range(0, 500, 2)
    ]
    store.join(
        0,
        pa.Table.from_pylist(rows, PREDICTIONS),
        pa.Table.from_pylist(labels, LABELS),
        {("m", "o"): 9},
    )
    store.commit(OFFSETS)
    store.close([0])
    [path] = tmp_path.glob("*.duckdb")
    return path


def reopened(path: Path) -> tuple[dict[str, int], int]:
    store = DuckPendingStore(path.parent, "64MB")
    offsets = store.open(0, "cluster")
    held = store.pending()
    store.close([0])
    return offsets, held


def test_an_intact_file_is_kept(written: Path) -> None:
    assert reopened(written) == ({"inference": 500}, 500)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9])
def test_a_truncated_file_is_wiped(written: Path, share: float) -> None:
    content = written.read_bytes()
    written.write_bytes(content[: int(len(content) * share)])
    assert reopened(written) == ({}, 0)
    assert reopened(written) == ({}, 0)


@pytest.mark.parametrize("block", range(24))
def test_a_file_with_damaged_blocks_is_wiped_or_whole(written: Path, block: int) -> None:
    content = bytearray(written.read_bytes())
    size = len(content) // 24
    content[block * size : block * size + size] = b"\xa5" * size
    written.write_bytes(bytes(content))
    assert reopened(written) in (({}, 0), ({"inference": 500}, 500))


def test_a_file_that_is_no_database_is_wiped(written: Path) -> None:
    written.write_bytes(b"this is not a database" * 1000)
    assert reopened(written) == ({}, 0)


def test_a_damaged_log_is_wiped_with_its_file(written: Path) -> None:
    written.with_name(written.name + ".wal").write_bytes(b"\xff" * 5000)
    assert reopened(written) in (({}, 0), ({"inference": 500}, 500))


def test_a_store_in_use_by_another_process_is_refused_and_kept(written: Path) -> None:
    command = [sys.executable, "-c", LOCK, str(written.parent)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        store = DuckPendingStore(written.parent, "64MB")
        with pytest.raises(StreamMonitorError, match=r"partition-00000\.duckdb is in use"):
            store.open(0, "cluster")
        other.kill()
    assert reopened(written) == ({"inference": 500}, 500)


def test_a_second_store_in_the_same_process_is_refused(written: Path) -> None:
    first = DuckPendingStore(written.parent, "64MB")
    first.open(0, "cluster")
    with pytest.raises(StreamMonitorError, match="in use"):
        DuckPendingStore(written.parent, "64MB").open(0, "cluster")
    first.close([0])


def test_what_was_not_committed_is_lost_with_the_process(written: Path) -> None:
    script = LOCK.replace(
        'DuckPendingStore(Path(sys.argv[1]), "64MB").open(0, "cluster")',
        "\n".join(
            [
                'store = DuckPendingStore(Path(sys.argv[1]), "64MB")',
                'store.open(0, "cluster")',
                'store.expire(0, {"m": 10**9}, 10**9)',
            ]
        ),
    )
    command = [sys.executable, "-c", script, str(written.parent)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        other.kill()
    assert reopened(written) == ({"inference": 500}, 500)


def test_a_full_disk_is_an_error_and_keeps_what_was_committed(written: Path) -> None:
    script = f"""
import resource, sys
from pathlib import Path
import pyarrow as pa
from stream_monitor.connectors.pending_store import DuckPendingStore
from stream_monitor.connectors.pending_store.columns import LABELS, PREDICTIONS
from stream_monitor.core.errors import StreamMonitorError

store = DuckPendingStore(Path(sys.argv[1]), "64MB")
store.open(0, "cluster")
ids = pa.array([f"new {{i}}" for i in range({MANY})])
columns = {{name: pa.nulls({MANY}, PREDICTIONS.field(name).type) for name in PREDICTIONS.names}}
columns |= {{"prediction_id": ids, "model": pa.repeat("m", {MANY})}}
columns["timestamp_us"] = pa.array(range({MANY}))
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
try:
    store.join(0, pa.table(columns), LABELS.empty_table(), {{}})
    store.commit({{}})
except StreamMonitorError as error:
    print(error)
"""
    command = [sys.executable, "-c", script, str(written.parent)]
    said = subprocess.run(command, check=False, capture_output=True, text=True)
    assert "give it disk and memory" in said.stdout, said
    assert reopened(written) == ({"inference": 500}, 500)
