"""Options that commands share, and what they mean."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import click

from crenel.model import Standard

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def default_lake() -> Path:
    """Return where snapshots are kept: $CRENEL_LAKE, else `crenel` in the user's data folder."""
    if own := os.environ.get("CRENEL_LAKE"):
        return Path(own)
    if data := os.environ.get("XDG_DATA_HOME"):
        return Path(data) / "crenel"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "crenel"
    return Path.home() / ".local" / "share" / "crenel"


def parse_time(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """Return the time that an option gives, in UTC: ISO 8601, UTC where it names no zone; a date alone is its end."""
    if value is None:
        return None
    try:
        found = datetime.combine(date.fromisoformat(value), time.max)
    except ValueError:
        try:
            found = datetime.fromisoformat(value)
        except ValueError as error:
            raise click.BadParameter(
                f"{value!r} is no time. Write 2026-11-20 or 2026-11-20T08:30.", ctx, param
            ) from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _standard(ctx: click.Context, param: click.Parameter, value: str) -> Standard:  # noqa: ARG001 (click's signature)
    return Standard(value)


lake_option = click.option(
    "--lake",
    type=click.Path(file_okay=False, path_type=Path),
    default=default_lake,
    show_default="$CRENEL_LAKE, else crenel in your data folder",
    help="The folder where snapshots are kept.",
)
as_of_option = click.option(
    "--as-of",
    metavar="TIME",
    callback=parse_time,
    help="Take the last snapshot that was begun by this time (ISO 8601; UTC; a date means its end).",
)
standard_option = click.option(
    "--standard",
    type=click.Choice([each.value for each in Standard]),
    callback=_standard,
    default=Standard.FSBP.value,
    show_default=True,
    help="Whose parameters hold where no framework says: AWS's Foundational Security Best Practices, CIS, the article.",
)
policies_option = click.option(
    "--policies",
    "paths",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    metavar="PATH",
    help="Policy files of your own, or folders (read with the folders in them), beside the built-in ones. Repeatable.",
)
waivers_option = click.option(
    "--waivers",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    metavar="PATH",
    envvar="CRENEL_WAIVERS",
    show_default="$CRENEL_WAIVERS",
    help="Files or folders of waivers: what fails and is accepted counts as waived. Repeatable.",
)
variables_option = click.option(
    "--vars",
    "variables_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Fill {names} in the policy files from this YAML or JSON file first.",
)
framework_option = click.option(
    "--framework",
    "frameworks",
    multiple=True,
    metavar="ID",
    help="What this framework asks for: an id (crenel frameworks list), a file of your own, or all. Repeatable. "
    "Default: the practices.",
)
for_fixes_option = click.option(
    "--for-fixes", is_flag=True, help="Read also what `crenel fix plan` would like to know: what could break, and such."
)
_policy_option = click.option(
    "--policy", "policy", multiple=True, metavar="ID", help="Only this policy; * stands for anything. Repeatable."
)
_practice_option = click.option(
    "--practice", type=click.IntRange(min=1), multiple=True, metavar="N", help="Only this practice. Repeatable."
)


def policy_options(command: Decorated) -> Decorated:
    """Add the options that say what is asked: --framework, --policy, --practice, --policies, --standard."""
    options = (standard_option, policies_option, _practice_option, _policy_option, framework_option)
    return reduce(lambda decorated, option: option(decorated), options, command)


def format_option(*names: str) -> Callable[[Decorated], Decorated]:
    """Return the option --format with these values, the first being the default."""
    return click.option(
        "--format", "style", type=click.Choice(names), default=names[0], show_default=True, help="How to write it."
    )
