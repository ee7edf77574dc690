"""`stream-monitor dead-letters`: list, count and redrive what was rejected."""

from __future__ import annotations

from typing import Annotated

import typer

from stream_monitor.cli.options import ConfigOption, JsonOption, load_installation
from stream_monitor.cli.output import STDERR, note, print_json, print_table, progress_bar
from stream_monitor.services import dead_letter_reading as reading
from stream_monitor.services.dead_letter_reading import LetterFilter
from stream_monitor.services.redriving import Redrive
from stream_monitor.services.wiring import wire

app = typer.Typer(no_args_is_help=True, help="Rejected records: list, count, send again.")
ReasonOption = Annotated[
    str | None, typer.Option("--reason", "-r", help="Only this reason, e.g. unknown_model.")
]
SinceOption = Annotated[
    str | None, typer.Option(help="Only letters written since: a date or RFC 3339.")
]


@app.command("list")
def list_letters(
    config: ConfigOption = None,
    reason: ReasonOption = None,
    since: SinceOption = None,
    limit: Annotated[int, typer.Option(help="At most so many, the newest.", min=1)] = 50,
    as_json: JsonOption = False,
) -> None:
    """List the newest dead letters: when, which record, why.

    Example: stream-monitor dead-letters list --reason unknown_model --since 2025-03-01
    """
    installation = load_installation(config)
    wanted = LetterFilter(reason, since)
    topic = installation.monitor.topics.dead_letters
    with STDERR.status(f"reading {topic}"):
        letters = reading.newest_letters(wire(installation), topic, wanted, limit)
    rows = [letter.as_row() for letter in letters]
    if as_json:
        print_json(rows)
        return
    columns = ("time", "record", "reason", "message")
    print_table(
        "dead letters",
        columns,
        (
            (
                row["time"],
                f"{row['topic']}/{row['partition']}/{row['offset']}",
                row["reason"],
                row["message"],
            )
            for row in rows
        ),
    )
    if not rows:
        note("there are none")


@app.command("count")
def count(
    config: ConfigOption = None,
    reason: ReasonOption = None,
    since: SinceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count dead letters by reason and source topic.

    Example: stream-monitor dead-letters count --since 2025-03-01
    """
    installation = load_installation(config)
    wanted = LetterFilter(reason, since)
    topic = installation.monitor.topics.dead_letters
    with progress_bar() as bar:
        task = bar.add_task("dead letters", total=None)
        rows = reading.count_letters(
            wire(installation), topic, wanted,
            lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    if as_json:
        print_json(rows)
    else:
        columns = ("reason", "topic", "count", "newest")
        print_table("dead letters", columns, ([row[c] for c in columns] for row in rows))


@app.command("redrive")
def redrive(
    config: ConfigOption = None,
    reason: ReasonOption = None,
    since: SinceOption = None,
    again: Annotated[
        bool, typer.Option("--again", help="Also records that were sent again before.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be sent.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Send rejected records to their source topics again, after the cause was mended.

    Each source record once, with its key, value and a header that names the first; in transactions.

    Example: stream-monitor dead-letters redrive --reason unknown_model --dry-run
    """
    installation = load_installation(config)
    topics = installation.monitor.topics
    wanted = LetterFilter(reason, since)
    with STDERR.status(f"reading {topics.dead_letters}"):
        run = Redrive(
            wire(installation),
            topics.dead_letters,
            (topics.inference, topics.labels),
            wanted,
            again,
        )
    if run.letters and not (yes or dry_run):
        typer.confirm(
            f"Send the records of {run.letters} dead letters to their source topics again?",
            abort=True,
            err=True,
        )
    with progress_bar() as bar:
        task = bar.add_task("records", total=run.letters)
        result = run.run(dry_run, lambda done, _: bar.update(task, completed=done)).as_row()
    if as_json:
        print_json([result])
        return
    sent = "would be sent again" if dry_run else "sent again"
    note(
        f"{result['redriven']} records {sent}; {result['gone']} gone (no longer in the source topic, and the "
        f"letter holds no payload); left alone: {result['already_redriven']} sent again before, "
        f"{result['foreign_topic']} of other topics, {result['repeated']} further letters of the same records"
    )
