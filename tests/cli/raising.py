"""A command that ends as it is told to."""

from __future__ import annotations

import click

from crenel.errors import CredentialsError, CrenelError, LakeError, PolicyError, UsageError, Where

FILE = "tests/cli/raising.py"
ENDINGS: dict[str, BaseException] = {
    "usage": UsageError("that can't be.", suggestion="Do this."),
    "credentials": CredentialsError("there are no credentials."),
    "lake": LakeError("the snapshot is damaged."),
    "policy": PolicyError("no such thing.", where=Where(__file__, 1, 4, 9)),
    "own": CrenelError("the demo account did not start."),
    "hostile": UsageError("no \x1b[31mcolour\u202e"),
    "bug": ValueError("what \x1b[2J?"),
    "interrupt": KeyboardInterrupt(),
    "engine": RuntimeError("Query interrupted"),
    "pipe": BrokenPipeError(),
}


@click.command()
@click.argument("how")
def raising(how: str) -> None:
    """End so."""
    if how.isdecimal():
        click.get_current_context().exit(int(how))
    raise ENDINGS[how]
