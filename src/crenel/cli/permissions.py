"""`crenel permissions`: the least-privilege IAM policy, derived from the plans."""

from __future__ import annotations

import json
from pathlib import Path

import click

from crenel import scan as use_case
from crenel.cli.options import for_fixes_option, policy_options
from crenel.errors import UsageError
from crenel.model import Standard
from crenel.remediate.permissions import MOST_LETTERS, policy_document
from crenel.remediate.planfile import from_file


@click.command()
@policy_options
@for_fixes_option
@click.option(
    "--fix",
    "plan",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="PLAN",
    help="Instead: what it takes to apply this plan of `crenel fix plan --out`, and to take it back.",
)
def permissions(
    *,
    policy: tuple[str, ...],
    practice: tuple[int, ...],
    paths: tuple[Path, ...],
    standard: Standard,
    for_fixes: bool,
    plan: Path | None,
) -> None:
    """Print the IAM policy document that lets a scan read what the chosen policies need, and nothing more.

    It is derived from what the policies read. Attach it to the user or role that runs `crenel scan`. A scan never needs
    what --fix prints: give that to whoever applies the plan, for as long as it takes.

    \b
    Examples:
      crenel permissions > scanner.json
      crenel permissions --practice 1 --practice 12
      crenel permissions --policies our-policies/
      crenel permissions --fix plan.json
    """  # noqa: D301
    options = use_case.ScanOptions(
        policies=policy, practices=practice, paths=paths, standard=standard, for_fixes=for_fixes
    )
    if plan is None:
        click.echo(json.dumps(use_case.permissions(options), indent=2))
        return
    if policy or practice or paths or for_fixes:
        raise UsageError("--fix speaks of one plan: options that choose policies can't be with it.")
    document = policy_document(from_file(plan))
    if not document["Statement"]:
        raise UsageError(f"{plan} has no automatic step, so it needs no permission.")
    click.echo(json.dumps(document, indent=2))
    if len(json.dumps(document, separators=(",", ":"))) > MOST_LETTERS:
        click.echo(
            f"This is longer than the {MOST_LETTERS:,} characters of a managed policy: split the plan.", err=True
        )
