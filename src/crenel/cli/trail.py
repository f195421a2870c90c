"""`crenel trail`: whether CloudTrail's logs are what was delivered."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

import click

from crenel.cli.options import format_option
from crenel.cli.reading import reach_options
from crenel.logs.model import Wanted
from crenel.report.text import number, plain
from crenel.trail import Chain, Finding, Outcome, Problem, Status
from crenel.trail import validate as use_case

CODES = {Status.VALID: 0, Status.INVALID: 1, Status.UNKNOWN: 4}
_SHOWN = 20  # files of one problem that are told one by one, where none is invalid


@click.group()
def trail() -> None:
    """CloudTrail's log files: whether they are what was delivered.

    \b
    Examples:
      crenel trail validate s3://our-trail
      crenel trail validate --public-keys keys.json copy/
    """  # noqa: D301


@trail.command()
@click.argument("place")
@reach_options
@click.option(
    "--public-keys",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="CloudTrail's public keys, as `aws cloudtrail list-public-keys` prints them. Repeatable. Default: ask AWS.",
)
@format_option("text", "json")
def validate(
    *,
    place: str,
    since: datetime | None,
    until: datetime | None,
    account: tuple[str, ...],
    region: tuple[str, ...],
    public_keys: tuple[Path, ...],
    style: str,
) -> None:
    """Check log files against CloudTrail's signed digests: which were altered, removed or added.

    PLACE is a folder (a copy of a trail's bucket) or an s3:// prefix, with CloudTrail-Digest and CloudTrail below it.

    \b
    Examples:
      crenel trail validate s3://our-trail
      crenel trail validate --since 2026-11-01 --until 2026-11-30 s3://our-trail/AWSLogs/111122223333/
      crenel trail validate --public-keys keys.json copy/

    \b
    Exit codes:
      0    everything is proven
      1    something is invalid: altered, missing, moved or added
      2    usage
      4    nothing is invalid, and not everything could be read or proven
      130  interrupted
    """  # noqa: D301
    wanted = Wanted(since, until, frozenset(account), frozenset(region))
    outcome = use_case(place, wanted, public_keys)
    if style == "json":
        json.dump(as_json(outcome), sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        write_text(outcome, sys.stdout)
    click.get_current_context().exit(CODES[outcome.status])


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as a JSON object."""
    return {
        "place": outcome.place,
        "status": outcome.status,
        "digests": _counts(outcome.digests),
        "logs": _counts(outcome.logs),
        "chains": [_chain(each) for each in outcome.chains],
        "findings": [
            {
                "status": each.status,
                "problem": each.problem,
                "kind": each.kind,
                "path": each.path,
                "message": each.message,
                "digest": each.digest or None,
            }
            for each in outcome.findings
        ],
    }


def write_text(outcome: Outcome, out: TextIO) -> None:
    """Write an outcome for people: what is wrong, the chains, the sums. Many that are not proven are summed up."""
    counted: Counter[tuple[Status, Problem, str]] = Counter()
    order = (Status.INVALID, Status.UNKNOWN, Status.UNCOVERED)
    for finding in sorted(outcome.findings, key=lambda each: order.index(each.status)):
        key = (finding.status, finding.problem, finding.kind)
        counted[key] += 1
        if finding.status is Status.INVALID or counted[key] <= _SHOWN:
            out.write(f"{_line(finding)}\n")
    for (status, problem, kind), count in counted.items():
        if status is not Status.INVALID and count > _SHOWN:
            what = number(count - _SHOWN, f"{kind} file")
            out.write(f"{status.upper():<9}  {problem:<10}  … and {what} more; --format json names all\n")
    if outcome.findings:
        out.write("\n")
    for chain in outcome.chains:
        out.writelines(f"{line}\n" for line in _chain_lines(chain))
    out.write(f"digests: {_sum(outcome.digests)}\nlog files: {_sum(outcome.logs)}\n")


def _line(finding: Finding) -> str:
    return f"{finding.status.upper():<9}  {finding.problem:<10}  {plain(finding.path)}: {plain(finding.message)}"


def _chain_lines(chain: Chain) -> Iterator[str]:
    kind = "backfill digest" if chain.backfill else "digest"
    empty = f", {chain.empty:,} of an hour without logs" if chain.empty else ""
    yield (
        f"{chain.account} {chain.region}, trail {plain(chain.trail)} of {chain.home_region}: "
        f"{number(chain.digests, kind)}{empty}, {_time(chain.first)} to {_time(chain.last)}"
    )
    if chain.begins:
        yield f"  begins {plain(chain.begins)}"
    for gap in chain.gaps:
        yield f"  gap    {_time(gap.since)} to {_time(gap.until)}: {gap.reason}"


def _chain(chain: Chain) -> dict[str, Any]:
    return {
        "account": chain.account,
        "region": chain.region,
        "trail": chain.trail,
        "home_region": chain.home_region,
        "backfill": chain.backfill,
        "digests": chain.digests,
        "empty": chain.empty,
        "first": _time(chain.first),
        "last": _time(chain.last),
        "begins": chain.begins or None,
        "gaps": [
            {"since": _time(each.since), "until": _time(each.until), "reason": each.reason} for each in chain.gaps
        ],
    }


def _counts(counter: Mapping[Status, int]) -> dict[str, int]:
    return {status.value: counter[status] for status in Status if status in counter}


def _sum(counter: Mapping[Status, int]) -> str:
    return ", ".join(f"{count:,} {status}" for status, count in _counts(counter).items()) or "none"


def _time(time: datetime | None) -> str | None:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}" if time else None
