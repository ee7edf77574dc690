"""`stream-monitor config`: the configuration's JSON Schemas."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stream_monitor.cli.options import ConfigOption, load_installation
from stream_monitor.cli.output import note, print_table
from stream_monitor.config.json_schema import write_schemas

app = typer.Typer(no_args_is_help=True, help="Check and describe the configuration.")


@app.command("schema")
def schema(folder: Annotated[Path, typer.Argument(help="Where to write the two schemas.")]) -> None:
    """Write monitor.schema.json and models.schema.json, for editors.

    Example: stream-monitor config schema config/
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_schemas(folder)
    note(f"wrote {folder}/monitor.schema.json and {folder}/models.schema.json")


@app.command("show")
def show(config: ConfigOption = None) -> None:
    """Load the configuration and list its models.

    Example: stream-monitor config show --config monitor.yaml
    """
    installation = load_installation(config)
    specs = installation.specifications()
    print_table(
        "models",
        ("model", "owner", "features", "windows", "references", "outcomes"),
        (
            (
                name,
                spec.owner,
                len(spec.schema.features),
                ", ".join(size.name for size in spec.windows),
                ", ".join(spec.references),
                ", ".join(outcome.name for outcome in spec.outcomes),
            )
            for name, spec in specs.items()
        ),
    )
