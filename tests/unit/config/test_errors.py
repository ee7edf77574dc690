from __future__ import annotations

import pytest

from stream_monitor.config.errors import ConfigError
from stream_monitor.config.loading import load_config
from stream_monitor.core.errors import StreamMonitorError
from tests.unit.config.conftest import Write


def problems(write: Write, monitor: str = "", environ: dict[str, str] | None = None,
             **models: str) -> list[str]:  # fmt: skip
    path = write(monitor, **models)
    with pytest.raises(ConfigError) as caught:
        load_config(path, environ or {})
    assert isinstance(caught.value, StreamMonitorError)
    assert caught.value.__context__ is None
    return [str(p).replace(f"{path.parent}/", "") for p in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("profiler: {strat: latest}", "profiler.strat is not known: did you mean start? Allowed: "
         "commit_interval, dead_letter_payload,"),
        ("profilers: {}", "profilers is not known: did you mean profiler? Allowed: alarm_budget,"),
        ("zzz: 1", "zzz is not known: Allowed: alarm_budget,"),
        ("profiler: {commit_interval: 5}",
         "profiler.commit_interval must be a duration such as 30s, 5m, 1h, 1d or 2w, not 5"),
        ("profiler: {commit_interval: 0s}",
         "profiler.commit_interval must be greater than 0, not '0s'"),
        ("profiler: {max_bytes: big}",
         "profiler.max_bytes must be a size such as 500kB, 16MB or 1GiB, not 'big'"),
        ("profiler: {max_record_bytes: 1GB}",
         "profiler.max_record_bytes must not be larger than max_bytes"),
        ("detector: {membership: fixed}",
         "detector.membership must be 'static' or 'dynamic', not 'fixed'"),
        ("topics: {partitions: many}", "topics.partitions must be a whole number, not 'many'"),
        ("topics: {partitions: 0}", "topics.partitions must be at least 1, not 0"),
        ("topics: {inference: a b}",
         "topics.inference must be 1 to 200 letters, digits, dots, - or _, not 'a b'"),
        ("topics: {labels: inference}",
         "topics.labels must be a topic of its own; inference is used already"),
        ("alarm_budget: {max_alpha: 1}", "alarm_budget.max_alpha must be less than 1"),
        ("log: info", "log must be a mapping of keys to values, not 'info'"),
        ("kafka: localhost", "kafka must be a mapping of librdkafka settings"),
        ("kafka: {bootstrap.servers: [a]}",
         "kafka.bootstrap.servers must be text, a number, true or false"),
        ("name: ${UNSET}", "name needs the environment variable UNSET, which is not set: set it"),
        ("time: live\ntime: history", "time is given twice, again on line 2: keep one"),
    ],
)  # fmt: skip
def test_monitor_mistake_names_file_key_and_what_is_allowed(
    write: Write, text: str, expected: str
) -> None:
    found = problems(write, text)
    assert len(found) == 1
    assert found[0].startswith(f"monitor.yaml: {expected}")


SHORT = "features: {distance: numeric}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{SHORT}windows: [{{size: 1h}}, {{size: 5 minutes}}]",
         "windows[1].size must be a length such as 1h, 1d, 1w or 1mo, not '5 minutes'"),
        (f"{SHORT}windows: [{{timezone: UTC}}]", "windows[0].size is missing"),
        (f"{SHORT}windows: [{{size: 1h, timzone: UTC}}]",
         "windows[0].timzone is not known: did you mean timezone? Allowed: early, k, n,"),
        (f"{SHORT}windows: [{{size: 1h, timezone: America/NewYork}}]",
         "windows[0].timezone must be a time zone such as America/New_York, not"),
        (f"{SHORT}windows: [{{size: 1h, origin: monday}}]",
         "windows[0].origin must be a date such as 1970-01-01, not 'monday'"),
        (f"{SHORT}windows: [{{size: 1 month}}]",
         "windows[0].size must be a length such as 1h, 1d, 1w or 1mo, not '1 month'"),
        (f"{SHORT}windows: [{{size: 1mo, origin: 2024-01-31}}]",
         "windows[0].origin does not fit: window 1mo: the origin must be a day that every month has"),
        (f"{SHORT}outcomes: {{label: {{horizon: 1mo}}}}",
         "outcomes.label.horizon must be a duration such as 30s, 5m, 1h, 1d or 2w, not '1mo'"),
        (f"{SHORT}windows: [{{size: 1h, k: 3, n: 2}}]",
         "windows[0].k must be at most n, which is 2"),
        (f"{SHORT}windows: []", "windows must not be empty"),
        (f"{SHORT}windows: [{{size: 1d}}, {{size: 24h}}]",
         "windows must differ from one another; 1d is there twice"),
        (f"{SHORT}pane: 7m\nwindows: [{{size: 1d}}]",
         "windows[0].size does not fit: window 1d in UTC does not start on a multiple of the pane"),
        ("owner: me", "features must name at least one feature"),
        ("features: {distance: number}",
         "features.distance.kind must be 'numeric' or 'categorical', not 'number'"),
        ("features: {distance: {kind: numeric, flor: 0.1}}",
         "features.distance.flor is not known: did you mean floor? Allowed: critical_floor,"),
        ("features: {carrier: {kind: categorical, test: ks}}",
         "features.carrier.test must be chi_square or none: ks orders values"),
        ("features: {distance: {kind: numeric, floor: 0.2, critical_floor: 0.1}}",
         "features.distance.critical_floor must be at least floor, which is 0.2"),
        ("features: {prediction.score: numeric}",
         "features.prediction.score cannot begin with prediction.: set prediction.kind"),
        (f"{SHORT}prediction: clas",
         "prediction.kind must be 'class', 'number' or 'none', not 'clas'"),
        (f"{SHORT}prediction: {{kind: class, value: {{floor: 0.1}}}}",
         "prediction.value is judged only where prediction.kind is number"),
        (f"{SHORT}prediction: {{kind: class, label: {{test: ks}}}}",
         "prediction.label.test must be chi_square or none"),
        (f"{SHORT}references: {{validation: false}}",
         "references must use at least one of validation"),
        (f"{SHORT}outcomes: {{label: {{classes: [a]}}}}",
         "outcomes.label.classes must list at least two different classes"),
        (f"{SHORT}outcomes: {{label: {{classes: [a, b], positive: c}}}}",
         "outcomes.label.positive must be one of a, b"),
        (f"{SHORT}outcomes: {{label: {{kind: number, classes: [a, b]}}}}",
         "outcomes.label.classes is for kind class only"),
        (f"{SHORT}segments: [origin, origin]",
         "segments must differ from one another; origin is there twice"),
        (f"{SHORT}columns: {{features: {{distanc: d}}}}",
         "columns.features.distanc is none of the model's features: did you mean distance? "
         "Allowed: distance"),
        (f"{SHORT}columns: {{segments: {{origin: d}}}}",
         "columns.segments.origin is none of the model's segments: Allowed: none"),
    ],
)  # fmt: skip
def test_model_mistake_names_file_key_and_what_is_allowed(
    write: Write, text: str, expected: str
) -> None:
    found = problems(write, churn=text)
    assert len(found) == 1
    assert found[0].startswith(f"models/churn.yaml: {expected}")


def test_all_mistakes_of_all_model_files_come_at_once(write: Write) -> None:
    found = problems(
        write,
        a="pan: 5m\nfeatures: {x: number, y: numeric}\nallowed_lateness: ${UNSET}\n",
        b="features: {x: numeric}\npane: 5\n",
    )
    assert [line.split(" ")[:2] for line in found] == [
        ["models/a.yaml:", "allowed_lateness"],
        ["models/a.yaml:", "features.x.kind"],
        ["models/a.yaml:", "pan"],
        ["models/b.yaml:", "pane"],
    ]


def test_mistake_in_the_environment_names_the_variable(write: Write) -> None:
    environ = {"STREAM_MONITOR__METRICS__PRT": "1", "STREAM_MONITOR__LOG__LEVEL": "loud"}
    assert problems(write, "metrics: {port: 1}", environ) == [
        "environment: STREAM_MONITOR__METRICS__PRT (metrics.prt) is not known: "
        "did you mean port? Allowed: host, port",
        "environment: STREAM_MONITOR__LOG__LEVEL (log.level) must be "
        "'debug', 'info', 'warning' or 'error', not 'loud'",
    ]


def test_several_problems_are_counted_and_listed(write: Write) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write("a: 1\nb: 2\n"), {})
    lines = str(caught.value).splitlines()
    assert lines[0] == "2 problems in the configuration"
    assert len(lines) == 3


@pytest.mark.parametrize(
    "text", ["a: [1", "a: *b", "a: !python/object:x {}", "a: !!int x", "- a", "a: '"]
)
def test_broken_yaml_is_named_by_file(write: Write, text: str) -> None:
    assert problems(write, text)[0].startswith("monitor.yaml ")
