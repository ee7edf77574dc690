"""Several services that run to their end, one step at a time and in a fixed order, each in a thread."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from stream_monitor.services.ports import Condition
from tests.unit.services.fleet import Process


class Turns:
    """A baton: a thread works only while it holds it and hands it on between two steps."""

    def __init__(self, names: Sequence[str]) -> None:
        self._waiting = list(names)
        self._changed = threading.Condition()

    def wait(self, name: str) -> None:
        """Lets the others go first."""
        with self._changed:
            if self._waiting[0] == name:
                self._waiting.append(self._waiting.pop(0))
                self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting[0] == name)

    def end(self, name: str) -> None:
        """Takes part no longer."""
        with self._changed:
            self._waiting.remove(name)
            self._changed.notify_all()


def run_together(
    processes: Sequence[Process], should_stop: Condition, should_drain: Condition
) -> dict[str, BaseException | None]:
    """Runs services side by side until each has ended; what each raised, by role and instance."""
    names = [f"{p.service.status.role}-{p.service.status.instance}" for p in processes]
    turns = Turns(names)
    ended: dict[str, BaseException | None] = {}

    def work(name: str, process: Process) -> None:
        def must_stop() -> bool:
            turns.wait(name)
            return should_stop()

        try:
            turns.wait(name)
            process.service.run(must_stop, should_drain)
            ended[name] = None
        except BaseException as error:
            ended[name] = error
        finally:
            process.is_alive = False
            turns.end(name)

    threads = [
        threading.Thread(target=work, args=pair) for pair in zip(names, processes, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return ended
