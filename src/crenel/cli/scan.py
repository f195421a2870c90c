"""`crenel scan`: read, judge, report."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from crenel import scan as use_case
from crenel.cli import silence
from crenel.cli.explain import write_explanation
from crenel.cli.notify import tell_all
from crenel.cli.options import (
    as_of_option,
    default_lake,
    for_fixes_option,
    format_option,
    lake_option,
    policy_options,
    waivers_option,
)
from crenel.cli.output import STDOUT, check_output, output, output_option, warn_of_damage
from crenel.cli.progress import progress
from crenel.errors import UsageError
from crenel.model import Severity, Standard
from crenel.notify.load import load_targets
from crenel.notify.model import Target
from crenel.notify.use_cases import check
from crenel.report.formats import FORMATS
from crenel.report.model import Report
from crenel.report.text import number

FAILED, INCOMPLETE = 3, 4
NEVER = "none"


@click.command()
@click.option("--profile", multiple=True, metavar="NAME", help="An AWS profile; each is an account. Repeatable.")
@click.option(
    "--region",
    multiple=True,
    metavar="REGION",
    help="Only this Region. Repeatable. Default: every Region that the account has opted in to.",
)
@policy_options
@waivers_option
@lake_option
@format_option(*FORMATS)
@output_option
@click.option(
    "--fail-on",
    type=click.Choice([*(each.value for each in Severity), NEVER]),
    default=NEVER,
    show_default=True,
    help="Exit with 3 where something of this level or above fails.",
)
@as_of_option
@click.option("--offline", is_flag=True, help="Judge the last snapshot, without a call.")
@click.option("--explain", is_flag=True, help="Print which calls the scan would make, and make none of them.")
@click.option("--resume", is_flag=True, help="Go on with the last scan that was interrupted.")
@for_fixes_option
@click.option(
    "--notify",
    "told",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Then tell those that this file names what is new or worse, as `crenel notify FILE` does.",
)
@click.option("--quiet", is_flag=True, help="No progress on standard error.")
def scan(  # noqa: PLR0913 (the command line's options)
    *,
    profile: tuple[str, ...],
    region: tuple[str, ...],
    frameworks: tuple[str, ...],
    policy: tuple[str, ...],
    practice: tuple[int, ...],
    paths: tuple[Path, ...],
    standard: Standard,
    waivers: tuple[Path, ...],
    lake: Path,
    style: str,
    target: str,
    fail_on: str,
    as_of: datetime | None,
    offline: bool,
    explain: bool,
    resume: bool,
    for_fixes: bool,
    told: Path | None,
    quiet: bool,
) -> None:
    """Read AWS accounts in all their Regions, judge them by the policies, and print what fails.

    Credentials come from where AWS's own tools take them: --profile, the environment, SSO, the instance's role. The
    scan only reads, only what the policies need (`crenel permissions` prints the rights for it), and keeps a snapshot.

    \b
    Examples:
      crenel scan                                          the 26 practices, all Regions
      crenel scan --framework cis-7.0 --framework fsbp     what these frameworks ask for
      crenel scan --profile prod --profile staging         two accounts
      crenel scan --explain                                what it would cost
      crenel scan --practice 12 --practice 25 --fail-on high
      crenel scan --format json --output findings.json
      crenel scan --offline --standard cis                 judge the last snapshot by other parameters
      crenel scan --as-of 2026-11-20                       judge an old one

    \b
    Exit codes:
      0    done
      1    unexpected error
      2    usage, credentials, or a policy that does not load
      3    a FAIL at or above --fail-on
      4    the scan is incomplete (something could not be read), and no 3
      130  interrupted; go on with --resume
    """  # noqa: D301
    options = use_case.ScanOptions(
        profiles=profile,
        regions=region,
        policies=policy,
        practices=practice,
        paths=paths,
        frameworks=frameworks,
        standard=standard,
        lake=lake,
        as_of=as_of,
        resume=resume,
        for_fixes=for_fixes,
        waivers=waivers,
    )
    stored = offline or as_of is not None
    _refuse_contradictions(options, stored=stored, explain=explain)
    if told and (stored or explain):
        raise UsageError("--notify speaks of a new scan.", suggestion="For one that is there: crenel notify FILE.")
    targets = load_targets(told) if told else ()
    check(targets)
    check_output(target)
    if explain:
        with output(target) as out:
            write_explanation(use_case.explain(options), style, out)
        return
    with use_case.judge_stored(options) if stored else _read(options, quiet=quiet) as outcome:
        for damage in outcome.damages if style != "table" else ():
            warn_of_damage(damage)
        write_report(report_of(outcome, again(options), frameworks), style, target, quiet=quiet)
        code = exit_code(outcome, fail_on)
    if targets:
        code = _notified(targets, lake, code)
    click.get_current_context().exit(code)


def _notified(targets: Sequence[Target], lake: Path, code: int) -> int:
    """Tell others of the scan; return the exit code: that of a verdict stands, whoever could not be told."""
    try:
        tell_all(targets, lake)
    except UsageError as error:
        if code != FAILED:
            raise
        click.echo(f"Error: {error}", err=True)
    return code


def report_of(outcome: use_case.Outcome, repeat: str, frameworks: Sequence[str] = ()) -> Report:
    """Return the report of a scan's outcome; `repeat` is the command that gives it again."""
    return Report(
        outcome.info,
        outcome.judgement,
        outcome.plans,
        outcome.damages,
        seconds=outcome.seconds,
        again=repeat,
        frameworks=frameworks,
    )


def exit_code(outcome: use_case.Outcome, fail_on: str) -> int:
    """Return 3 for a FAIL at or above the level, else 4 where something was not read, else 0."""
    worst = outcome.judgement.worst_fail()
    if fail_on != NEVER and worst is not None and worst.rank >= Severity(fail_on).rank:
        return FAILED
    complete = outcome.info.complete and outcome.judgement.whole and not outcome.judgement.gap_count()
    return 0 if complete else INCOMPLETE


def again(options: use_case.ScanOptions) -> str:
    """Return the command that judges what was just judged once more, without a call."""
    when = ["--as-of", f"{options.as_of:%Y-%m-%dT%H:%M:%S}"] if options.as_of else ["--offline"]
    return shlex.join(["crenel", "scan", *when, *_choice(options)])


def resumed(options: use_case.ScanOptions) -> str:
    """Return the command that goes on with an interrupted scan: with the same accounts and policies."""
    accounts = [word for name in options.profiles for word in ("--profile", name)]
    more = ["--for-fixes"] if options.for_fixes else []
    return shlex.join(["crenel", "scan", "--resume", *accounts, *more, *_choice(options)])


def _choice(options: use_case.ScanOptions) -> list[str]:
    """Return the words that choose the same lake and policies again."""
    words = [] if options.lake == default_lake() else ["--lake", str(options.lake)]
    words += [] if options.standard is Standard.FSBP else ["--standard", options.standard]
    words += [word for name in options.frameworks for word in ("--framework", name)]
    words += [word for path in options.paths for word in ("--policies", str(path))]
    words += [word for path in options.waivers for word in ("--waivers", str(path))]
    words += [word for name in options.policies for word in ("--policy", name)]
    return words + [word for each in options.practices for word in ("--practice", str(each))]


def _refuse_contradictions(options: use_case.ScanOptions, *, stored: bool, explain: bool) -> None:
    how = "--as-of" if options.as_of else "--offline"
    if stored and options.resume:
        raise UsageError(f"--resume goes on reading, and {how} reads nothing.", suggestion="Leave one out.")
    if stored and (options.profiles or options.regions):
        raise UsageError(f"{how} judges a whole snapshot: --profile and --region can't be with it.")
    if stored and options.for_fixes:
        raise UsageError(f"--for-fixes reads more, and {how} reads nothing.", suggestion="Leave one out.")
    if explain and (stored or options.resume):
        raise UsageError("--explain speaks of a new scan.", suggestion="Leave out --offline, --as-of and --resume.")


def _read(options: use_case.ScanOptions, *, quiet: bool) -> use_case.Outcome:
    try:
        with progress(sys.stderr, quiet=quiet) as watch:
            return use_case.scan(options, watch)
    except KeyboardInterrupt:
        click.echo(f"\nWhat was read is kept. Go on with it: {resumed(options)}", err=True)
        raise


def write_report(report: Report, style: str, target: str, *, quiet: bool) -> None:
    """Write a report in a format; of one that goes to a file say on standard error what it holds."""
    try:
        with output(target) as out:
            FORMATS[style].write(report, out)
    except BrokenPipeError:
        # The verdict stands, and with it the exit code, whether or not somebody read to the end.
        silence(sys.stdout)
        return
    if target != STDOUT and not quiet:
        totals: dict[str, int] = {}
        for _, status, count in report.judgement.counts():
            totals[status] = totals.get(status, 0) + count
        counts = ", ".join(f"{count:,} {status}" for status, count in sorted(totals.items()))
        click.echo(f"{target}: {counts or 'no findings'}, {number(report.judgement.gap_count(), 'gap')}", err=True)
