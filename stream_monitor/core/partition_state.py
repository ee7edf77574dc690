"""What a detector holds of one deltas partition: the chain, unmarked deltas, and its models' states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from stream_monitor.core.chain import Chain, Link
from stream_monitor.core.errors import StreamMonitorError, UnreadableBytes
from stream_monitor.core.input_schema import InputHealth, InputSchemaChange
from stream_monitor.core.model_state import ModelState
from stream_monitor.core.results import Output
from stream_monitor.core.watermarks import FLUSHED_US, topic_watermark_us
from stream_monitor.core.wire import EncodedDelta, Marker, decode_record

_MICRO = 1_000_000


class UnknownReference(StreamMonitorError):
    """A delta counts by a reference that has not been read yet: read the references topic, then retry."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A marker whose source ranges left a gap or overlapped, as read in one deltas partition."""

    marker: Marker
    partition: int


@dataclass
class PartitionState:
    """Deltas wait for their commit's marker; a marker merges them and moves time.

    `unmarked` keeps them by commit with the offset of the first, so that a restart reads them again.
    `inputs` holds how readable each model's records are; in partition 0 also, as "", those of no model.
    `changed_inputs` names those that changed since they were last written.
    """

    inference_topic: str
    labels_topic: str
    models: dict[str, ModelState]
    chain: Chain = field(default_factory=lambda: Chain({}))
    partitions: Mapping[str, int] = field(default_factory=dict)
    unmarked: dict[tuple[str, int], tuple[int, tuple[EncodedDelta, ...]]] = field(
        default_factory=dict
    )
    unreadable: int = 0
    partition: int = 0
    inputs: dict[str, InputHealth] = field(default_factory=dict)
    changed_inputs: set[str] = field(default_factory=set)

    def fork(self) -> PartitionState:
        """A copy that can be changed and thrown away."""
        models = {name: model.fork() for name, model in self.models.items()}
        return replace(
            self,
            models=models,
            unmarked=dict(self.unmarked),
            inputs=dict(self.inputs),
            changed_inputs=set(self.changed_inputs),
        )

    def add(self, offset: int, record: bytes, tolerant: bool = False) -> list[Violation]:
        """Takes one record of the deltas topic; returns the violation that it showed, if any.

        Raises UnknownReference, with nothing taken, unless `tolerant`.
        """
        try:
            decoded = decode_record(record)
        except UnreadableBytes:
            self.unreadable += 1
            return []
        if isinstance(decoded, EncodedDelta):
            if not tolerant:
                self._require_layout(decoded)
            commit = (decoded.epoch, decoded.sequence)
            first, waiting = self.unmarked.get(commit, (offset, ()))
            self.unmarked[commit] = (first, (*waiting, decoded))
            return []
        return self._mark(decoded)

    def _require_layout(self, delta: EncodedDelta) -> None:
        model = self.models.get(delta.key.model)
        if model and model.catalogue.layout(model.spec, delta.key.profile_id) is None:
            raise UnknownReference(delta.key.profile_id)

    def _mark(self, marker: Marker) -> list[Violation]:
        _, deltas = self.unmarked.pop((marker.epoch, marker.sequence), (0, ()))
        for commit in [c for c in self.unmarked if c[0] == marker.epoch and c[1] < marker.sequence]:
            del self.unmarked[commit]
        link = self.chain.check(marker)
        is_cut = len(deltas) < marker.deltas
        if link is Link.NEXT and len(deltas) != marker.deltas:
            link = Link.VIOLATION
        if link is not Link.DUPLICATE:
            self._count_rejected(marker)
            self._doubt(marker, is_cut)
        self.chain = self.chain.extended(marker, link)
        self.partitions = {**self.partitions, **dict(marker.partitions)}
        if link is Link.DUPLICATE:
            return []
        for delta in deltas:
            self._merge(delta, is_exact=link is Link.NEXT)
        return [Violation(marker, self.partition)] if link is Link.VIOLATION else []

    def _count_rejected(self, marker: Marker) -> None:
        """At the time up to which was read before: what the commit brought came after it."""
        at_s = self._watermark_s(self.inference_topic)
        for name, dead, records in marker.rejected:
            if records and (name in self.models or (not name and not self.partition)):
                health = self.inputs.get(name, InputHealth())
                self.inputs[name] = health.counted(at_s, dead, records)
                self.changed_inputs.add(name)

    def _doubt(self, marker: Marker, is_cut: bool) -> None:
        """No window in which a marker may have lost events is exact, of whatever model."""
        for from_us, to_us in self.chain.gaps(marker, self.inference_topic, is_cut):
            for model in self.models.values():
                model.doubt(0 if from_us is None else from_us // _MICRO, to_us // _MICRO)

    def _merge(self, encoded: EncodedDelta, is_exact: bool) -> None:
        model = self.models.get(encoded.key.model)
        try:
            layout = model.catalogue.layout(model.spec, encoded.key.profile_id) if model else None
            if model is None or layout is None:
                raise UnreadableBytes(f"nothing here counts by profile id {encoded.key.profile_id}")
            model.add(encoded.decode(layout), is_exact)
        except UnreadableBytes:
            self.unreadable += 1

    def advance(self) -> list[tuple[str, Output]]:
        """Moves every model to the watermarks of the chain; returns (model, output) of what closed."""
        reached = self._watermark_s(self.inference_topic)
        outputs: list[tuple[str, Output]] = []
        for name, model in sorted(self.models.items()):
            hold_s = model.spec.max_hold_s
            inference = self._watermark_s(self.inference_topic, hold_s)
            labels = self._watermark_s(self.labels_topic, hold_s)
            if inference is None:
                continue
            label_watermark = min(inference, labels) if labels is not None else 0
            found = model.advance(inference, label_watermark, 0 if reached is None else reached)
            outputs += [(name, output) for output in found]
        return outputs

    def judge_inputs(self) -> list[tuple[str, InputSchemaChange]]:
        """(model, change) of every model whose records can no longer, or again, be read."""
        watermark_s = self._watermark_s(self.inference_topic)
        changes: list[tuple[str, InputSchemaChange]] = []
        for name, health in sorted(self.inputs.items()):
            judged, found = health.judged(watermark_s)
            if judged != health:
                self.inputs[name] = judged
                self.changed_inputs.add(name)
            changes += [(name, change) for change in found]
        return changes

    def _watermark_s(self, topic: str, max_hold_s: int | None = None) -> int | None:
        mark = topic_watermark_us(
            self.chain.progress.values(),
            topic,
            self.partitions.get(topic, 0),
            None if max_hold_s is None else max_hold_s * _MICRO,
        )
        return None if mark is None else mark // _MICRO

    @property
    def is_flushed(self) -> bool:
        """Whether every source partition has ended for good."""
        topics = (self.inference_topic, self.labels_topic)
        marks = [
            topic_watermark_us(self.chain.progress.values(), topic, self.partitions.get(topic, 0))
            for topic in topics
        ]
        return all(mark == FLUSHED_US for mark in marks)

    def resume_offset(self, position: int) -> int:
        """The offset to commit: the first unmarked delta, or the position."""
        return min([position, *(first for first, _ in self.unmarked.values())])
