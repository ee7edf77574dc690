"""Whatever the chart renders is accepted by helm's linter, Kubernetes' schemas and the operators' types."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.brokers.fixtures import without_broker
from tests.brokers.kafka_process import java_command
from tests.brokers.provision import BrokerUnavailable, maven_jars
from tests.deployment.rendered import CHART, OPERATOR_APIS, SCENARIOS, Manifest, render
from tests.tools.checkers import checkers, run
from tests.validators.node import run_script

KUBERNETES: Final = ("1.27", "1.37")
"""The oldest that Chart.yaml allows, and the newest that there are schemas of."""
STRIMZI: Final = "kafka.strimzi.io/v1"
HERE: Final = Path(__file__).parent


def kubernetes_errors(manifests: Sequence[Manifest], folder: Path) -> str:
    """What strict validation says of Kubernetes' own kinds; a kind that it does not know is an error too."""
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump_all(manifests))
    versions = [word for version in KUBERNETES for word in ("-k", version)]
    done = checkers().python("-m", "kubernetes_validate", "--strict", "--quiet", *versions, path)
    return done.stdout + done.stderr


def operator_errors(manifests: Sequence[Manifest]) -> str:
    """What the schemas (values) and the types (unknown keys) of the operators' kinds say."""
    return run_script("custom_resources.cjs", given=json.dumps(manifests))


def strimzi_errors(jars: Path, manifests: Sequence[Manifest]) -> str:
    """What Strimzi's own model does not know of its resources."""
    program = HERE / "strimzi" / "StrimziKinds.java"
    done = run([java_command(), "-cp", f"{jars}/*", program], given=json.dumps(manifests))
    return done.stdout if done.returncode == 0 else done.stderr


@pytest.fixture(scope="module")
def strimzi_jars() -> Path:
    try:
        return maven_jars(HERE / "strimzi" / "pom.xml", "strimzi")
    except BrokerUnavailable as reason:
        without_broker(str(reason))


def parted(manifests: Sequence[Manifest]) -> tuple[list[Manifest], list[Manifest], list[Manifest]]:
    """Kubernetes' own, those of operators that publish types, and Strimzi's."""
    own = [m for m in manifests if m["apiVersion"] not in OPERATOR_APIS]
    typed = [
        m for m in manifests if m["apiVersion"] in OPERATOR_APIS and m["apiVersion"] != STRIMZI
    ]
    return own, typed, [m for m in manifests if m["apiVersion"] == STRIMZI]


@pytest.mark.parametrize("values", SCENARIOS, ids=lambda path: path.stem)
def test_chart_lints_strictly(values: Path) -> None:
    done = run([checkers().helm, "lint", "--strict", CHART, "--values", values])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("values", SCENARIOS, ids=lambda path: path.stem)
def test_every_scenario_renders_what_cluster_and_operators_accept(
    values: Path, tmp_path: Path
) -> None:
    own, typed, _ = parted(render(values))
    assert kubernetes_errors(own, tmp_path) == ""
    assert operator_errors(typed) == ""


def test_scenarios_render_every_kind_of_the_operators() -> None:
    found = {m["kind"] for values in SCENARIOS for m in render(values)}
    assert found >= {
        "ScaledObject", "ServiceMonitor", "PodMonitor", "PrometheusRule", "KafkaTopic", "KafkaUser",
    }  # fmt: skip


def test_validators_find_wrong_values_and_unknown_keys(tmp_path: Path) -> None:
    own, typed, _ = parted(render({"profiler": {"autoscaling": {"enabled": True}}}))
    for manifest in own:
        manifest["spec" if "spec" in manifest else "metadata"]["surplus"] = 1
    found = kubernetes_errors(own, tmp_path)
    assert found.count("ERROR") == len(own) * len(KUBERNETES), found
    (scaled,) = typed
    scaled["spec"]["surplus"] = 1
    assert '"surplus"' in operator_errors(typed)
    scaled["spec"]["minReplicaCount"] = "one"
    assert "minReplicaCount must be integer" in operator_errors(typed)


def test_strimzi_knows_everything_in_its_resources(strimzi_jars: Path) -> None:
    strimzi = parted(render(CHART / "ci" / "strimzi-values.yaml"))[2]
    assert strimzi_errors(strimzi_jars, strimzi) == ""
    topic, *_, user = sorted(strimzi, key=lambda manifest: str(manifest["kind"]))
    topic["spec"]["surplus"] = 1
    user["spec"]["authorization"]["acls"][0]["operations"] = ["Reed"]
    key, value = sorted(strimzi_errors(strimzi_jars, strimzi).splitlines())
    assert key.endswith("Spec: unknown surplus")
    assert value.endswith("Operations: unknown value")
