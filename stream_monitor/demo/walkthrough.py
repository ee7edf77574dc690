"""The demo: a year of flights through an embedded broker, a profiler, a detector and a subscriber."""

from __future__ import annotations

import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from stream_monitor.config.monitor import LogConfig
from stream_monitor.demo import flights
from stream_monitor.demo.airport import REFERENCE_DAYS, SENDER, departures, first_reference, send
from stream_monitor.demo.configuration import demo_installation
from stream_monitor.demo.events import ticks
from stream_monitor.demo.report import render
from stream_monitor.demo.story import Story
from stream_monitor.services.references import publish_reference
from stream_monitor.services.running import run_together
from stream_monitor.services.topics import owned_topics, source_topics
from stream_monitor.services.wiring import EmbeddedBroker, Wiring, wire_embedded
from stream_monitor.telemetry.logs import configure_logs

_TICK = timedelta(hours=6)
_AHEAD = 15_000
_QUIET_POLLS = 30


def run_demo(days: int, report: Path, port: int) -> None:
    """Runs the demo and writes the picture; `days` of 2013 follow the 35 days of the reference."""
    configure_logs(LogConfig(level="warning", format="console"))
    console = Console()
    console.print("[bold]stream_monitor demo[/]: New York departures of 2013, late or on time?")
    found = departures(days)
    console.print(f"a river model learned January; {found.replayed.num_rows:,} flights to replay")
    broker = EmbeddedBroker()
    with tempfile.TemporaryDirectory(prefix="stream-monitor-demo-") as folder:
        installation = demo_installation(Path(folder), port)
        wiring = wire_embedded(installation, broker)
        _create_topics(wiring)
        reference = first_reference(found.history, installation)
        publish_reference(
            reference, wiring.producer("reference"), installation.monitor.topics.references
        )
        console.print(
            f"reference: {reference.events:,} flights of the first {REFERENCE_DAYS} days; "
            f"broker in this process at {broker.cluster.settings['bootstrap.servers']}"
        )
        _Demo(wiring, found.replayed, console, report).run()


class _Demo:
    """Threads of one run: producer, services, subscriber; and the screen."""

    def __init__(self, wiring: Wiring, table: pa.Table, console: Console, report: Path) -> None:
        self._wiring = wiring
        self._table = table
        self._console = console
        self._report = report
        self._story = Story(console)
        self._stop = threading.Event()
        self._is_sent = threading.Event()
        self._is_over = threading.Event()
        self._errors: list[BaseException] = []
        self._profiler = wiring.profiler()
        self._detector = wiring.detector()

    def run(self) -> None:
        """Until the last window is closed, or Ctrl-C."""
        began = time.monotonic()
        followers = [
            threading.Thread(target=self._guarded, args=(work,), daemon=True)
            for work in (self._produce, self._subscribe)
        ]
        services = threading.Thread(target=self._guarded, args=(self._serve,), daemon=True)
        progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"),
            TimeElapsedColumn(), console=self._console, transient=True,
        )  # fmt: skip
        with progress:
            self._task = progress.add_task("replaying 2013", total=self._table.num_rows)
            self._progress = progress
            services.start()
            for thread in followers:
                thread.start()
            try:
                while not self._is_over.wait(0.2) and not self._errors:
                    pass
            except KeyboardInterrupt:
                # Python 3.11 takes a thread whose join is interrupted for ended: hence the event. No thread
                # may run on while Python shuts down.
                self._stop.set()
                self._is_over.wait(10)
                for thread in followers:
                    thread.join(10)
                raise
        self._stop.set()
        for thread in followers:
            thread.join(10)
        if self._errors:
            raise self._errors[0]
        self._finish(time.monotonic() - began)

    def _guarded(self, work: Any) -> None:
        try:
            work()
        except BaseException as error:
            self._errors.append(error)
            self._stop.set()

    def _serve(self) -> None:
        try:
            run_together(
                [self._profiler, self._detector],
                self._wiring.monitor,
                self._stop.is_set,
                self._is_sent.is_set,
                lambda address: self._console.print(f"metrics: {address}"),
            )
        finally:
            self._is_over.set()

    def _produce(self) -> None:
        """Sends flights at departure and labels at landing, never far ahead of the profiler."""
        producer = self._wiring.producer(SENDER)
        producer.init_transactions()
        topics = self._wiring.monitor.topics
        sent = 0
        for tick in ticks(self._table, _TICK):
            if self._stop.is_set():
                return
            if not (tick.inference or tick.labels):
                continue
            send(producer, topics, tick)
            sent += len(tick.inference) + len(tick.labels)
            self._progress.update(self._task, advance=len(tick.inference))
            while sent - self._consumed() > _AHEAD:
                if self._stop.wait(0.02):
                    return
        self._is_sent.set()

    def _consumed(self) -> int:
        topics = self._wiring.monitor.topics
        counts = self._profiler.status.counts
        return counts["consumed", topics.inference] + counts["consumed", topics.labels]

    def _subscribe(self) -> None:
        """Reads drift events and results as any subscriber would."""
        topics = self._wiring.monitor.topics
        reader = self._wiring.reader()
        followers = [reader.follow(topics.events), reader.follow(topics.results)]
        quiet = 0
        while not (self._stop.is_set() and (self._has_heard_all() or quiet > _QUIET_POLLS)):
            found = [records for f in followers for records in f.poll(0.05)]
            quiet = 0 if found else quiet + 1
            for records in found:
                for value in records.value:
                    if value is not None:
                        self._story.hear(orjson.loads(value))
        for follower in followers:
            follower.close()

    def _has_heard_all(self) -> bool:
        heard = len(self._story.events) + len(self._story.results)
        return heard >= self._detector.status.counts["published",]

    def _finish(self, seconds: float) -> None:
        self._story.print_table()
        html = render(self._story.results, self._story.events, "Flights 2013", flights.NOTABLE_DAYS)
        self._report.write_text(html, encoding="utf-8")
        self._console.print(
            f"{self._table.num_rows:,} flights in {seconds:.0f} s; the picture: "
            f"[bold]{self._report.resolve()}[/]"
        )


def _create_topics(wiring: Wiring) -> None:
    topics = wiring.monitor.topics
    wiring.topics().create([*source_topics(topics), *owned_topics(topics)])
