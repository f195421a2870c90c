"""Where a command's output goes: standard output, or a file that appears whole or not at all."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from crenel.errors import UsageError
from crenel.lake.snapshots import Damage
from crenel.report.text import plain

STDOUT = "-"

output_option = click.option(
    "--output",
    "target",
    default=STDOUT,
    metavar="FILE",
    show_default="standard output",
    help="Write to a file, which appears when it is whole.",
)


def check_output(target: str) -> None:
    """Raise `UsageError` where a file can't be written; to be asked before the work, not after it."""
    if target == STDOUT:
        return
    path = Path(target)
    if path.is_dir():
        raise UsageError(f"--output {target} is a folder.", suggestion="Name a file.")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent} for --output.")
    if not os.access(path if path.exists() and not path.is_file() else path.parent, os.W_OK):
        raise UsageError(f"can't write {target}: permission denied.")


@contextmanager
def output(target: str) -> Iterator[TextIO]:
    """Yield a text stream to write to: ``-`` is standard output, anything else a file.

    A regular file is written beside its place and renamed into it when all is written; on an error the old one stays.
    Raises `UsageError` where it can't be written.
    """
    if target == STDOUT:
        yield sys.stdout
        sys.stdout.flush()
        return
    path = Path(target)
    try:
        if path.exists() and not path.is_file():  # a pipe or device has no place to be renamed into
            with path.open("w", encoding="utf-8", newline="") as out:
                yield out
        else:
            yield from _renamed(path.resolve())
    except OSError as error:
        raise UsageError(f"can't write {target}: {error.strerror}.") from error


def _renamed(path: Path) -> Iterator[TextIO]:
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("x", encoding="utf-8", newline="") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def warn_of_damage(damage: Damage) -> None:
    """Say on standard error that a snapshot was passed over, and why."""
    click.echo(f"Damaged and not used: snapshot {plain(damage.id)}: {plain(damage.reason)}", err=True)
