"""Volume: how many events a window has, against windows at the same time of the week."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stream_monitor.core.comparison import Comparison
from stream_monitor.core.drift.window_null import predictive_p_in_slot
from stream_monitor.core.plain_comparison import plain_comparison
from stream_monitor.core.policy import VOLUME, Aspect, SubjectKind
from stream_monitor.core.references import WindowProfile
from stream_monitor.core.verdicts import LEAST_DOF, Measurement
from stream_monitor.core.windows import WindowSize


def compare_volume(
    window: WindowProfile, history: Sequence[WindowProfile], size: WindowSize
) -> Comparison:
    """The events of a window beside those of earlier windows, on a logarithmic scale.

    The null is predictive_p_in_slot on ln events: residuals around the mean of the same hour of the week
    (of the same weekday for windows of a day, of all windows for longer ones). The effect is how many
    times more or fewer events there are than usual there, less one: 0.5 is half more, or a third fewer.
    Without windows at this time of the week, or with too few in all, nothing can be judged.
    """
    slots = np.array([size.slot_of(w.window) for w in history], dtype=np.int64)
    slot = size.slot_of(window.window)
    events = np.array([max(1, w.events) for w in history], dtype=np.float64)
    now = max(1, window.events)
    same = events[slots == slot] if len(events) else events
    usual = float(np.exp(np.log(same).mean())) if len(same) else None
    p = float("nan")
    if usual is not None:
        logs = np.log(events).reshape(-1, 1)
        p = float(predictive_p_in_slot(np.log([float(now)]), logs, slots, slot, LEAST_DOF)[0])
    ratio = now / usual if usual else 1.0
    is_judged = bool(np.isfinite(p))
    measurement = Measurement(
        Aspect.VOLUME,
        "predictive_t",
        ratio,
        p if is_judged else 1.0,
        p if is_judged else None,
        max(ratio, 1 / ratio) - 1,
        0.0 if is_judged else 1.0,
    )
    rows = (window.events, sum(w.events for w in history))
    return plain_comparison(
        VOLUME, SubjectKind.TRAFFIC, rows, len(history), (measurement,),
        {"volume_ratio": ratio if usual else None},
        {"events": float(window.events), "usual_events": usual},
    )  # fmt: skip
