"""The chart as helm renders it, for the tests in this folder and for those that run what is rendered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from tests.tools.checkers import checkers, run

ROOT: Final = Path(__file__).parents[2]
CHART: Final = ROOT / "helm" / "stream-monitor"
SCENARIOS: Final = sorted((CHART / "ci").glob("*-values.yaml"))
STAGES: Final = ("profiler", "detector")
RELEASE: Final = "watch"
OPERATOR_APIS: Final = ("keda.sh/v1alpha1", "monitoring.coreos.com/v1", "kafka.strimzi.io/v1")

Manifest = dict[str, Any]


class NotRendered(Exception):
    """What helm said."""


def render(
    values: Mapping[str, Any] | Path | None = None, *, chart: Path = CHART,
    apis: Sequence[str] = OPERATOR_APIS, arguments: Sequence[str] = (),
) -> list[Manifest]:  # fmt: skip
    """The manifests of a release with these values over the defaults, for a cluster that knows the APIs.

    Raises NotRendered.
    """
    known = [word for api in apis for word in ("--api-versions", api)]
    given = None
    if values is not None:
        from_file = isinstance(values, Path)
        given = None if from_file else yaml.safe_dump(values)
        arguments = ["--values", str(values) if from_file else "-", *arguments]
    done = run([checkers().helm, "template", RELEASE, chart, *known, *arguments], given=given)
    if done.returncode != 0:
        raise NotRendered(done.stderr)
    return [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]


def of_kind(manifests: Sequence[Manifest], kind: str) -> dict[str, Manifest]:
    """The manifests of a kind by name."""
    return {m["metadata"]["name"]: m for m in manifests if m["kind"] == kind}


def workload(manifests: Sequence[Manifest], component: str) -> Manifest:
    """The StatefulSet of a service, or the Job that makes the topics."""
    (found,) = (
        m
        for m in manifests
        if m["kind"] in ("StatefulSet", "Job")
        and m["metadata"]["labels"]["app.kubernetes.io/component"] == component
    )
    return found


def container(manifests: Sequence[Manifest], component: str) -> Manifest:
    """The container that is named after its component."""
    found: list[Manifest] = workload(manifests, component)["spec"]["template"]["spec"]["containers"]
    return next(each for each in found if each["name"] == component)


class Pod:
    """The files and the environment of one pod of a workload, with a folder in the place of its root."""

    def __init__(
        self, manifests: Sequence[Manifest], component: str, ordinal: int, root: Path
    ) -> None:
        owner = workload(manifests, component)
        spec = owner["spec"]["template"]["spec"]
        self.name = f"{owner['metadata']['name']}-{ordinal}"
        self.root = root
        self.grace_s = float(spec.get("terminationGracePeriodSeconds", 30))
        self._container = container(manifests, component)
        self._mounts = {m["mountPath"]: m for m in self._container["volumeMounts"]}
        sources = {volume["name"]: volume for volume in spec["volumes"]}
        maps = of_kind(manifests, "ConfigMap")
        for path, mount in self._mounts.items():
            source = sources.get(mount["name"], {})
            data = maps[source["configMap"]["name"]]["data"] if "configMap" in source else {}
            if "subPath" in mount:
                self._write(path, data[mount["subPath"]])
            else:
                (root / path.lstrip("/")).mkdir(parents=True, exist_ok=True)
                for name, text in data.items():
                    self._write(f"{path}/{name}", text)

    def _write(self, path: str, text: str) -> None:
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(self.placed(text))

    def placed(self, text: str) -> str:
        """The text with every path of a mount moved below the pod's folder."""
        paths = "|".join(map(re.escape, self._mounts))
        return re.sub(rf"(?<![\w/.-])({paths})\b", rf"{self.root}\1", text)

    @property
    def arguments(self) -> list[str]:
        """What follows the image's entry point."""
        return [self.placed(word) for word in self._container["args"]]

    @property
    def environment(self) -> dict[str, str]:
        """Values that are written out, and the pod's name where it is asked for."""
        found = {}
        for each in self._container["env"]:
            if "value" in each:
                found[each["name"]] = self.placed(each["value"])
            elif "fieldRef" in each["valueFrom"]:
                assert each["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
                found[each["name"]] = self.name
        return found

    def probe(self, name: str) -> tuple[str, float]:
        """The path that a probe asks for, and how long it lets that fail, in seconds."""
        probe = self._container[name]
        return probe["httpGet"]["path"], probe["periodSeconds"] * probe.get("failureThreshold", 3)

    @property
    def config(self) -> Path:
        """The file that --config names."""
        return Path(self.arguments[self.arguments.index("--config") + 1])
