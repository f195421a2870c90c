"""`crenel baseline plan`: the account-level practices in all Regions that were scanned, as one plan."""

from __future__ import annotations

from pathlib import Path

import click

from crenel import fix as use_case
from crenel.cli.fix_plan import check_target, out_option, settings_option, write_plan
from crenel.cli.options import lake_option, waivers_option
from crenel.cli.output import warn_of_damage
from crenel.model import GLOBAL
from crenel.scan import ScanOptions


@click.command()
@click.option("--account", multiple=True, metavar="ID", help="Only this account. Repeatable.")
@click.option(
    "--region",
    multiple=True,
    metavar="REGION",
    help="Only this Region, and what is of the whole account. Repeatable.",
)
@settings_option
@waivers_option
@lake_option
@out_option
def plan(
    *,
    account: tuple[str, ...],
    region: tuple[str, ...],
    settings: dict[str, str],
    waivers: tuple[Path, ...],
    lake: Path,
    target: str,
    style: str,
) -> None:
    """Write down the steps that put an account's own settings right, by the last snapshot and without a call.

    The practices 7, 9, 12 to 15, 17 to 19 and 26: password policy, account-wide block of public access, a multi-Region
    trail with key and validation, AWS Config, flow logs, closed default groups, EBS default encryption, GuardDuty. A
    bucket for logs and a key are made first, where an account has none; what is there is used. Each step says what it
    costs. Nothing is changed.

    \b
    Examples:
      crenel scan --for-fixes                              read also what repairs would like to know
      crenel baseline plan --out baseline.json
      crenel baseline plan --region eu-west-1 --set log-bucket=our-logs
    """  # noqa: D301
    check_target(target)
    planned = use_case.baseline(
        use_case.PlanOptions(
            ScanOptions(lake=lake, waivers=waivers),
            accounts=account,
            regions=(*region, GLOBAL) if region else (),
            settings=settings,
        )
    )
    for damage in planned.damages:
        warn_of_damage(damage)
    write_plan(planned, target, style)
