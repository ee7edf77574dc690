"""The DuckDB store of predictions that wait for labels."""

from stream_monitor.connectors.pending_store.store import DuckPendingStore

__all__ = ["DuckPendingStore"]
