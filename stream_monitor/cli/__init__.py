"""The stream-monitor command: one file per subcommand; results go to stdout, logs to stderr."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line; Ctrl-C ends it with exit code 130, also while its modules still load."""
    try:
        from stream_monitor.cli.commands import run_command

        run_command()
    except KeyboardInterrupt:
        sys.exit(130)
