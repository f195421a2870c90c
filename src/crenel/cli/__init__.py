"""The command line: one module a command group, imported only when its command runs.

Exit codes: 0 done; 1 unexpected error; 2 usage, a file that does not load, a full disk; 3 a FAIL at or above
`--fail-on`; 4 the scan is incomplete; 5 a repair stopped or left something; 130 interrupted. (And 141, as of any
program, where the reader of its output went away before there was a verdict.)
"""

from __future__ import annotations

import errno
import importlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

import click

from crenel import __version__
from crenel.errors import CrenelError, LakeError, PolicyError, UsageError, did_you_mean
from crenel.positions import describe
from crenel.report.text import plain, printable

UNEXPECTED, USAGE, INTERRUPTED, BROKEN_PIPE = 1, 2, 130, 141
ENGINE_INTERRUPTED = "Query interrupted"  # what DuckDB raises, as a RuntimeError, of a Ctrl-C while it runs a query
_UNWRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)

# Command: module, attribute, help in one line.
COMMANDS: Mapping[str, tuple[str, str, str]] = {
    "scan": ("crenel.cli.scan", "scan", "Read AWS accounts, judge them, and print what fails."),
    "report": ("crenel.cli.report", "report", "Write a scan's findings in any format, without judging again."),
    "notify": ("crenel.cli.notify", "notify", "Tell others what is new or worse since the scan before."),
    "compliance": ("crenel.cli.compliance", "compliance", "Show how frameworks stand: scores, controls, reasons."),
    "frameworks": ("crenel.cli.frameworks", "frameworks", "List, show and compare frameworks."),
    "run": ("crenel.cli.run", "run", "Run Cloud Custodian policies: which resources each selects."),
    "demo": ("crenel.cli.demo", "demo", "Scan a flawed demo account on this machine; no AWS account needed."),
    "detect": ("crenel.cli.detect", "detect", "Look through CloudTrail logs with Falco and Sigma rules."),
    "ingest": ("crenel.cli.ingest", "ingest", "Take the events of CloudTrail logs into the lake."),
    "rules": ("crenel.cli.rules", "rules", "List, check and test the rules of `detect`."),
    "trail": ("crenel.cli.trail", "trail", "Check CloudTrail logs against CloudTrail's signed digests."),
    "policies": ("crenel.cli.policies", "policies", "List, show and check policies."),
    "explain": ("crenel.cli.explained", "explain", "Explain a policy or a finding: why it matters, how to fix it."),
    "resources": ("crenel.cli.resources", "resources", "List and show the resource types that policies can read."),
    "sql": ("crenel.cli.sql", "sql", "Ask the stored resources in SQL."),
    "waivers": ("crenel.cli.waivers", "waivers", "Check and list what is accepted, by whom and until when."),
    "serve": ("crenel.cli.serve", "serve", "Show the lake in a browser: the dashboard."),
    "fix": ("crenel.cli.fix", "fix", "Close gaps: a plan to review, its steps, and the way back."),
    "baseline": ("crenel.cli.baseline", "baseline", "Put a new account's own settings right, all at once."),
    "permissions": ("crenel.cli.permissions", "permissions", "Print the IAM policy that a scan or a plan needs."),
    "snapshots": ("crenel.cli.snapshots", "snapshots", "List what earlier scans have stored."),
}


class LazyGroup(click.Group):
    """A group whose commands stand in a table and are imported when they are used: `crenel --help` imports none."""

    def __init__(self, *args: Any, table: Mapping[str, tuple[str, str, str]], **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """Return the commands' names in the table's order."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return a command, None for a name that there is not."""
        if cmd_name not in self.table:
            return None
        module, attribute, _ = self.table[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's; a misspelt command gets a suggestion."""
        if args and not args[0].startswith("-") and args[0] not in self.table:
            hint = did_you_mean(args[0], self.table) or f"There are {', '.join(self.table)}."
            ctx.fail(f'There is no command "{args[0]}". {hint}')
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the table, without importing what it names."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in self.table.items()])

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        """Run; a reader of the output that went away is no error to speak of."""
        try:
            answer = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            silence(sys.stdout)
            ctx.exit(BROKEN_PIPE)
        return answer


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="crenel")
def cli() -> None:
    """Crenel finds the gaps in an AWS account's wall.

    It reads the account's configuration, judges it by policies, and says what fails, with the evidence.

    \b
    Examples:
      crenel demo                              see it work, without an AWS account
      crenel scan --explain                    which calls a scan would make
      crenel scan --profile audit              scan with a profile of ~/.aws/config
      crenel scan --practice 12 --fail-on high
    """  # noqa: D301 (\b is click's mark for text that is not to be wrapped)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (default: the process's own arguments) and return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a name that the terminal can't show must not end a scan
            stream.reconfigure(errors="backslashreplace")
    try:
        with _ended_like_ctrl_c():
            code = cli.main(None if arguments is None else list(arguments), prog_name="crenel", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        _complain("Interrupted.")
        return INTERRUPTED
    except CrenelError as error:
        _complain(f"Error: {printable(describe(error) if isinstance(error, PolicyError) else str(error))}")
        return USAGE if isinstance(error, UsageError | LakeError) else UNEXPECTED
    except OSError as error:
        # A full disk, a folder without rights: the user's to mend.
        _complain(f"Error: {_lost(error)}")
        return USAGE
    except Exception as error:  # noqa: BLE001 (the last line of defence: a bug is reported as one, and with its exit code)
        if str(error) == ENGINE_INTERRUPTED:
            _complain("Interrupted.")
            return INTERRUPTED
        _complain(f"Error: unexpected error: {type(error).__name__}: {plain(str(error))}. Please report it.")
        if os.environ.get("CRENEL_DEBUG"):
            traceback.print_exception(error)
        else:
            _complain("CRENEL_DEBUG=1 shows where it happened.")
        return UNEXPECTED
    return code if isinstance(code, int) else 0


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """Have a polite kill (a container's stop, a cancelled job) clean up and end as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say what a signal does
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _lost(error: OSError) -> str:
    """Return what could not be read or written, and why. Of all that is written only standard output has no name."""
    why = error.strerror or str(error)
    if error.filename is not None:
        return plain(f"{error.filename}: {why}.")
    if error.errno not in _UNWRITTEN:
        return plain(f"{why}.")
    silence(sys.stdout)
    return plain(f"can't write to standard output: {why}.")


def silence(stream: TextIO) -> None:
    """Send what is still to be written to a stream whose reader is gone to nowhere, so that the exit is quiet."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except OSError:
        return  # a stream without a file behind it has nothing to flush at exit


def _complain(text: str) -> None:
    click.echo(text, err=True)
