"""`crenel demo`: the whole of it on a made-up account."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from crenel import scan as use_case
from crenel.cli.options import format_option
from crenel.cli.progress import progress
from crenel.cli.scan import report_of
from crenel.demo.run import demo_account, demo_environment
from crenel.report.formats import FORMATS

# Beside the variables, AWS's configuration files have to be out of the way.
_NO_SETTINGS = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


@click.command()
@click.option(
    "--lake",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the snapshot in this folder. Default: one that is removed at the end.",
)
@format_option(*FORMATS)
@click.option("--keep", is_flag=True, help="Leave the account running until Ctrl-C, to try other commands on it.")
@click.option("--quiet", is_flag=True, help="No progress on standard error.")
def demo(lake: Path | None, style: str, *, keep: bool, quiet: bool) -> None:
    """Scan a flawed demo account that runs on this machine: no AWS account, no credentials, no call to AWS.

    The account is moto's imitation of AWS, filled with resources that keep each of the 26 practices and with others
    that break it. It needs the extra `demo` (pip install "crenel[demo]").

    \b
    Examples:
      crenel demo
      crenel demo --format json
      crenel demo --keep            and then, in another terminal, whatever you like
    """  # noqa: D301
    if not quiet:
        click.echo("Starting the demo account on this machine (some seconds) …", err=True)
    with demo_account() as endpoint, _folder(lake) as folder:
        variables = {**_NO_SETTINGS, **demo_environment(endpoint)}
        with _environment(variables):
            with progress(sys.stderr, quiet=quiet) as watch:
                outcome = use_case.scan(use_case.ScanOptions(lake=folder), watch)
            with outcome:
                FORMATS[style].write(report_of(outcome, ""), sys.stdout)
        sys.stdout.flush()
        if not quiet:
            _explain(style)
        if keep:
            _wait(variables, folder)


def _explain(style: str) -> None:
    """Say what was shown; on standard error where standard output is for a program."""
    text = """
That was a made-up account, read through AWS's API as a real one is, judged by the 26 built-in policies.
To go on:
  crenel demo --keep                  leave the account running, and try the commands below on it
  crenel policies list                what is judged; crenel explain ID says why, and how to fix it
  crenel scan --explain               which calls a scan of your own account would make
  crenel fix plan --out plan.json     what closes the gaps; then crenel fix apply plan.json, and crenel fix undo
  crenel permissions                  the IAM policy that it needs, read-only
  crenel scan --profile NAME          your own account"""
    click.echo(text, err=style != "table")


def _wait(variables: Mapping[str, str], lake: Path) -> None:
    """Print what turns other terminals to the demo account, and wait for Ctrl-C."""
    lines = ["unset ${!AWS_*}"]  # Bash's; the user's own settings would win over some of ours
    lines += [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    lines += [f"export CRENEL_LAKE={shlex.quote(str(lake))}", "crenel scan", "crenel serve"]
    click.echo("\nThe account goes on running. In another terminal:\n\n" + "\n".join(f"  {line}" for line in lines))
    click.echo("\nCtrl-C here ends it.")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        click.echo("\nEnded.", err=True)


@contextmanager
def _folder(lake: Path | None) -> Iterator[Path]:
    if lake is not None:
        yield lake
        return
    with tempfile.TemporaryDirectory(prefix="crenel-demo-") as folder:
        yield Path(folder)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Replace all of AWS's variables by these, for as long as it lasts.

    No setting of the user's (a profile, a service's own endpoint, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS) may send a call
    of the demo's to a real account.
    """
    before = dict(os.environ)
    for name in before:
        if name.startswith("AWS_"):
            del os.environ[name]
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
