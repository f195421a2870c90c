"""`crenel waivers`: whether waivers are right, and what they do."""

from __future__ import annotations

from collections.abc import Mapping

import click

from crenel.cli import LazyGroup

_COMMANDS: Mapping[str, tuple[str, str, str]] = {
    "check": (
        "crenel.cli.waivers_checked",
        "check",
        "Check files of waivers, and hold them against the last snapshot.",
    ),
    "list": ("crenel.cli.waivers_checked", "list_", "List waivers: who accepts what, until when."),
}


@click.group(cls=LazyGroup, table=_COMMANDS)
def waivers() -> None:
    """Check and list what is accepted, by whom and until when.

    \b
    Examples:
      crenel waivers check our-waivers/
      crenel waivers list our-waivers/
      crenel scan --waivers our-waivers/
    """  # noqa: D301
