"""Floors written into a model's file: valid, with the old text kept, and never over someone's change."""

from pathlib import Path

import pytest

from stream_monitor.config.loading import load_model
from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.config.specification import model_spec
from stream_monitor.core.calibrating import FLOOR, RATE_FLOOR, FloorAdvice
from stream_monitor.core.errors import StreamMonitorError
from stream_monitor.services.floor_writing import ModelFile, model_file, write_floors
from tests.unit.services.histories import MODEL_YAML

MONITOR = MonitorConfig()


def advice(subject: str, recommended: float, key: str = FLOOR) -> FloorAdvice:
    return FloorAdvice(subject, key, 0.03, recommended, 3, 1, False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "payments.yaml").write_text("features: {price: numeric}\n")
    (folder / "shop.yaml").write_text(MODEL_YAML)
    return tmp_path


def write(file: ModelFile, *found: FloorAdvice) -> Path:
    spec = model_spec(load_model(file.path, MONITOR, {}), MONITOR)
    return write_floors(file, found, spec, MONITOR, {})


def test_floors_are_written_and_the_old_text_is_kept_beside(root: Path) -> None:
    file = model_file(root, MONITOR, "orders", {})
    backup = write(
        file,
        advice("amount", 0.05),
        advice("weight", 0.011, RATE_FLOOR),
        advice("prediction.score", 0.2),
        advice("traffic.volume", 0.9),
        advice("performance.label", 0.04),
    )
    assert backup.name == "shop.yaml.bak"
    assert backup.read_text() == MODEL_YAML
    text = file.path.read_text()
    assert "# euros" in text
    assert "# of the parcel" in text
    found = load_model(file.path, MONITOR, {})
    assert found.features["amount"].floor == 0.05
    assert found.features["weight"].rate_floor == 0.011
    assert found.prediction.score.floor == 0.2
    assert found.volume.floor == 0.9
    assert found.outcomes["label"].performance.floor == 0.04
    assert sorted(p.name for p in file.path.parent.iterdir()) == [
        "payments.yaml", "shop.yaml", "shop.yaml.bak",
    ]  # fmt: skip


def test_a_critical_floor_below_goes_up_with_the_floor(root: Path) -> None:
    path = root / "models" / "shop.yaml"
    path.write_text(
        MODEL_YAML.replace("amount: numeric", "amount: {kind: numeric, critical_floor: 0.1}")
    )
    write(model_file(root, MONITOR, "orders", {}), advice("amount", 0.12))
    amount = load_model(path, MONITOR, {}).features["amount"]
    assert (amount.floor, amount.critical_floor) == (0.12, 0.12)


def test_a_file_that_changed_meanwhile_is_left_alone(root: Path) -> None:
    file = model_file(root, MONITOR, "orders", {})
    changed = MODEL_YAML.replace("euros", "dollars")
    file.path.write_text(changed)
    with pytest.raises(StreamMonitorError, match="has changed while the history ran"):
        write(file, advice("amount", 0.05))
    assert file.path.read_text() == changed
    assert len(list(file.path.parent.iterdir())) == 2


def test_a_file_that_would_not_be_valid_is_left_alone(root: Path) -> None:
    file = model_file(root, MONITOR, "orders", {})
    with pytest.raises(StreamMonitorError, match="nothing is written"):
        write(file, advice("height", 0.05))
    assert file.path.read_text() == MODEL_YAML
    assert len(list(file.path.parent.iterdir())) == 2


def test_a_model_without_a_file_says_so(root: Path) -> None:
    with pytest.raises(StreamMonitorError, match="no file of model flights"):
        model_file(root, MONITOR, "flights", {})
