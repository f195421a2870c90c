"""`crenel compliance`: how frameworks stand, by the last snapshot."""

from __future__ import annotations

import shlex
from datetime import datetime
from pathlib import Path

import click
from click.core import ParameterSource

from crenel import standing as use_case
from crenel.cli.options import as_of_option, default_lake, format_option, lake_option, policies_option, waivers_option
from crenel.cli.output import check_output, output, output_option, warn_of_damage
from crenel.cli.scan import FAILED, INCOMPLETE
from crenel.errors import UsageError
from crenel.judge.compliance import ControlState
from crenel.report.compliance import Compliance, percent
from crenel.report.compliance_files import FORMATS
from crenel.scan import ScanOptions


@click.command()
@click.argument("frameworks", metavar="[FRAMEWORK]...", nargs=-1)
@policies_option
@waivers_option
@click.option("--account", multiple=True, metavar="ID", help="Only what this account has. Repeatable.")
@lake_option
@as_of_option
@format_option(*FORMATS)
@output_option
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Exit with 3 where the score of a framework is lower.",
)
def compliance(  # noqa: PLR0913 (the command line's options)
    *,
    frameworks: tuple[str, ...],
    paths: tuple[Path, ...],
    waivers: tuple[Path, ...],
    account: tuple[str, ...],
    lake: Path,
    as_of: datetime | None,
    style: str,
    target: str,
    fail_under: float | None,
) -> None:
    """Show how a framework stands: the score of each section, and each control with the reasons.

    The last snapshot is judged again by the framework, without a call. Without FRAMEWORK: those that the last scan was
    asked for, as it judged them. A score is the share of controls that pass, of those that pass or fail; what is
    unknown, manual or waived is counted beside it.

    \b
    Examples:
      crenel scan --framework cis-7.0
      crenel compliance
      crenel compliance cis-7.0 --account 111122223333
      crenel compliance our-rules.yaml --fail-under 80
      crenel compliance fsbp --format csv --output fsbp.csv

    \b
    Exit codes:
      0    done
      2    usage, a framework that does not load, no snapshot
      3    a score lower than --fail-under
      4    with --fail-under: no control could be decided
    """  # noqa: D301
    check_output(target)
    given = click.get_current_context().get_parameter_source("waivers") is ParameterSource.COMMANDLINE
    if given and not frameworks:
        raise UsageError(
            "what the last scan was asked for stands as it was judged, with that scan's waivers.",
            suggestion="Name a framework.",
        )
    options = ScanOptions(frameworks=frameworks, paths=paths, lake=lake, as_of=as_of, waivers=waivers)
    found = use_case.standing(options, account)
    for damage in found.damages:
        warn_of_damage(damage)
    report = Compliance(
        found.info, found.accounts, found.frameworks, found.by_account, found.missing, _scan(frameworks, paths, lake)
    )
    with output(target) as out:
        FORMATS[style](report, out)
    click.get_current_context().exit(_exit_code(report, fail_under))


def _scan(frameworks: tuple[str, ...], paths: tuple[Path, ...], lake: Path) -> str:
    """Return the command that reads what the frameworks need."""
    words = [] if lake == default_lake() else ["--lake", str(lake)]
    words += [word for name in frameworks for word in ("--framework", name)]
    words += [word for path in paths for word in ("--policies", str(path))]
    return shlex.join(["crenel", "scan", *words])


def _exit_code(report: Compliance, fail_under: float | None) -> int:
    if fail_under is None:
        return 0
    scores = {framework.id: framework.score for framework in report.frameworks}
    for name, score in scores.items():
        if score.value is not None and score.value * 100 < fail_under:
            failed = score.count(ControlState.FAIL)
            click.echo(f"{name}: {percent(score)} is less than {fail_under:g}%: {failed} controls fail.", err=True)
    if any(score.value is not None and score.value * 100 < fail_under for score in scores.values()):
        return FAILED
    return INCOMPLETE if any(score.value is None for score in scores.values()) else 0
