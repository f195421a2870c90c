"""`crenel waivers check` and `crenel waivers list`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import click

from crenel import waive as use_case
from crenel.cli.listing import print_columns
from crenel.cli.options import as_of_option, format_option, lake_option, policies_option
from crenel.errors import PolicyError, UsageError
from crenel.positions import describe
from crenel.report.text import number, plain, printable
from crenel.waivers.english import covers

SOON = 30  # days
Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def _options(command: Decorated) -> Decorated:
    options = (
        click.argument(
            "waivers",
            nargs=-1,
            type=click.Path(exists=True, path_type=Path),
            metavar="[PATH]...",
            envvar="CRENEL_WAIVERS",
        ),
        policies_option,
        lake_option,
        as_of_option,
    )
    return reduce(lambda decorated, option: option(decorated), reversed(options), command)


@click.command()
@_options
def check(waivers: tuple[Path, ...], paths: tuple[Path, ...], lake: Path, as_of: datetime | None) -> None:
    """Check files of waivers (default: $CRENEL_WAIVERS), or folders of them, without a call.

    Prints every mistake with file, line and column. Then says what the waivers do for the last snapshot's findings:
    which hold no longer and why, which end within 30 days, which speak of nothing that fails. Exit code 2 where there
    is a mistake.

    \b
    Examples:
      crenel waivers check our-waivers/
      crenel waivers check our-waivers/ --policies our-policies/
    """  # noqa: D301
    now = datetime.now(UTC)
    try:
        checked = _checked(waivers, paths, lake, as_of, now)
    except PolicyError as error:
        for each in error.all():
            click.echo(printable(describe(each, "error")), err=True)
        click.echo(f"{number(len(error.all()), 'error')}.", err=True)
        click.get_current_context().exit(2)
    for warning in checked.warnings:
        click.echo(printable(describe(warning, "warning")), err=True)
    more = f", {number(len(checked.warnings), 'warning')}" if checked.warnings else ""
    click.echo(f"{number(len(checked.covered), 'waiver')}, no errors{more}.")
    for line in _held_against(checked, now.date()):
        click.echo(line)


@click.command("list")
@_options
@format_option("table", "json")
def list_(waivers: tuple[Path, ...], paths: tuple[Path, ...], lake: Path, as_of: datetime | None, style: str) -> None:
    """List waivers (default: those of $CRENEL_WAIVERS) with owner and last day, and what each covers.

    FINDINGS is how many of the last snapshot's findings a waiver accepts, of how many it speaks of.

    \b
    Examples:
      crenel waivers list our-waivers/
      crenel waivers list our-waivers/ --format json
    """  # noqa: D301
    now = datetime.now(UTC)
    checked = _checked(waivers, paths, lake, as_of, now)
    if style == "json":
        click.echo(json.dumps([_as_json(each, now.date(), checked) for each in checked.covered], indent=2))
        return
    rows = [
        (
            each.waiver.id,
            each.waiver.owner,
            each.waiver.until.isoformat(),
            _state(each, now.date(), checked),
            f"{each.accepts:,} of {each.speaks_of:,}" if checked.info else "-",
            covers(each.waiver),
        )
        for each in checked.covered
    ]
    if rows:
        print_columns(("ID", "OWNER", "UNTIL", "STATE", "FINDINGS", "COVERS"), rows)
    else:
        click.echo("There is no waiver in these files.")


def _checked(
    waivers: tuple[Path, ...], paths: tuple[Path, ...], lake: Path, as_of: datetime | None, now: datetime
) -> use_case.Checked:
    if not waivers:
        raise UsageError("there are no waivers to look at.", suggestion="Name files or folders, or set CRENEL_WAIVERS.")
    return use_case.check(waivers, paths, lake, as_of=as_of, now=now)


def _state(each: use_case.Covered, today: date, checked: use_case.Checked) -> str:
    """Return how a waiver stands, in a word or two: the worst that can be said of it."""
    if each.waiver.until < today:
        return "ended"
    if each.lapsed:
        return "lapsed" if not each.accepts else "partly lapsed"
    if checked.info is None:
        return "not held against a scan"
    return "holds" if each.accepts else "speaks of nothing"


def _as_json(each: use_case.Covered, today: date, checked: use_case.Checked) -> dict[str, Any]:
    waiver = each.waiver
    return {
        "id": waiver.id,
        "owner": waiver.owner,
        "reason": waiver.reason,
        "until": waiver.until.isoformat(),
        "file": waiver.file,
        "line": waiver.body.where.line,
        "covers": covers(waiver),
        "state": _state(each, today, checked),
        "snapshot": checked.info.id if checked.info else None,
        "accepts": each.accepts,
        "lapsed": [{"reason": reason, "findings": count} for reason, count in each.lapsed],
    }


def _held_against(checked: use_case.Checked, today: date) -> Iterator[str]:
    if checked.info is None:
        yield "There is no judged snapshot to hold them against yet: crenel scan."
        return
    yield f"For the findings of the snapshot {checked.info.id}, begun {checked.info.started_at:%Y-%m-%d %H:%M} UTC:"
    accepted = sum(each.accepts for each in checked.covered)
    yield f"  accepted: {number(accepted, 'finding')}"
    for each in checked.covered:
        yield from (f"  {each.waiver.id}: {line}" for line in _doubts(each, today))
    if checked.strangers:
        yield f"  Not looked at, since their policies are not known here: {plain(', '.join(checked.strangers))}."
        yield "  Give their files with --policies."


def _doubts(each: use_case.Covered, today: date) -> Iterator[str]:
    """Yield what somebody should look at."""
    for reason, count in each.lapsed:
        yield f"{number(count, 'finding')} back: {plain(reason)}"
    left = (each.waiver.until - today).days
    if left < 0 and not each.lapsed:
        yield f"ended on {each.waiver.until}; no finding needs it. Take it out."
    elif 0 <= left <= SOON:
        when = f"in {number(left, 'day')}" if left else "today"
        yield f"ends {when}, on {each.waiver.until}"
    if left >= 0 and not each.speaks_of:
        yield "speaks of nothing that fails"
