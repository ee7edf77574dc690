"""Two small models judged by the real core: what a detector holds after six quiet and six drifting hours."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from stream_monitor.core.chain import Chain
from stream_monitor.core.measuring import follow
from stream_monitor.core.model_state import ModelState
from stream_monitor.core.partition_state import PartitionState
from stream_monitor.core.policy import ModelSpec
from stream_monitor.core.published import to_json
from stream_monitor.core.records import TopicPartition
from stream_monitor.core.reference_catalogue import ReferenceCatalogue
from stream_monitor.core.references import build_reference
from stream_monitor.core.replaying import replay_rows
from stream_monitor.core.results import DriftEvent
from stream_monitor.core.schema import (
    PREDICTED_LABEL,
    PREDICTED_SCORE,
    PREDICTED_VALUE,
    Feature,
    FeatureKind,
    Outcome,
    OutcomeKind,
    Schema,
)
from stream_monitor.core.tables import ColumnMapping, TableRows, read_rows
from stream_monitor.core.windows import WindowSize
from stream_monitor.services.status import ServiceStatus

HOUR_S = 3_600
MONDAY_S = 1_767_571_200
NOW_S = MONDAY_S + 12 * HOUR_S
NUMERIC, CATEGORICAL = FeatureKind.NUMERIC, FeatureKind.CATEGORICAL
INPUTS = (Feature("amount", NUMERIC), Feature("age", NUMERIC), Feature("country", CATEGORICAL))

LOANS = ModelSpec(
    "loans",
    Schema((*INPUTS, Feature(PREDICTED_LABEL, CATEGORICAL), Feature(PREDICTED_SCORE, NUMERIC))),
    outcomes=(Outcome("repaid", classes=("no", "yes"), positive="no", horizon_s=2 * HOUR_S),),
    segment_keys=("channel",),
    pane_s=HOUR_S,
    windows=(WindowSize(HOUR_S), WindowSize(6 * HOUR_S)),
    correction_horizon_s=0,
    owner="credit",
    tier="1",
)
PRICES = ModelSpec(
    "prices",
    Schema((*INPUTS, Feature(PREDICTED_VALUE, NUMERIC))),
    outcomes=(Outcome("price", OutcomeKind.NUMBER, horizon_s=2 * HOUR_S),),
    pane_s=HOUR_S,
    windows=(WindowSize(HOUR_S),),
    owner="sales",
    tier="2",
)


def events(seed: int, first_hour: int, hours: int, moved: float = 0.0) -> pa.Table:
    """200 events an hour; `moved` shifts amounts, by as many standard deviations, and adds a country."""
    rng = np.random.default_rng(seed)
    n = 200 * hours
    score = rng.random(n)
    label = np.where(rng.random(n) < score, "no", "yes")
    country = rng.choice(["DE", "FR", "US"], n).astype(object)
    country[rng.random(n) < moved / 10] = "XX"
    price = rng.normal(100, 10, n)
    return pa.table(
        {
            "timestamp": MONDAY_S + first_hour * HOUR_S + np.arange(n) * (HOUR_S // 200),
            "model_version": np.where(rng.random(n) < 0.3, "2", "1"),
            "amount": pa.array(rng.normal(50 + 20 * moved, 20, n), mask=rng.random(n) < 0.02),
            "age": rng.integers(18, 90, n).astype(float),
            "country": country,
            "channel": rng.choice(["app", "web"], n),
            "predicted_label": np.where(score > 0.5, "no", "yes"),
            "score": score,
            "predicted_value": price,
            "label": label,
            "price": (price + rng.normal(1, 5, n)).astype(str),
            "latency_ms": rng.gamma(2, 10, n),
            "status": rng.choice([200, 503], n, p=[0.98, 0.02]),
        }
    )


def rows_of(spec: ModelSpec, table: pa.Table) -> TableRows:
    is_class = spec is LOANS
    mapping = ColumnMapping(
        model_version="model_version",
        predicted_label="predicted_label" if is_class else None,
        score="score" if is_class else None,
        predicted_value=None if is_class else "predicted_value",
        label="label" if is_class else "price",
        latency_ms="latency_ms",
        status="status",
    )
    return read_rows(table, mapping, spec)


def judged(spec: ModelSpec) -> tuple[ModelState, list[str]]:
    """The model's state with its newest records and incidents, and the statuses of its drift events."""
    catalogue = ReferenceCatalogue()
    reference = rows_of(spec, events(seed=1, first_hour=-36, hours=36)).events
    catalogue.add(build_reference(spec, [reference], version="1"))
    live = pa.concat_tables([events(2, 0, 6), events(3, 6, 6, moved=1.0)])
    state = ModelState(spec, "test", catalogue, late_dropped=3)
    statuses = []
    for output in replay_rows(rows_of(spec, live), spec, catalogue):
        record = to_json(output, spec.name)
        if isinstance(output, DriftEvent):
            statuses.append(str(record["status"]))
        else:
            state.note(record)
            follow(state, output)
    return state, statuses


def held_partitions() -> dict[int, PartitionState]:
    """The states of a detector's two partitions, a model each."""
    chain = Chain({}, violations=1, duplicates=2)
    return {
        partition: PartitionState(
            "inference", "labels", {spec.name: judged(spec)[0]}, chain, unreadable=partition
        )
        for partition, spec in enumerate((LOANS, PRICES))
    }


def detector_status() -> ServiceStatus:
    status = ServiceStatus(
        "detector", "d-0", last_step_s=NOW_S, is_restored=True, models_loaded_s=NOW_S
    )
    status.counts.update({("consumed", "sm.deltas"): 60, ("published",): 90})
    status.counts["events", "loans", "opened"] = 2
    status.lag_records[TopicPartition("sm.deltas", 0)] = 0
    status.committed(0.25, NOW_S - 1)
    return status


def profiler_status() -> ServiceStatus:
    """Every count that a profiler keeps; partition 0 is 90 s behind, partition 1 read to its end."""
    status = ServiceStatus(
        "profiler", "p-0", last_step_s=NOW_S, is_restored=True, models_loaded_s=NOW_S
    )
    status.counts.update(
        {
            ("consumed", "inference"): 1_004,
            ("records", "inference", "valid"): 1_000,
            ("records", "inference", "duplicate"): 1,
            ("records", "inference", "dead"): 2,
            ("records", "inference", "tombstone"): 1,
            ("replayed", "inference"): 7,
            ("miskeyed", "inference"): 0,
            ("without_timestamp", "loans"): 4,
            ("labels", "matched"): 900,
            ("dead_letters", "malformed"): 2,
            ("aborts",): 1,
        }
    )
    for partition, (lag, age_s) in enumerate([(500, 90), (0, 60)]):
        tp = TopicPartition("inference", partition)
        status.lag_records[tp] = lag
        status.watermark_us[tp] = (NOW_S - age_s) * 1_000_000
    status.pending_predictions = 100
    status.committed(0.5, NOW_S - 2)
    status.committed(1.0, NOW_S - 1)
    return status
