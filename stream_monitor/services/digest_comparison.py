"""One state for every published or recomputed record: equal, different, missing, or why neither."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.profile.profile import Profile
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.results import WindowKey
from stream_monitor.core.wire import profile_digest
from stream_monitor.services.published_digests import Published, RecordKey
from stream_monitor.services.recomputing import Recomputed

Detected = Mapping[str, tuple[int | None, int]]
"""Per model: the detector's watermark in seconds, and the events that were too late for every window."""


class State(StrEnum):
    """How a record compares."""

    EQUAL = "equal"
    DIFFERENT = "different"
    MISSING = "missing"
    LATE = "late"
    MATURING = "maturing"
    OPEN = "open"
    REVISED = "revised"
    INEXACT = "inexact"
    OTHER_REFERENCE = "other_reference"
    NOT_RETAINED = "not_retained"


_WRONG = (State.DIFFERENT, State.MISSING)
_WHY = {
    State.EQUAL: "digests equal",
    State.DIFFERENT: "digests differ",
    State.MISSING: "closed, but not published",
    State.LATE: "events came after the window was final; they are counted as dropped",
    State.MATURING: "labels came since; the next revision is published at the next step of maturity",
    State.OPEN: "the window has not closed",
    State.REVISED: "revised while this ran: run it again",
    State.INEXACT: "published as exact=false",
    State.OTHER_REFERENCE: "counted by a reference that has been replaced since",
    State.NOT_RETAINED: "the source topics no longer hold all of its records",
}


@dataclass(frozen=True, slots=True)
class Compared:
    """One record. `published` and `recomputed` count events (labels, for an outcome); None: no record."""

    key: RecordKey
    state: State
    revision: int | None
    published: int | None
    recomputed: int | None

    @property
    def is_wrong(self) -> bool:
        """Whether nothing explains the difference."""
        return self.state in _WRONG

    @property
    def why(self) -> str:
        """What the state means."""
        return _WHY[self.state]

    @property
    def shortfall(self) -> int:
        """Events that were recomputed and not published."""
        return (self.recomputed or 0) - (self.published or 0)


def outcome_digest(profile: Profile, outcome: str) -> str:
    """The digest of a performance record (see core/model_state.py)."""
    return profile_digest(Profile(profile.layout, {"outcome": profile.outcome(outcome)}))


def window_digest(profile: Profile) -> str:
    """The digest of a window record."""
    return profile_digest(profile.without_outcomes())


def compare(
    recomputed: Recomputed, before: Mapping[RecordKey, Published],
    after: Mapping[RecordKey, Published], models: Mapping[str, ModelSpec],
    catalogue: ReferenceCatalogue, detected: Detected,
) -> list[Compared]:  # fmt: skip
    """Every record that was published or that the source topics call for, in order.

    `before` was read before the recomputation began, `after` when it had ended.
    """
    judge = _Judge(recomputed, models, catalogue, detected, after)
    records: dict[RecordKey, Compared] = {}
    for key, published in after.items():
        if key.model in models:
            record = judge.published(published)
            was = before.get(key)
            if record.is_wrong and (was is None or was.revision != published.revision):
                record = replace(record, state=State.REVISED)
            records[key] = record
    for (model, window), profile in recomputed.windows.items():
        key = RecordKey(model, window)
        if key not in after and profile.events:
            records[key] = judge.unpublished(key, profile)
    return _explained_by_lateness(dict(sorted(records.items())), models, detected)


class _Judge:
    """States of single records."""

    def __init__(
        self, recomputed: Recomputed, models: Mapping[str, ModelSpec],
        catalogue: ReferenceCatalogue, detected: Detected, after: Mapping[RecordKey, Published],
    ) -> None:  # fmt: skip
        self._recomputed = recomputed
        self._models = models
        self._catalogue = catalogue
        self._detected = detected
        self._after = after
        self._oldest_s: dict[tuple[str, str], int] = {}
        self._profiles: dict[tuple[str, WindowKey], set[str]] = {}
        for key in after:
            ids = self._profiles.setdefault((key.model, _without_profile(key.window)), set())
            ids.add(key.window.profile_id)
            where = (key.model, key.window.size)
            start_s = key.window.start_s
            self._oldest_s[where] = min(start_s, self._oldest_s.get(where, start_s))

    def published(self, record: Published) -> Compared:
        """The state of a published record."""
        key = record.key
        profile = self._recomputed.windows.get((key.model, key.window))
        n = None if profile is None else _count(profile, key.outcome)
        compared = Compared(key, State.EQUAL, record.revision, record.n, n)
        if profile is not None:
            digest = outcome_digest(profile, key.outcome) if key.outcome else window_digest(profile)
            if digest == record.digest:
                return compared
        return replace(compared, state=self._difference(record, profile))

    def _difference(self, record: Published, profile: Profile | None) -> State:
        key = record.key
        if not record.is_exact or self._is_inexact(key):
            return State.INEXACT
        if not self._is_retained(key):
            return State.NOT_RETAINED
        if self._is_of_other_reference(key):
            return State.OTHER_REFERENCE
        if key.outcome and not record.is_final and not self._has_passed(record):
            n = 0 if profile is None else _count(profile, key.outcome)
            return State.MATURING if n >= record.n else State.DIFFERENT
        return State.DIFFERENT

    def unpublished(self, key: RecordKey, profile: Profile) -> Compared:
        """The state of a window that was recomputed and not published."""
        compared = Compared(key, State.MISSING, None, None, profile.events)
        watermark_s, _ = self._detected.get(key.model, (None, 0))
        end_s = self._recomputed.ends[key.model, key.window]
        due_s = end_s + self._models[key.model].allowed_lateness_s
        oldest_s = self._oldest_s.get((key.model, key.window.size), key.window.start_s)
        if watermark_s is None or due_s > watermark_s:
            return replace(compared, state=State.OPEN)
        if key.window.start_s < oldest_s or not self._is_retained(key):
            return replace(compared, state=State.NOT_RETAINED)
        if self._is_of_other_reference(key):
            return replace(compared, state=State.OTHER_REFERENCE)
        return compared

    def _is_inexact(self, key: RecordKey) -> bool:
        """Whether the window that a performance record belongs to was published as inexact."""
        window = self._after.get(RecordKey(key.model, key.window))
        return window is not None and not window.is_exact

    def _is_retained(self, key: RecordKey) -> bool:
        start_s = key.window.start_s
        is_labelled = not key.outcome or start_s >= self._recomputed.labels_from_s
        return start_s >= self._recomputed.events_from_s and is_labelled

    def _is_of_other_reference(self, key: RecordKey) -> bool:
        """Whether some of the window was counted under a profile id that is not the version's own now."""
        own = self._catalogue.layout_for(self._models[key.model], key.window.version).profile_id
        ids = self._profiles.get((key.model, _without_profile(key.window)), set())
        return bool((ids | {key.window.profile_id}) - {own})

    def _has_passed(self, record: Published) -> bool:
        """Whether the outcome's horizon is known to be over for the whole window."""
        key = record.key
        watermark_s, _ = self._detected.get(key.model, (None, 0))
        horizons = {o.name: o.horizon_s for o in self._models[key.model].outcomes}
        last_s = record.end_s + horizons.get(key.outcome, 0)
        return last_s <= min(watermark_s or 0, self._recomputed.labels_until_s)


def _without_profile(window: WindowKey) -> WindowKey:
    return replace(window, profile_id="")


def _count(profile: Profile, outcome: str) -> int:
    return int(profile.outcome(outcome).arrays["labels"][0]) if outcome else profile.events


def _explained_by_lateness(
    records: dict[RecordKey, Compared], models: Mapping[str, ModelSpec], detected: Detected
) -> list[Compared]:
    """Wrong windows that lack events are `late` if the detector dropped as many, or if a longer window
    that holds them is equal: theirs was final when the events came.
    """
    for model, spec in models.items():
        sizes = sorted(spec.windows, key=lambda size: -size.size_s)
        dropped = detected.get(model, (None, 0))[1]
        for place, size in enumerate(sizes):
            short = {
                key: record
                for key, record in records.items()
                if key.model == model and key.window.size == size.name and not key.outcome
                and record.is_wrong and record.shortfall > 0
            }  # fmt: skip
            lacking = sum(r.shortfall for k, r in short.items() if k.window.segment == "all")
            for key, record in short.items():
                longer = (
                    replace(
                        key.window, size=s.name, start_s=s.window_at(key.window.start_s).start_s
                    )
                    for s in sizes[:place]
                )
                held = (records.get(RecordKey(model, window)) for window in longer)
                is_held = any(r is not None and r.state in (State.EQUAL, State.LATE) for r in held)
                if is_held or 0 < lacking <= dropped:
                    records[key] = replace(record, state=State.LATE)
    return list(records.values())
