"""What commands that run over a history share: the model, its rows, the reference period."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import typer

from stream_monitor.cli.output import note
from stream_monitor.config.loading import Installation
from stream_monitor.config.model import ModelConfig
from stream_monitor.core.errors import InvalidSpecification
from stream_monitor.core.policy import ModelSpec
from stream_monitor.services import topic_history
from stream_monitor.services.table_files import read_table

ModelArgument = Annotated[str, typer.Argument(help="The model.")]
TableArgument = Annotated[
    Path | None,
    typer.Argument(help="Parquet or CSV file; left out: the configured topics are read."),
]
ReferenceRows = Annotated[
    int | None,
    typer.Option("--reference-rows", help="The first N rows are the reference.", min=1),
]
ReferenceSince = Annotated[
    str | None,
    typer.Option("--reference-since", help="Start of the reference: a date or RFC 3339."),
]
ReferenceUntil = Annotated[
    str | None, typer.Option("--reference-until", help="End of the reference (not included).")
]
SinceOption = Annotated[str | None, typer.Option("--since", help="Start of the topic range.")]
UntilOption = Annotated[str | None, typer.Option("--until", help="End of the topic range.")]


@dataclass(frozen=True, slots=True)
class History:
    """A model with a table of its events."""

    model: ModelConfig
    table: pa.Table
    spec: ModelSpec


def read_history(
    installation: Installation, model: str, table: Path | None, since: str | None, until: str | None
) -> History:
    """The rows of a file, or of the topics where none is given.

    Raises InvalidSpecification for a model that is not configured.
    """
    chosen = installation.model(model)
    spec = installation.specifications()[model]
    if table is not None:
        if since is not None or until is not None:
            raise InvalidSpecification(
                "--since and --until are of the topics: leave them out, or leave out the file"
            )
        return History(chosen, read_table(table), spec)
    return History(*from_topics(installation, chosen, since, until), spec)


def from_topics(
    installation: Installation, model: ModelConfig, since: str | None, until: str | None
) -> tuple[ModelConfig, pa.Table]:
    """What the topics hold of a model as a table, and the model with the columns of that table."""
    found = topic_history.read_topics(installation, model.name, since, until)
    note(f"{found.num_rows} events of {model.name} read from the topics")
    return topic_history.with_canonical_columns(model), found
