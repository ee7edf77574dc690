"""Deployment files agree with the package: commands, ports, versions and image tags."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
import typer
import yaml
from typer.testing import CliRunner

from stream_monitor import __version__

ROOT: Final = Path(__file__).parents[2]
CHART: Final = ROOT / "helm" / "stream-monitor"
GRAFANA: Final = ROOT / "config" / "grafana"
STAGES: Final = ("profiler", "detector")
METRICS_PORT: Final = 9108
DONE: Final = ("topics", "demo")
"""Services of compose that end when their work is done."""


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


COMPOSE: Final = load(ROOT / "docker-compose.yml")


def compose_commands() -> Iterator[tuple[str, ...]]:
    for service in COMPOSE["services"].values():
        if service["image"].startswith("stream-monitor:"):
            yield tuple(service["command"])


def chart_commands() -> Iterator[tuple[str, ...]]:
    for template in sorted((CHART / "templates").iterdir()):
        if template.is_file():
            text = template.read_text("utf-8")
            for listed in re.findall(r"^\s*args: (\[.*\])$", text, re.MULTILINE):
                for stage in STAGES if "{{ $stage }}" in listed else ("",):
                    yield tuple(yaml.safe_load(listed.replace("{{ $stage }}", stage)))


COMMANDS: Final = sorted({*compose_commands(), *chart_commands()})


def refusal(app: typer.Typer, words: tuple[str, ...]) -> str | None:
    """Why the command line would not take the words; None if it knows each of them.

    Asking for help parses subcommands and options but not the values of arguments, so the help of
    the first word must name the second, be it a subcommand, an option or one of an argument's choices.
    """
    wide = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
    parsed = CliRunner().invoke(app, [*words, "--help"], env=wide)
    if parsed.exit_code != 0:
        return parsed.output
    shown = CliRunner().invoke(app, [words[0], "--help"], env=wide).output
    described = shown.partition("Usage")[2].partition("\n")[2]
    if not re.search(rf"(?<![\w-]){re.escape(words[1])}\b", described):
        return f"the help of {words[0]} does not name {words[1]}"
    return None


def test_compose_and_chart_run_both_stages_and_create_the_topics() -> None:
    expected = {("run", stage) for stage in STAGES} | {("topics", "create")}
    assert {command[:2] for command in compose_commands()} == expected | {
        ("demo-producer", "--config")
    }
    assert {command[:2] for command in chart_commands()} == expected


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_deployed_command_exists(words: tuple[str, ...]) -> None:
    from stream_monitor.cli.commands import app

    assert refusal(app, words) is None


def image_references() -> Iterator[str]:
    for service in COMPOSE["services"].values():
        yield service["image"]
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    yield from re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)


@pytest.mark.parametrize("image", sorted(set(image_references())))
def test_every_image_has_a_pinned_tag(image: str) -> None:
    tag = image.rpartition("/")[2].partition(":")[2]
    assert re.fullmatch(r"v?\d+\.\d+\.\d+(-[a-z0-9.-]+)?", tag)


@pytest.mark.parametrize("stage", [*STAGES, *DONE])
def test_compose_confines_our_containers(stage: str) -> None:
    service = COMPOSE["services"][stage]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "compiled-code:/var/cache/stream-monitor" in service["volumes"]
    assert "USER 10001:10001" in (ROOT / "Dockerfile").read_text("utf-8")


@pytest.mark.parametrize("service", sorted(COMPOSE["services"]))
def test_compose_publishes_on_the_loopback_address_only(service: str) -> None:
    for port in COMPOSE["services"][service].get("ports", []):
        assert port.startswith("127.0.0.1:")


@pytest.mark.parametrize("service", sorted(set(COMPOSE["services"]) - set(DONE)))
def test_compose_checks_the_health_of_whatever_stays_up(service: str) -> None:
    assert COMPOSE["services"][service]["healthcheck"]["test"][0] == "CMD"


def test_compose_mounts_only_files_that_exist_and_volumes_that_are_declared() -> None:
    for service in COMPOSE["services"].values():
        for mount in service.get("volumes", []):
            source, _, rest = mount.partition(":")
            if source.startswith("./"):
                assert (ROOT / source).exists(), source
            elif source.startswith("/"):
                assert ":ro" in rest, f"{source} of the host may only be read"
            else:
                assert source in COMPOSE["volumes"], source


def test_prometheus_scrapes_services_of_compose_only_and_every_stage_and_exporter() -> None:
    settings = load(ROOT / "config" / "prometheus" / "prometheus.yml")
    targets = {
        target.partition(":")[0]
        for job in settings["scrape_configs"]
        for group in job.get("static_configs", [])
        for target in group["targets"]
    }
    looked_up = {
        name
        for job in settings["scrape_configs"]
        for group in job.get("dns_sd_configs", [])
        for name in group["names"]
    }
    assert targets | looked_up <= set(COMPOSE["services"])
    assert targets >= {*STAGES, "kafka-exporter", "node-exporter", "cadvisor"}
    optional = {name for name, service in COMPOSE["services"].items() if "profiles" in service}
    assert looked_up == optional == {"dcgm-exporter"}


def test_prometheus_scrapes_our_metrics_where_they_are_served() -> None:
    settings = load(ROOT / "config" / "prometheus" / "prometheus.yml")
    (job,) = (job for job in settings["scrape_configs"] if job["job_name"] == "stream-monitor")
    targets = [target for group in job["static_configs"] for target in group["targets"]]
    assert targets == [f"{stage}:{METRICS_PORT}" for stage in STAGES]
    assert load(ROOT / "config" / "monitor.yaml")["metrics"]["port"] == METRICS_PORT


def test_grafana_asks_prometheus_of_compose_as_often_as_it_scrapes() -> None:
    (source,) = load(GRAFANA / "provisioning" / "datasources" / "prometheus.yml")["datasources"]
    assert source["url"] == "http://prometheus:9090"
    scraping = load(ROOT / "config" / "prometheus" / "prometheus.yml")["global"]
    assert source["jsonData"]["timeInterval"] == scraping["scrape_interval"]


def test_grafana_of_compose_finds_its_dashboards() -> None:
    service = COMPOSE["services"]["grafana"]
    mounts = dict(mount.split(":")[:2] for mount in service["volumes"])
    folder = mounts["./config/grafana/dashboards"]
    (provider,) = load(GRAFANA / "provisioning" / "dashboards" / "stream-monitor.yml")["providers"]
    assert provider["options"]["path"] == folder
    home = Path(service["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert home.parent == Path(folder)
    assert (GRAFANA / "dashboards" / home.name).exists()
    for name in ("datasources", "dashboards"):
        inside = f"/etc/grafana/provisioning/{name}"
        assert mounts[f"./config/grafana/provisioning/{name}"] == inside


def test_nobody_can_log_in_to_grafana_of_compose() -> None:
    environment = COMPOSE["services"]["grafana"]["environment"]
    assert environment["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert environment["GF_AUTH_DISABLE_LOGIN_FORM"] == "true"
    assert environment["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert not any("PASSWORD" in name for name in environment)


def test_compose_holds_no_secret() -> None:
    secret = re.compile("password|secret|token|credential|api_?key", re.IGNORECASE)
    for name, service in COMPOSE["services"].items():
        assert not [key for key in service.get("environment", {}) if secret.search(key)], name


def test_versions_of_chart_image_and_package_are_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == __version__
    assert load(CHART / "Chart.yaml")["appVersion"] == __version__
    for stage in STAGES:
        assert COMPOSE["services"][stage]["image"] == f"stream-monitor:{__version__}"


def values_errors(values: Any) -> list[str]:
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    validator = jsonschema.Draft7Validator(schema)
    validator.check_schema(schema)
    return [error.message for error in validator.iter_errors(values)]


def test_default_values_fit_their_schema() -> None:
    assert values_errors(load(CHART / "values.yaml")) == []


def test_written_out_password_is_refused_and_a_reference_is_not() -> None:
    values = load(CHART / "values.yaml")
    values["config"]["kafka"]["sasl.password"] = "${KAFKA_PASSWORD}"
    assert values_errors(values) == []
    values["config"]["kafka"]["sasl.password"] = "canary"
    assert len(values_errors(values)) == 1


def test_unknown_value_is_refused() -> None:
    values = load(CHART / "values.yaml")
    values["profiler"]["replica"] = 3
    assert len(values_errors(values)) == 1


@pytest.mark.parametrize(
    "path", ["requirements.lock", "tests/tools/checkers.lock", "tests/tools/helm.lock"]
)
def test_lock_file_holds_pinned_names_and_hashes_without_addresses(path: str) -> None:
    lines = (ROOT / path).read_text("utf-8").splitlines()
    pinned = re.compile(r"[a-z0-9-]+==[^\s]+( ; [^\\]+)? \\")
    hashed = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
    assert [
        line for line in lines if not pinned.fullmatch(line) and not hashed.fullmatch(line)
    ] == []


def test_lock_file_of_npm_holds_hashes_without_addresses_of_packages() -> None:
    packages = load(ROOT / "tests" / "validators" / "package-lock.json")["packages"]
    packages.pop("")
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert not any("resolved" in package for package in packages.values())
