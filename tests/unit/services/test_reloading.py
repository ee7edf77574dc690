"""Services made anew in the same process when the model files changed."""

from __future__ import annotations

import urllib.request
from dataclasses import dataclass, field, replace

from stream_monitor.config.loading import Installation
from stream_monitor.config.monitor import MetricsConfig, MonitorConfig
from stream_monitor.services.ports import Condition, never
from stream_monitor.services.running import Service, run_reloading
from stream_monitor.services.status import ServiceStatus
from stream_monitor.telemetry.snapshot import ProfilerSnapshot
from tests.brokers.kafka_process import free_ports


@dataclass
class Worker:
    """A service that works until it is told to stop, and tells of each turn."""

    name: str
    turns: list[str]
    ends_itself: bool = False
    status: ServiceStatus = field(default_factory=lambda: ServiceStatus("profiler", "p"))

    def run(self, should_stop: Condition, should_drain: Condition = never) -> None:
        self.turns.append(f"{self.name} begins")
        while not (should_stop() or should_drain() or self.ends_itself):
            pass
        self.turns.append(f"{self.name} ends")

    def snapshot(self) -> ProfilerSnapshot:
        return ProfilerSnapshot(self.status)


@dataclass
class Files:
    """Says what is due at each look."""

    coming: list[Installation | None]
    refused: tuple[object, ...] = ("one",)
    looks: int = 0

    def look(self) -> None:
        self.looks += 1

    def due(self) -> Installation | None:
        return self.coming.pop(0) if self.coming else None


def installation(port: int, name: str = "first") -> Installation:
    metrics = MetricsConfig(host="127.0.0.1", port=port)
    return Installation(MonitorConfig(name=name, metrics=metrics), ())


def test_a_change_ends_the_services_and_begins_new_ones_on_the_same_port() -> None:
    (port,) = free_ports(1)
    first = installation(port)
    second = replace(first, monitor=first.monitor.model_copy(update={"name": "second"}))
    turns: list[str] = []
    answers: list[str] = []
    workers: list[Worker] = []

    def make(current: Installation) -> list[Service]:
        workers.append(Worker(current.monitor.name, turns))
        return [workers[-1]]

    def should_stop() -> bool:
        if len(workers) == 2 and workers[1].status.models_loaded_s and not answers:
            for path in ("live", "metrics"):
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5) as answer:
                    answers.append(answer.read().decode())
        return bool(answers)

    run_reloading(make, first, Files([None, second]), should_stop, never)
    assert turns == ["first begins", "first ends", "second begins", "second ends"]
    assert "profiler stepped" in answers[0], "it is as live as the one before it"
    assert 'stream_monitor_models_refused{service="profiler"} 1.0' in answers[1]
    assert workers[1].status.models_loaded_s is not None


def test_services_that_end_by_themselves_are_not_made_anew() -> None:
    turns: list[str] = []
    first = installation(0)
    files = Files([])
    run_reloading(lambda _: [Worker("only", turns, ends_itself=True)], first, files, never, never)
    assert turns == ["only begins", "only ends"]


def test_a_signal_that_comes_with_a_change_wins() -> None:
    turns: list[str] = []
    first = installation(0)
    stopped: list[bool] = []

    class Signalled(Files):
        def due(self) -> Installation | None:
            stopped.append(True)
            return first

    run_reloading(
        lambda _: [Worker("only", turns)], first, Signalled([]), lambda: bool(stopped), never
    )
    assert turns == ["only begins", "only ends"]
