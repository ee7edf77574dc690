from __future__ import annotations

from pathlib import Path

import pytest

from stream_monitor.config.errors import ConfigError
from stream_monitor.config.loading import load_config, load_monitor
from stream_monitor.config.monitor import MonitorConfig, ProfilerConfig
from tests.unit.config.conftest import Write

SHORT = "features: {distance: numeric}\n"


def test_nothing_given_is_the_defaults() -> None:
    installation = load_config(None, {})
    assert installation.monitor == MonitorConfig()
    assert installation.models == ()
    assert installation.monitor.kafka.reveal() == {"bootstrap.servers": "localhost:9092"}


def test_file_wins_over_default_and_environment_over_file(write: Write) -> None:
    path = write("topics: {partitions: 12, replication: 1}\nprofiler: {commit_interval: 2s}\n")
    environ = {
        "STREAM_MONITOR__TOPICS__PARTITIONS": "24",
        "STREAM_MONITOR__PROFILER__MAX_BYTES": "32MB",
        "STREAM_MONITOR__PROFILER__OUT_OF_ORDER": "0s",
        "STREAM_MONITOR__METRICS__PORT": "0",
    }
    monitor = load_config(path, environ).monitor
    assert (monitor.topics.partitions, monitor.topics.replication) == (24, 1)
    assert monitor.topics.events_partitions == 1
    assert (monitor.profiler.commit_interval, monitor.profiler.max_bytes) == (2, 32_000_000)
    assert monitor.profiler.out_of_order == 0
    assert monitor.metrics.port == 0


def test_underscores_of_kafka_variables_are_dots(write: Write) -> None:
    path = write("kafka: {bootstrap.servers: 'a:1', enable.ssl.certificate.verification: true}\n")
    environ = {
        "STREAM_MONITOR__KAFKA__BOOTSTRAP_SERVERS": "b:2",
        "STREAM_MONITOR__KAFKA__SSL__CA__LOCATION": "/ca.pem",
    }
    assert load_config(path, environ).monitor.kafka.reveal() == {
        "bootstrap.servers": "b:2",
        "enable.ssl.certificate.verification": "true",
        "ssl.ca.location": "/ca.pem",
    }


def test_kafka_section_without_servers_keeps_their_default(write: Write) -> None:
    settings = load_monitor(write("kafka: {socket.timeout.ms: 30000}\n"), {}).kafka.reveal()
    assert settings == {"bootstrap.servers": "localhost:9092", "socket.timeout.ms": "30000"}


def test_variables_of_others_are_ignored() -> None:
    environ = {"STREAM_MONITOR_TEST": "1", "STREAM_MONITOR_PORT": "tcp://10.0.0.1:9108"}
    assert load_config(None, environ).monitor == MonitorConfig()


def test_variable_replaces_a_value_that_cannot_be_filled_in(write: Write) -> None:
    path = write("kafka:\n  sasl.password: ${UNSET}\n")
    monitor = load_monitor(path, {"STREAM_MONITOR__KAFKA__SASL_PASSWORD": "x"})
    assert monitor.kafka.reveal()["sasl.password"] == "x"


def test_instance_is_the_host_unless_named(write: Write) -> None:
    monitor = load_monitor(write("profiler:\ndetector: {instance: d-0}\n"), {"HOSTNAME": "pod-3"})
    assert monitor.profiler.instance == "pod-3"
    assert monitor.detector.instance == "d-0"


def test_section_whose_keys_are_commented_out_has_its_defaults(write: Write) -> None:
    assert load_monitor(write("log:\n  # level: debug\n"), {}).log.level == "info"


def test_adding_a_file_adds_a_model_named_after_it(write: Write) -> None:
    path = write(churn=SHORT, fraud=f"name: fraud-eu\n{SHORT}")
    (path.parent / "models" / ".hidden.yaml").write_text("not: a model")
    (path.parent / "models" / "notes.txt").write_text("not a model")
    installation = load_config(path, {})
    assert [model.name for model in installation.models] == ["churn", "fraud-eu"]
    assert list(installation.specifications()) == ["churn", "fraud-eu"]


def test_models_folder_is_relative_to_the_file_and_can_be_moved(write: Write) -> None:
    path = write("models: elsewhere\n")
    (path.parent / "elsewhere").mkdir()
    (path.parent / "elsewhere" / "churn.yml").write_text(SHORT)
    assert [model.name for model in load_config(path, {}).models] == ["churn"]
    moved = load_config(path, {"STREAM_MONITOR__MODELS": str(path.parent / "models")})
    assert moved.models == ()


def test_missing_models_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "monitor.yaml").write_text("")
    with pytest.raises(ConfigError, match=r"monitor.yaml: models names .*models, which is not a"):
        load_config(tmp_path / "monitor.yaml", {})
    with pytest.raises(ConfigError, match=r"^environment: models names /nowhere"):
        load_config(None, {"STREAM_MONITOR__MODELS": "/nowhere"})


def test_two_files_for_one_model_are_refused(write: Write) -> None:
    path = write(a=f"name: churn\n{SHORT}", b=f"name: churn\n{SHORT}")
    with pytest.raises(ConfigError, match=r"b\.yaml: name must be another one: .*a\.yaml"):
        load_config(path, {})


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml cannot be read: No such file"):
        load_config(tmp_path / "none.yaml", {})


def test_sections_are_frozen_and_take_seconds_from_python() -> None:
    profiler = ProfilerConfig(commit_interval=2, max_bytes=2_000_000)
    assert (profiler.commit_interval, profiler.max_bytes) == (2, 2_000_000)
    with pytest.raises(ValueError, match="frozen"):
        profiler.max_records = 5


def test_own_topics_are_named_after_the_prefix(write: Write) -> None:
    topics = load_monitor(write("topics: {prefix: eu}\n"), {}).topics
    names = (topics.deltas, topics.state, topics.references, topics.results, topics.dead_letters)
    assert names == ("eu.deltas", "eu.state", "eu.references", "eu.results", "eu.dead-letters")
