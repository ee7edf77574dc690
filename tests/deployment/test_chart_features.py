"""Each feature of the chart: what it adds when it is on, that it is off by default, and what refuses it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from stream_monitor.alerting.rules import rules_yaml
from stream_monitor.config.loading import load_config
from stream_monitor.config.monitor import MonitorConfig
from stream_monitor.services.access import grants
from stream_monitor.services.topics import owned_topics
from tests.deployment.rendered import (
    CHART,
    ROOT,
    SCENARIOS,
    STAGES,
    Manifest,
    NotRendered,
    Pod,
    container,
    of_kind,
    render,
    workload,
)

ON: Final[dict[str, dict[str, Any]]] = {
    "profiler": {"profiler": {"autoscaling": {"enabled": True}}},
    "detector": {"detector": {"autoscaling": {"enabled": True}}},
    "networkPolicy": {"networkPolicy": {"enabled": True}},
    "serviceMonitor": {"serviceMonitor": {"enabled": True}},
    "podMonitor": {"podMonitor": {"enabled": True}},
    "prometheusRule": {"prometheusRule": {"enabled": True}},
    "dashboards": {"dashboards": {"enabled": True}},
    "strimzi.topics": {"strimzi": {"cluster": "events", "topics": {"enabled": True}}},
    "strimzi.users": {"strimzi": {"cluster": "events", "users": {"enabled": True}}},
}
ADDED: Final = {
    "profiler": {"ScaledObject": 1},
    "detector": {"ScaledObject": 1},
    "networkPolicy": {"NetworkPolicy": 1},
    "serviceMonitor": {"ServiceMonitor": 1},
    "podMonitor": {"PodMonitor": 1},
    "prometheusRule": {"PrometheusRule": 1},
    "dashboards": {"ConfigMap": 2 + len(list((CHART / "files" / "dashboards").iterdir()))},
    "strimzi.topics": {"KafkaTopic": 6},
    "strimzi.users": {"KafkaUser": 3},
}
ALWAYS: Final = {
    "ConfigMap": 2, "Job": 1, "Pod": 1, "PodDisruptionBudget": 2, "Service": 1, "StatefulSet": 2,
}  # fmt: skip


def kinds(manifests: list[Manifest]) -> dict[str, int]:
    return {kind: len(of_kind(manifests, kind)) for kind in {m["kind"] for m in manifests}}


def settings(manifests: list[Manifest], folder: Path) -> MonitorConfig:
    """The rendered monitor.yaml as the services load it."""
    pod = Pod(manifests, "profiler", 0, folder)
    return load_config(pod.config, {"KAFKA_PASSWORD": "secret", **pod.environment}).monitor


@pytest.fixture
def chart_with_files(tmp_path: Path) -> Path:
    """A copy of the chart that holds a rule and a dashboard of its own."""
    chart = tmp_path / "chart"
    shutil.copytree(CHART, chart, ignore=shutil.ignore_patterns("files"))
    (chart / "files" / "dashboards").mkdir(parents=True)
    rule = {
        "alert": "Drift",
        "expr": "x > 1",
        "annotations": {"summary": "{{ $labels.model }} drifts"},
    }
    group = {"name": "packaged", "rules": [rule]}
    (chart / "files" / "alerting_rules.yml").write_text(yaml.safe_dump({"groups": [group]}))
    (chart / "files" / "dashboards" / "feature_drift.json").write_text('{"title": "{{feature}}"}\n')
    return chart


def test_defaults_render_the_services_and_nothing_of_an_operator() -> None:
    assert kinds(render(apis=())) == ALWAYS


@pytest.mark.parametrize("feature", ON)
def test_feature_adds_its_objects_and_takes_none_away(feature: str) -> None:
    assert kinds(render(ON[feature])) == ALWAYS | ADDED[feature]


@pytest.mark.parametrize(
    ("values", "gone"),
    [
        ({"topics": {"create": False}}, "Job"),
        ({s: {"podDisruptionBudget": {"enabled": False}} for s in STAGES}, "PodDisruptionBudget"),
    ],
    ids=["topics", "podDisruptionBudget"],
)
def test_feature_that_is_on_can_be_turned_off(values: dict[str, Any], gone: str) -> None:
    assert kinds(render(values)) == {k: n for k, n in ALWAYS.items() if k != gone}


@pytest.mark.parametrize("feature", sorted(set(ON) - {"networkPolicy", "dashboards"}))
def test_feature_of_an_operator_that_is_not_there_is_refused_with_what_to_do(feature: str) -> None:
    with pytest.raises(NotRendered, match=rf"{feature}.*enabled needs .* install its operator"):
        render(ON[feature], apis=())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"image": {"tag": "latest"}}, "tag"),
        ({"profiler": {"replica": 3}}, "replica"),
        ({"config": {"models": "elsewhere"}}, "models"),
        ({"config": {"kafka": {"sasl.password": "canary"}}}, "sasl.password"),
        ({"networkPolicy": {"kafkaPorts": [0]}}, "kafkaPorts"),
        (ON["serviceMonitor"] | ON["podMonitor"], "scrape every pod twice"),
        ({"prometheusRule": {"enabled": True, "rules": "groups: []"}}, "must be the text of a file"),
        ({"strimzi": {"topics": {"enabled": True}}}, "strimzi.cluster"),
        ({"detector": {"autoscaling": {"enabled": True, "maxReplicas": 7}}}, "would stay idle"),
    ],
)  # fmt: skip
def test_wrong_values_are_refused_by_name(values: dict[str, Any], message: str) -> None:
    with pytest.raises(NotRendered, match=message):
        render(values)


@pytest.mark.parametrize("values", SCENARIOS, ids=lambda path: path.stem)
def test_rendered_settings_are_taken_by_the_services(values: Path, tmp_path: Path) -> None:
    monitor = settings(render(values), tmp_path)
    assert (monitor.metrics.host, monitor.metrics.port) == ("0.0.0.0", 9108)
    assert monitor.models == tmp_path / "etc" / "stream-monitor" / "models"
    assert monitor.profiler.store == tmp_path / "var" / "lib" / "stream-monitor" / "pending"
    assert monitor.profiler.instance.endswith("-profiler-0")


@pytest.mark.parametrize("stage", STAGES)
def test_autoscaled_service_has_no_fixed_replicas_and_dynamic_membership(
    stage: str, tmp_path: Path
) -> None:
    manifests = render(ON[stage])
    monitor = settings(manifests, tmp_path)
    assert [getattr(monitor, s).membership == "dynamic" for s in STAGES] == [
        s == stage for s in STAGES
    ]
    assert ["replicas" in workload(manifests, s)["spec"] for s in STAGES] == [
        s != stage for s in STAGES
    ]
    (scaled,) = of_kind(manifests, "ScaledObject").values()
    assert (
        scaled["spec"]["scaleTargetRef"]["name"] == workload(manifests, stage)["metadata"]["name"]
    )
    read = {
        "profiler": {monitor.topics.inference, monitor.topics.labels},
        "detector": {monitor.topics.deltas},
    }
    triggers = [trigger["metadata"] for trigger in scaled["spec"]["triggers"]]
    assert {trigger["topic"] for trigger in triggers} == read[stage]
    assert {trigger["consumerGroup"] for trigger in triggers} == {f"{monitor.name}-{stage}"}


def test_strimzi_topics_are_those_that_topics_create_makes(tmp_path: Path) -> None:
    manifests = render(CHART / "ci" / "strimzi-values.yaml")
    found = [m["spec"] for m in of_kind(manifests, "KafkaTopic").values()]
    specs = owned_topics(settings(manifests, tmp_path).topics)
    assert sorted(found, key=lambda spec: str(spec["topicName"])) == sorted(
        (
            {
                "topicName": s.name, "partitions": s.partitions, "replicas": s.replication,
                "config": dict(s.config),
            }
            for s in specs
        ),
        key=lambda spec: str(spec["topicName"]),
    )  # fmt: skip


def test_strimzi_users_have_the_rights_of_their_roles_and_no_others(tmp_path: Path) -> None:
    values = yaml.safe_load((CHART / "ci" / "strimzi-values.yaml").read_text())
    manifests = render(values | {"topics": {"create": True}})
    monitor = settings(manifests, tmp_path)
    names = {"transactionalId": "transactional_id", "prefix": "prefixed"}
    for role in (*STAGES, "topics"):
        user = of_kind(manifests, "KafkaUser")[f"watch-stream-monitor-{role}"]
        found = {
            (
                names.get(acl["resource"]["type"], acl["resource"]["type"]),
                acl["resource"]["name"],
                names.get(acl["resource"]["patternType"], acl["resource"]["patternType"]),
                frozenset(acl["operations"]),
            )
            for acl in user["spec"]["authorization"]["acls"]
        }
        assert found == {
            (g.resource, g.name, g.pattern, frozenset(g.operations))
            for g in grants(monitor)
            if g.role == role
        }


def test_strimzi_users_sign_in_with_the_secret_that_the_operator_makes(tmp_path: Path) -> None:
    manifests = render(CHART / "ci" / "strimzi-values.yaml")
    kafka = settings(manifests, tmp_path).kafka.reveal()
    assert kafka["sasl.mechanism"] == "SCRAM-SHA-512"
    for stage in STAGES:
        running = container(manifests, stage)
        environment = {each["name"]: each for each in running["env"]}
        user = f"watch-stream-monitor-{stage}"
        assert environment["STREAM_MONITOR__KAFKA__SASL_USERNAME"]["value"] == user
        password = environment["STREAM_MONITOR__KAFKA__SASL_PASSWORD"]["valueFrom"]
        assert password == {"secretKeyRef": {"name": user, "key": "password"}}
        mounts = {str(tmp_path) + m["mountPath"]: m["name"] for m in running["volumeMounts"]}
        assert mounts[str(Path(kafka["ssl.ca.location"]).parent)] == "cluster-ca"


def test_network_policy_takes_the_brokers_ports_from_the_settings() -> None:
    values = {"config": {"kafka": {"bootstrap.servers": "a:9093,b:9094,c:9093"}}}
    (policy,) = of_kind(render(ON["networkPolicy"] | values), "NetworkPolicy").values()
    dns, kafka = policy["spec"]["egress"]
    assert [port["port"] for port in dns["ports"]] == [53, 53]
    assert [port["port"] for port in kafka["ports"]] == [9093, 9094]


def test_network_policy_selects_every_pod_that_talks_to_kafka() -> None:
    manifests = render(ON["networkPolicy"])
    (policy,) = of_kind(manifests, "NetworkPolicy").values()
    selector = policy["spec"]["podSelector"]
    (components,) = selector["matchExpressions"]
    for manifest in manifests:
        if manifest["kind"] in ("StatefulSet", "Job"):
            labels = manifest["spec"]["template"]["metadata"]["labels"]
            assert selector["matchLabels"].items() <= labels.items()
            assert labels[components["key"]] in components["values"]


def test_service_lists_the_services_pods_and_no_others() -> None:
    manifests = render()
    (service,) = of_kind(manifests, "Service").values()
    selector = service["spec"]["selector"].items()
    pods = [m["spec"]["template"] for m in manifests if m["kind"] in ("StatefulSet", "Job")]
    pods += of_kind(manifests, "Pod").values()
    listed = [
        pod["metadata"]["labels"]["app.kubernetes.io/component"]
        for pod in pods
        if selector <= pod["metadata"]["labels"].items()
    ]
    assert sorted(listed) == sorted(STAGES)


def rule_groups(values: dict[str, Any], chart: Path) -> list[dict[str, Any]]:
    rule = {"prometheusRule": {"enabled": True, **values}}
    (found,) = of_kind(render(rule, chart=chart), "PrometheusRule").values()
    groups: list[dict[str, Any]] = found["spec"]["groups"]
    return groups


def test_packaged_rules_come_before_given_ones_and_are_not_templates(
    chart_with_files: Path,
) -> None:
    packaged, given = rule_groups({"groups": [{"name": "g", "rules": []}]}, chart_with_files)
    assert packaged["rules"][0]["annotations"]["summary"] == "{{ $labels.model }} drifts"
    assert given["name"] == "g"


def test_rules_written_for_the_models_replace_the_packaged_ones(chart_with_files: Path) -> None:
    written = rules_yaml(load_config(ROOT / "config" / "monitor.yaml", {}))
    assert rule_groups({"rules": written}, chart_with_files) == yaml.safe_load(written)["groups"]


def test_each_packaged_dashboard_is_a_config_map_that_grafana_finds(chart_with_files: Path) -> None:
    manifests = render({"dashboards": {"enabled": True}}, chart=chart_with_files)
    found = of_kind(manifests, "ConfigMap")["watch-stream-monitor-dashboard-feature-drift"]
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(found["data"]["feature_drift.json"]) == {"title": "{{feature}}"}


def test_a_changed_model_leaves_the_pods_and_a_changed_setting_restarts_them() -> None:
    def checksum(values: dict[str, Any]) -> str:
        template = workload(render(values), "profiler")["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/config"])

    before = checksum({"models": {"a.yaml": "name: a"}})
    assert checksum({"models": {"a.yaml": "name: b"}}) == before
    assert checksum({"models": {"a.yaml": "name: a"}, "config": {"time": "history"}}) != before
