"""The errors of stream_monitor: one base class; each says in one sentence what to do."""


class StreamMonitorError(Exception):
    """Base of every error that stream_monitor raises on purpose."""


class InvalidSpecification(StreamMonitorError):
    """A model, window or reference is specified in a way that cannot be run."""


class IncompatibleProfiles(StreamMonitorError):
    """Two profiles with different parameters were to be merged."""


class UnreadableBytes(StreamMonitorError):
    """Stored or received bytes are not a profile, delta, marker or reference that this version reads."""
