"""How long a call to the brokers is repeated."""

from __future__ import annotations

import time
from typing import Final

from stream_monitor.services.ports import Condition

_STOPPING_S: Final = 5.0


class Patience:
    """Lasts for `timeout_s`, and once the service has to stop, for five seconds more at most."""

    def __init__(self, timeout_s: float, should_stop: Condition) -> None:
        self._deadline_s = time.monotonic() + timeout_s
        self._should_stop = should_stop
        self._is_stopping = False

    def left_s(self) -> float:
        """Seconds that are left; negative afterwards."""
        now_s = time.monotonic()
        if not self._is_stopping and self._should_stop():
            self._is_stopping = True
            self._deadline_s = min(self._deadline_s, now_s + _STOPPING_S)
        return self._deadline_s - now_s
