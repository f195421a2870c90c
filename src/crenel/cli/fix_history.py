"""`crenel fix history`: which plans were applied, and what became of each step."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from crenel.cli.listing import print_columns
from crenel.cli.options import format_option, lake_option
from crenel.errors import LakeError
from crenel.remediate.history import summary
from crenel.remediate.runs import Runs
from crenel.remediate.states import differences
from crenel.report.text import plain, short

_LONGEST = 300  # letters of a state


@click.command()
@click.argument("run", required=False, default="")
@lake_option
@format_option("table", "json")
def history(*, run: str, lake: Path, style: str) -> None:
    """List the runs of plans, the newest first; of one run, its steps, with the states before and after.

    \b
    Examples:
      crenel fix history
      crenel fix history 20261125T131500Z-3f2a1b
      crenel fix history --format json
    """  # noqa: D301
    runs = Runs(lake)
    if run:
        found = summary(runs.named(run))
        if style == "json":
            click.echo(json.dumps(found, indent=2))
        else:
            for line in _lines(found):
                click.echo(line)
        return
    good, bad = [], []
    for each in runs.all():
        try:
            good.append(summary(each))
        except LakeError as error:
            bad.append(str(error))
    for message in bad:
        click.echo(f"Damaged: {plain(message)}", err=True)
    if style == "json":
        click.echo(json.dumps(good, indent=2))
    elif good:
        print_columns(("RUN", "PLAN", "STATE", "STEPS"), [_row(each) for each in good])
    elif not bad:
        click.echo(f"No plan was applied from {lake}.")


def _row(found: Mapping[str, Any]) -> tuple[str, ...]:
    stages = Counter(step["stage"] for step in found["steps"])
    return found["run"], found["plan"], found["state"], ", ".join(f"{count} {name}" for name, count in stages.items())


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"Run {found['run']} of the plan {plain(found['plan'])}: {found['state']}"
    if found["began_at"]:
        yield f"Began {found['began_at']}, last word {found['ended_at']}"
    for step in found["steps"]:
        yield f"{plain(step['id']):>3}  {step['stage']:<9} {plain(step['title'])}"
        yield f"     in {plain(step['account'])}, {plain(step['region'])}" + (f", {step['at']}" if "at" in step else "")
        if "reason" in step:
            yield f"     {plain(step['reason'])}"
        if "after" in step:
            yield from (f"     {short(line, _LONGEST)}" for line in differences(step["before"], step["after"]))
