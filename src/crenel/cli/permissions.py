"""`crenel permissions`: the least-privilege IAM policy, derived from the plans."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from crenel import scan as use_case
from crenel.cli.options import for_fixes_option, policy_options, waivers_option
from crenel.errors import UsageError
from crenel.hub.sending import push_document
from crenel.model import Standard
from crenel.remediate.permissions import MOST_LETTERS, policy_document
from crenel.remediate.planfile import from_file


@click.command()
@policy_options
@waivers_option
@for_fixes_option
@click.option(
    "--fix",
    "plan",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="PLAN",
    help="Instead: what it takes to apply this plan of `crenel fix plan --out`, and to take it back.",
)
@click.option("--push", is_flag=True, help="Instead: what `crenel report --push security-hub` needs.")
def permissions(  # noqa: PLR0913 (the command line's options)
    *,
    frameworks: tuple[str, ...],
    policy: tuple[str, ...],
    practice: tuple[int, ...],
    paths: tuple[Path, ...],
    standard: Standard,
    waivers: tuple[Path, ...],
    for_fixes: bool,
    plan: Path | None,
    push: bool,
) -> None:
    """Print the IAM policy document that lets a scan read what the chosen policies need, and nothing more.

    It is derived from what the policies read. Attach it to the user or role that runs `crenel scan`. A scan never needs
    what --fix prints: give that to whoever applies the plan, for as long as it takes; nor what --push prints, which is
    for sending findings to Security Hub.

    \b
    Examples:
      crenel permissions > scanner.json
      crenel permissions --framework cis-7.0
      crenel permissions --practice 1 --practice 12
      crenel permissions --policies our-policies/
      crenel permissions --fix plan.json
      crenel permissions --push
    """  # noqa: D301
    options = use_case.ScanOptions(
        policies=policy,
        practices=practice,
        paths=paths,
        frameworks=frameworks,
        standard=standard,
        for_fixes=for_fixes,
        waivers=waivers,
    )
    chosen = bool(frameworks or policy or practice or paths or for_fixes)
    if push:
        if chosen or plan is not None:
            raise UsageError("--push is for findings alone: no other option that chooses can be with it.")
        click.echo(json.dumps(push_document(), indent=2))
        return
    if plan is None:
        document = use_case.permissions(options)
        click.echo(json.dumps(document, indent=2))
        _told_if_long(document, "make two of it, each with some of the actions, and attach both to the role.")
        return
    if chosen:
        raise UsageError("--fix speaks of one plan: options that choose policies can't be with it.")
    document = policy_document(from_file(plan))
    if not document["Statement"]:
        raise UsageError(f"{plan} has no automatic step, so it needs no permission.")
    click.echo(json.dumps(document, indent=2))
    _told_if_long(document, "split the plan.")


def _told_if_long(document: Mapping[str, Any], hint: str) -> None:
    """Say on standard error that a document is too long for one managed policy, and what to do."""
    if len(json.dumps(document, separators=(",", ":"))) > MOST_LETTERS:
        click.echo(f"This is longer than the {MOST_LETTERS:,} characters of a managed policy: {hint}", err=True)
