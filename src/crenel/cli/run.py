"""`crenel run`: what `custodian run --dryrun` does."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from crenel import run as use_case
from crenel.cli import silence
from crenel.cli.custodian_options import cache_folder, custodian_options, named_policies, notes
from crenel.cli.fix_apply import STOPPED, show_and_apply
from crenel.cli.options import lake_option, parse_time
from crenel.cli.progress import progress
from crenel.collect.rows import reach
from crenel.errors import UsageError
from crenel.positions import describe
from crenel.remediate.actions import NOT_SUPPORTED, joined
from crenel.remediate.use_cases import MOST_CHANGES, Limits
from crenel.report.text import number, plain, printable
from crenel.run.webhooks import Hook, send

FAILED = 2
_NOTES = 20  # of plans; all are in their files
_TABLE, _JSON, _IDS = "table", "json", "ids"


def _number(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if value and not (value.isascii() and value.isdecimal() and len(value) == 12):
        raise click.BadParameter(f"{value!r} is no account number: it has 12 digits.", ctx, param)
    return value


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="PATH...")
@click.option("-s", "--output-dir", "out", default="", metavar="OUT", help="Write a folder a policy below this one.")
@click.option(
    "-r",
    "--region",
    multiple=True,
    metavar="REGION",
    help="Run in this Region; `all`: in each that the account has opted in to. Repeatable. Default: the profile's.",
)
@click.option(
    "-p",
    "--policies",
    "names",
    multiple=True,
    metavar="GLOB",
    callback=named_policies,
    help="Only policies of such a name. Repeatable.",
)
@click.option(
    "-t",
    "--tag",
    "--resource",
    "tags",
    multiple=True,
    metavar="TAG",
    help="Only policies with this tag, or of this resource type. Repeatable.",
)
@click.option(
    "--vars",
    "text_variables",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Variables (YAML or JSON) that fill the policy files' text before it is read; braces are doubled then.",
)
@click.option(
    "--vars-file",
    "variables",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Variables that the policies' placeholders name, beside {account_id}, {region} and their kin.",
)
@click.option(
    "-f",
    "--cache",
    type=click.Path(path_type=Path),
    metavar="DIR",
    callback=cache_folder,
    help="Keep what is read here, and take it from here while it is young. Default: nothing is kept.",
)
@click.option(
    "--cache-period",
    type=click.FloatRange(min=0),
    default=15,
    show_default=True,
    metavar="MINUTES",
    help="How long what is kept is taken for the truth.",
)
@click.option("--now", metavar="TIME", callback=parse_time, help="Measure ages against this time (ISO 8601, UTC).")
@click.option(
    "--account-id",
    metavar="ID",
    default="",
    callback=_number,
    help="The account's number; it is not asked then.",
)
@click.option("--profile", default="", metavar="NAME", help="An AWS profile.")
@click.option("--allow-web", is_flag=True, help="Let `value_from` read http and https addresses.")
@click.option(
    "--format",
    "style",
    type=click.Choice([_TABLE, _JSON, _IDS]),
    default=_TABLE,
    show_default=True,
    help="On standard output: a summary, the documents as one JSON list, or their ids as one.",
)
@click.option("--json", "style", flag_value=_JSON, help="The same as --format json.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no line a policy on standard error.")
@click.option("-v", "--verbose", count=True, help="A line a policy on standard error, beside the summary.")
@click.option("-d", "--dryrun", "--dry-run", is_flag=True, hidden=True, help="Taken for Cloud Custodian's sake.")
@click.option("--apply", "acts", is_flag=True, help="Show the plan of the policies' actions, ask, and do it.")
@click.option("--yes", is_flag=True, help="With --apply: do it without asking.")
@click.option(
    "--max-changes",
    type=click.IntRange(min=1),
    default=MOST_CHANGES,
    show_default=True,
    help="With --apply: refuse to begin where more steps than this are to be done.",
)
@click.option("--allow-irreversible", is_flag=True, help="With --apply: do also steps that can't be taken back.")
@lake_option
@custodian_options
def run(  # noqa: PLR0913 (the command line's options)
    *,
    files: tuple[Path, ...],
    configs: tuple[Path, ...],
    out: str,
    region: tuple[str, ...],
    names: tuple[str, ...],
    tags: tuple[str, ...],
    text_variables: Path | None,
    variables: Path | None,
    cache: Path | None,
    cache_period: float,
    now: datetime | None,
    account_id: str,
    profile: str,
    allow_web: bool,
    style: str,
    quiet: bool,
    verbose: int,
    dryrun: bool,
    acts: bool,
    yes: bool,
    max_changes: int,
    allow_irreversible: bool,
    lake: Path,
) -> None:
    """Run Cloud Custodian policies over an account and write which resources they select, as `custodian run --dryrun`.

    A folder is read whole, with the folders in it: all .yml, .yaml and .json files that are not hidden. All policies
    share one collection, which only reads, and only what they need. Actions are planned: the steps are in plan.json
    beside the resources, and nothing is changed without --apply, after which `crenel fix undo` takes it back.

    A detail of a resource that could not be read counts as absent, as it does with Cloud Custodian; which resources
    that decides stands in gaps.json. A listing that could not be read is an error of the policies that it decides.
    Options of `custodian run` that have no effect here, as --metrics-enabled and --log-group, are taken with a note.

    \b
    Examples:
      crenel run -s out policies/                          a folder a policy: resources.json, metadata.json, a log
      crenel run -s out --region eu-west-1 --region us-east-1 policies/
      crenel run --region all --json -p 'ebs-*' policies.yml
      crenel run -s out --cache ~/.cache/crenel policies/   again within 15 minutes: without a call
      crenel run -s out --apply policies/                   do what their actions say, after showing it and asking

    \b
    Exit codes:
      0    every policy ran
      1    unexpected error
      2    usage, credentials, a full disk, or a policy that can't be loaded or run (the others ran)
      5    --apply stopped, or was declined
      130  interrupted
    """  # noqa: D301
    if not files and not configs:
        raise click.UsageError("Missing argument 'PATH...': files of policies, or folders of them.")
    if acts and (dryrun or style != _TABLE):
        raise click.UsageError(f"--apply does not go with {'--dryrun' if dryrun else '--format ' + style}.")
    if not acts and (yes or allow_irreversible):
        raise click.UsageError("--yes and --allow-irreversible go with --apply.")
    for text in notes() if not quiet else ():
        _say(f"Note: {plain(text)}")
    options = use_case.RunOptions(
        files=(*files, *configs),
        out=out,
        regions=region,
        cache=cache,
        minutes=cache_period,
        names=names,
        tags=tags,
        text_variables=text_variables,
        variables=variables,
        now=now,
        account=account_id,
        profile=profile,
        web=allow_web,
    )
    with progress(sys.stderr, quiet=quiet) as watch, use_case.run(options, watch) as outcome:
        _complain(outcome, lines=not quiet and (verbose > 0 or style != _TABLE), quiet=quiet)
        try:
            _write(outcome, style, out, acts=acts)
        except BrokenPipeError:
            silence(sys.stdout)
        plans = [result.plan for result in outcome.results if result.plan is not None]
    code = 0
    if acts and plans:
        plan = joined(plans)
        profiles = (profile,) if profile else ()
        limits = Limits(max_changes, irreversible=allow_irreversible)
        click.echo()
        how = f"crenel run --apply {' '.join(str(file) for file in files)}"
        code = show_and_apply(plan, plan.automatic, lake, profiles, limits, yes=yes, how=how)
        code = code or _send([hook for result in outcome.results for hook in result.hooks], yes=yes)
    click.get_current_context().exit(code or (FAILED if outcome.failed else 0))


def _send(hooks: Sequence[Hook], *, yes: bool) -> int:
    """Send the requests of webhooks after asking; return the exit code."""
    if not hooks:
        return 0
    if not yes and not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on.", suggestion="--yes sends the requests without asking.")
    places = ", ".join(dict.fromkeys(plain(hook.place) for hook in hooks))
    if not yes and not click.confirm(f"Send {number(len(hooks), 'request')} to {places}?"):
        click.echo("None was sent.")
        return STOPPED
    lost = 0
    for hook in hooks:
        try:
            send(hook)
        except UsageError as error:
            lost += 1
            _say(f"Error: {hook.policy}: {plain(error.message)}")
    click.echo(f"{number(len(hooks) - lost, 'request')} sent to {places}" + (f", {lost:,} failed." if lost else "."))
    return STOPPED if lost else 0


def _complain(outcome: use_case.Outcome, *, lines: bool, quiet: bool) -> None:
    """Say on standard error what went wrong, and what went how."""
    for text in dict.fromkeys(text for result in outcome.results for text in result.warnings):
        _say(f"Warning: {plain(text)}")
    if outcome.reused is not None and not quiet:
        _say(f"Nothing was read: the cache has a snapshot that is {outcome.reused:.0f} minutes old (--cache-period).")
    for result in outcome.results:
        where = f"{result.policy.name} ({result.region})"
        if result.error:
            _say(f"Error: {where}: {plain(result.error)}")
        elif lines:
            _say(plain(result.line()))
        if result.gaps and not result.error:
            _say(f"Warning: {where}: {plain(result.lost())}")
    notes_made = dict.fromkeys(note for each in outcome.results if each.plan is not None for note in each.plan.notes)
    for text in [note for note in notes_made if not note.startswith(NOT_SUPPORTED)][:_NOTES]:
        _say(f"Note: {plain(text)}")
    for name, region, reason in outcome.skipped if not quiet else ():
        _say(f"{name} ({region}) did not run: {reason}.")
    for broken in outcome.broken:
        name = f"{broken.policy}: " if broken.policy else ""
        _say(f"Error: {name}{printable(describe(broken.error))}")


def _say(text: str) -> None:
    click.echo(text, err=True)


def _write(outcome: use_case.Outcome, style: str, out: str, *, acts: bool) -> None:
    if style == _TABLE:
        _summary(outcome, out, acts=acts)
        return
    lead = "["
    for result in outcome.results:
        for text in result.documents():
            item = json.dumps(reach(json.loads(text), result.key)) if style == _IDS else text
            sys.stdout.write(f"{lead}\n{item}")
            lead = ","
    sys.stdout.write("[]\n" if lead == "[" else "\n]\n")
    sys.stdout.flush()


def _summary(outcome: use_case.Outcome, out: str, *, acts: bool) -> None:
    rows = [("policy", "resource", "region", "selected", "")]
    for result in outcome.results:
        note = "could not be run" if result.error else f"{result.undecided:,} undecided" if result.undecided else ""
        selected = "-" if result.error else f"{result.count:,}"
        rows.append((result.policy.name, f"aws.{result.policy.resource}", result.region, selected, note))
    widths = [max(len(row[at]) for row in rows) for at in range(3)]
    number_width = max(len(row[3]) for row in rows)
    for row in rows if len(rows) > 1 else ():
        cells = [plain(cell).ljust(width) for cell, width in zip(row[:3], widths, strict=True)]
        click.echo("  ".join([*cells, row[3].rjust(number_width), row[4]]).rstrip())
    if len(rows) > 1:
        click.echo()
    click.echo(_closing(outcome, out))
    if told := _planned(outcome, out, acts=acts):
        click.echo(told)


def _planned(outcome: use_case.Outcome, out: str, *, acts: bool) -> str:
    """Say what the policies' actions come to, nothing where they have none."""
    plans = [result.plan for result in outcome.results if result.plan is not None]
    if not plans:
        return ""
    plan = joined(plans)
    lacking = sum(1 for note in plan.notes if note.startswith(NOT_SUPPORTED))
    told = f"Their actions plan {number(len(plan.automatic), 'step') if plan.automatic else 'no step'}"
    told += f", and {number(lacking, 'action is', 'actions are')} not supported" if lacking else ""
    where = f": plan.json in the policies' folders of {plain(out)}" if out else ""
    waits = bool(plan.automatic) and not acts
    return f"{told}{where}.{' Nothing was changed; --apply does them.' if waits else ''}"


def _closing(outcome: use_case.Outcome, out: str) -> str:
    """Say in one sentence how many policies ran and failed, what they selected, and where it is."""
    ran = {result.policy.name for result in outcome.results if not result.error}
    unnamed = sum(1 for broken in outcome.broken if not broken.policy)
    failed = {result.policy.name for result in outcome.results if result.error}
    failed |= {broken.policy for broken in outcome.broken if broken.policy}
    left_out = {name for name, _, _ in outcome.skipped} - ran - failed
    regions = f"{len(outcome.regions)} Regions of " if len(outcome.regions) > 1 else ""
    told = f"{number(len(ran), 'policy', 'policies') if ran else 'No policy'} ran in {regions}account {outcome.account}"
    if ran:
        total = sum(result.count for result in outcome.results if not result.error)
        told += f" and selected {number(total, 'resource')} in {outcome.seconds:.1f} s"
    rest = [
        *([f"{len(failed):,} failed"] if failed else []),
        *([f"{len(left_out):,} left out"] if left_out else []),
        *([f"{number(unnamed, 'error')} in the files"] if unnamed else []),
    ]
    written = f"the {'results' if ran else 'logs'} are in {plain(out)}" if out else "without -s nothing was kept"
    if not outcome.results:
        written = "nothing was written"
    return f"{', '.join([told, *rest])}; {written}."
