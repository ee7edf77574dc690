"""Whatever the chart renders is accepted by helm's linter, Kubernetes' schemas and the operators' types."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.brokers.kafka_process import java_command
from tests.brokers.provision import BrokerUnavailable, maven_jars
from tests.deployment.rendered import CHART, OPERATOR_APIS, SCENARIOS, Manifest, render
from tests.tools.fixtures import without_tools
from tests.tools.provision import Tools, run

KUBERNETES: Final = ("1.27", "1.37")
"""The oldest that Chart.yaml allows, and the newest that there are schemas of."""
STRIMZI: Final = "kafka.strimzi.io/v1"
PACKAGES: Final = {"keda.sh": "keda", "monitoring.coreos.com": "prometheus-operator"}
HERE: Final = Path(__file__).parent


def kubernetes_errors(tools: Tools, manifests: Sequence[Manifest], folder: Path) -> str:
    """What strict validation says of Kubernetes' own kinds; a kind that it does not know is an error too."""
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump_all(manifests))
    versions = [word for version in KUBERNETES for word in ("-k", version)]
    done = tools.python("-m", "kubernetes_validate", "--strict", "--quiet", *versions, path)
    return done.stdout + done.stderr


def operator_errors(tools: Tools, manifests: Sequence[Manifest], folder: Path) -> str:
    """What the schemas (values) and the types (unknown keys) of the operators' kinds say."""
    validator = [tools.node, HERE / "custom_resources.mjs", tools.folder]
    values = run(validator, given=json.dumps(manifests))
    lines = []
    for number, manifest in enumerate(manifests):
        group, version = manifest["apiVersion"].split("/")
        kind = manifest["kind"]
        models = tools.folder / "node_modules" / "@kubernetes-models" / PACKAGES[group]
        lines += [
            f'import type {{ I{kind} as T{number} }} from "{models / group / version / kind}";',
            f"export const m{number}: T{number} = {json.dumps(manifest)};",
        ]
    path = folder / "manifests.ts"
    path.write_text("\n".join(lines))
    compiler = tools.folder / "node_modules" / "typescript" / "bin" / "tsc"
    options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "esnext"]
    keys = run([tools.node, compiler, *options, "--moduleResolution", "bundler", path])
    return values.stdout + values.stderr + keys.stdout


def strimzi_errors(manifests: Sequence[Manifest]) -> str:
    """What Strimzi's own model does not know of its resources."""
    try:
        jars = maven_jars(HERE / "strimzi" / "pom.xml", "strimzi")
    except BrokerUnavailable as reason:
        without_tools(str(reason))
    program = HERE / "strimzi" / "StrimziKinds.java"
    done = run([java_command(), "-cp", f"{jars}/*", program], given=json.dumps(manifests))
    return done.stdout if done.returncode == 0 else done.stderr


def parted(manifests: Sequence[Manifest]) -> tuple[list[Manifest], list[Manifest], list[Manifest]]:
    """Kubernetes' own, those of operators that publish types, and Strimzi's."""
    own = [m for m in manifests if m["apiVersion"] not in OPERATOR_APIS]
    typed = [
        m for m in manifests if m["apiVersion"] in OPERATOR_APIS and m["apiVersion"] != STRIMZI
    ]
    return own, typed, [m for m in manifests if m["apiVersion"] == STRIMZI]


@pytest.mark.parametrize("values", SCENARIOS, ids=lambda path: path.stem)
def test_chart_lints_strictly(tools: Tools, values: Path) -> None:
    done = run([tools.helm, "lint", "--strict", CHART, "--values", values])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("values", SCENARIOS, ids=lambda path: path.stem)
def test_every_scenario_renders_what_cluster_and_operators_accept(
    tools: Tools, values: Path, tmp_path: Path
) -> None:
    own, typed, strimzi = parted(render(tools, values))
    assert kubernetes_errors(tools, own, tmp_path) == ""
    if typed:
        assert operator_errors(tools, typed, tmp_path) == ""
    if strimzi:
        assert strimzi_errors(strimzi) == ""


def test_scenarios_render_every_kind_of_the_operators(tools: Tools) -> None:
    found = {m["kind"] for values in SCENARIOS for m in render(tools, values)}
    assert found >= {
        "ScaledObject", "ServiceMonitor", "PodMonitor", "PrometheusRule", "KafkaTopic", "KafkaUser",
    }  # fmt: skip


def test_validators_find_wrong_values_and_unknown_keys(tools: Tools, tmp_path: Path) -> None:
    own, typed, _ = parted(render(tools, {"profiler": {"autoscaling": {"enabled": True}}}))
    for manifest in own:
        manifest["spec" if "spec" in manifest else "metadata"]["surplus"] = 1
    found = kubernetes_errors(tools, own, tmp_path)
    assert found.count("ERROR") == len(own) * len(KUBERNETES), found
    (scaled,) = typed
    scaled["spec"]["surplus"] = 1
    assert '"surplus"' in operator_errors(tools, typed, tmp_path)
    scaled["spec"]["minReplicaCount"] = "one"
    assert "minReplicaCount must be integer" in operator_errors(tools, typed, tmp_path)


def test_unknown_keys_and_values_of_strimzi_are_found(tools: Tools) -> None:
    strimzi = parted(render(tools, CHART / "ci" / "strimzi-values.yaml"))[2]
    topic, *_, user = sorted(strimzi, key=lambda manifest: str(manifest["kind"]))
    topic["spec"]["surplus"] = 1
    user["spec"]["authorization"]["acls"][0]["operations"] = ["Reed"]
    found = strimzi_errors(strimzi).splitlines()
    assert len(found) == 2, found
    assert any(line.endswith("Spec: unknown surplus") for line in found)
    assert any(line.endswith("Operations: unknown value") for line in found)
