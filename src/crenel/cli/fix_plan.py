"""`crenel fix plan`: the steps that close what fails, for a person to review."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import click

from crenel import fix as use_case
from crenel.cli.options import format_option, lake_option, policy_options, waivers_option
from crenel.cli.output import STDOUT, check_output, output, warn_of_damage
from crenel.errors import UsageError
from crenel.model import Standard
from crenel.remediate.planfile import to_text
from crenel.report.plans import write
from crenel.scan import ScanOptions

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def _settings(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{text!r} is no NAME=VALUE.", ctx, param)
        if name in found and found[name] != value:
            raise click.BadParameter(f"{name} is set twice.", ctx, param)
        found[name] = value
    return found


settings_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_settings,
    help="A decision that is yours (a bucket, a key, yes); docs/repairs.md has the names. Repeatable.",
)


def out_option(command: Decorated) -> Decorated:
    """Add --out and --format, with which a plan is written."""
    options = (
        click.option("--out", "target", default="", metavar="FILE", help="Write the plan to this file, as JSON."),
        format_option("table", "json"),
    )
    return reduce(lambda decorated, option: option(decorated), reversed(options), command)


@click.command()
@policy_options
@waivers_option
@click.option(
    "--resource", multiple=True, metavar="ID", help="Only this id, ARN or name; * stands for anything. Repeatable."
)
@click.option(
    "--finding", multiple=True, metavar="ID", help="Only this finding, by its id or the beginning. Repeatable."
)
@click.option("--account", multiple=True, metavar="ID", help="Only this account. Repeatable.")
@click.option("--region", multiple=True, metavar="REGION", help="Only this Region. Repeatable.")
@settings_option
@lake_option
@out_option
def plan(  # noqa: PLR0913 (the command line's options)
    *,
    frameworks: tuple[str, ...],
    policy: tuple[str, ...],
    practice: tuple[int, ...],
    paths: tuple[Path, ...],
    standard: Standard,
    waivers: tuple[Path, ...],
    resource: tuple[str, ...],
    finding: tuple[str, ...],
    account: tuple[str, ...],
    region: tuple[str, ...],
    settings: dict[str, str],
    lake: Path,
    target: str,
    style: str,
) -> None:
    """Write down the steps that close what fails in the last snapshot, without a call.

    Each step says what it changes, whether it can be taken back, what it may break, what it costs, and the AWS CLI
    command that does the same. What only you can decide or do is a step by hand. Nothing is changed.

    \b
    Examples:
      crenel scan --for-fixes                              read also what could break
      crenel fix plan                                      everything that fails
      crenel fix plan --practice 18 --region eu-west-1
      crenel fix plan --policy vpc-flow-logs --set flow-log-bucket=our-logs --out plan.json
    """  # noqa: D301
    check_target(target)
    planned = use_case.plan(
        use_case.PlanOptions(
            ScanOptions(
                policies=policy,
                practices=practice,
                paths=paths,
                frameworks=frameworks,
                standard=standard,
                lake=lake,
                waivers=waivers,
            ),
            resources=resource,
            findings=finding,
            accounts=account,
            regions=region,
            settings=settings,
        )
    )
    for damage in planned.damages:
        warn_of_damage(damage)
    write_plan(planned, target, style)


def write_plan(planned: use_case.Planned, target: str, style: str) -> None:
    """Write a plan to standard output, and to the file `target` where there is one."""
    if target:
        text = to_text(planned.plan)
        with output(target) as out:
            out.write(text)
    if style == "json":
        sys.stdout.write(to_text(planned.plan))
        return
    write(planned.plan, sys.stdout, planned.info)
    if target:
        click.echo(f"Written to {target}.", err=True)


def check_target(target: str) -> None:
    """Raise `UsageError` where no plan can be written to a file."""
    if target == STDOUT:
        raise UsageError("--out takes a file.", suggestion="--format json writes to standard output.")
    if target:
        check_output(target)
