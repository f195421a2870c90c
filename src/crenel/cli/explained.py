"""`crenel explain`: a policy or a finding, for whoever has to decide or to act."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import click

from crenel import choice
from crenel.cli.options import as_of_option, format_option, lake_option, policies_option, standard_option
from crenel.cli.output import warn_of_damage
from crenel.errors import UsageError
from crenel.explaining.findings import explain_finding, stored
from crenel.explaining.model import Explanation
from crenel.explaining.policies import Decides, asked_of, explain_policy
from crenel.frameworks.load import builtin_frameworks, framework
from crenel.lake.snapshots import Lake
from crenel.model import Standard
from crenel.report.explanations import markdown, write

_FINDING = re.compile(r"[0-9a-f]{6,32}")


@click.command()
@click.argument("name", metavar="POLICY|FINDING")
@policies_option
@standard_option
@lake_option
@as_of_option
@format_option("text", "json", "markdown")
def explain(
    *, name: str, paths: tuple[Path, ...], standard: Standard, lake: Path, as_of: datetime | None, style: str
) -> None:
    """Explain a policy, or what was found: what it asks, why it matters, how to fix it, and how safe that is.

    FINDING is a finding's id or the beginning of it, six letters at least; it is looked for in the last snapshot. Then
    there is also what was seen, which of the policy's filters hold for the resource, and the steps that close it with
    what they may break. POLICY is a name, built in or of --policies; * stands for anything. Nothing is called.

    \b
    Examples:
      crenel explain s3-bucket-public-access-block
      crenel explain c1123509
      crenel explain c1123509 --format markdown
    """  # noqa: D301
    found = list(_explained(name, paths, standard, lake, as_of))
    if style == "json":
        click.echo(json.dumps([each.as_json() for each in found], indent=2))
        return
    for position, each in enumerate(found):
        if position:
            click.echo()
        if style == "markdown":
            click.echo(markdown(each), nl=False)
        else:
            write(each, sys.stdout)


def _explained(
    name: str, paths: Sequence[Path], standard: Standard, lake: Path, as_of: datetime | None
) -> Iterator[Explanation]:
    try:
        chosen = choice.choose(names=[name], paths=paths, standard=standard)
    except UsageError as error:
        if not _FINDING.fullmatch(name.lower()):
            raise UsageError(
                error.message, suggestion=error.suggestion or "A finding's id is of 0-9 and a-f."
            ) from error
    else:
        decides = _controls()
        for row in chosen.about()["policies"]:
            asked = asked_of(row)
            yield explain_policy(asked, decides.get(asked.policy, ()))
        return
    snapshot, damages = Lake(lake).latest(as_of)
    for damage in damages:
        warn_of_damage(damage)
    yield explain_finding(snapshot, *stored(snapshot, name))


def _controls() -> dict[str, list[Decides]]:
    found: dict[str, list[Decides]] = {}
    for each in map(framework, builtin_frameworks()):
        for control in each.controls:
            for policy in dict.fromkeys(asked.policy for asked in control.policies):
                found.setdefault(policy, []).append(Decides(each.id, control.id, control.title))
    return found
