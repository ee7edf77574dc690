"""`stream-monitor check`: is everything there that the services rely on?"""

from __future__ import annotations

import typer

from stream_monitor.cli.options import ConfigOption, JsonOption, load_installation
from stream_monitor.cli.output import STDERR, STDOUT, print_json
from stream_monitor.services.checking import check_installation

_MARKS = {"ok": "[green]ok[/]", "warning": "[yellow]warning[/]", "error": "[bold red]error[/]"}


def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check configuration, topics, keys, rights, transactions, groups, references; exit 1 on an error.

    Writes one record to the dead letters, in a transaction that is aborted: no reader sees it.

    Example: stream-monitor check --config monitor.yaml
    """
    installation = load_installation(config)
    with STDERR.status("asking the brokers"):
        findings = check_installation(installation)
    if as_json:
        print_json(findings)
    else:
        for finding in findings:
            mark = _MARKS[finding["state"]]
            text = finding["message"].replace("[", r"\[")
            STDOUT.print(f"{mark} {text}", highlight=False)
    if any(finding["state"] == "error" for finding in findings):
        raise typer.Exit(1)
