"""stream_monitor: streaming drift detection for models whose inputs and labels travel through Kafka."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stream_monitor.services.history import ReferencePeriod, Replay, replay

__all__ = ["ReferencePeriod", "Replay", "__version__", "replay"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """The notebook API, loaded when first asked for: the commands start faster without it."""
    if name in ("ReferencePeriod", "Replay", "replay"):
        from stream_monitor.services import history

        return getattr(history, name)
    raise AttributeError(f"module 'stream_monitor' has no attribute {name!r}")
