"""One alert as a Prometheus rule: what it says, how long it waits and where it links."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import quote

from stream_monitor.core.policy import Family

Severity = Literal["critical", "warning", "info"]
PREFIX: Final = "StreamMonitor"


@dataclass(frozen=True, slots=True)
class Links:
    """Where runbooks and dashboards are."""

    runbooks: str
    dashboards: str


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule. Texts are Prometheus templates; `labels` are added to those of the expression.

    `dashboard` is the uid of the page that shows it, `variables` the labels that the page is opened with.
    """

    name: str
    severity: Severity
    family: Family
    expr: str
    summary: str
    description: str
    hold: str = "5m"
    keep: str = "10m"
    dashboard: str = "stream-monitor-pipeline"
    variables: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)

    def as_rule(self, links: Links) -> dict[str, Any]:
        """The mapping of a rule file."""
        return {
            "alert": PREFIX + self.name,
            "expr": self.expr,
            "for": self.hold,
            "keep_firing_for": self.keep,
            "labels": {"severity": self.severity, "family": self.family.value, **self.labels},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": f"{links.runbooks.rstrip('/')}/{PREFIX}{self.name}.md",
                "dashboard_url": self._dashboard_url(links),
            },
        }

    def _dashboard_url(self, links: Links) -> str:
        query = "&".join(f"var-{name}={self._value(name)}" for name in self.variables)
        page = f"{links.dashboards.rstrip('/')}/d/{self.dashboard}"
        return f"{page}?{query}" if query else page

    def _value(self, label: str) -> str:
        fixed = self.labels.get(label)
        return f"{{{{ $labels.{label} | urlquery }}}}" if fixed is None else quote(fixed, safe="")


def quoted(text: str) -> str:
    """A label value as PromQL writes it.

    >>> quoted('a "b"')
    '"a \\\\"b\\\\""'
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
