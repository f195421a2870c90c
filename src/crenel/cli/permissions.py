"""`crenel permissions`: the least-privilege IAM policy, derived from the plans."""

from __future__ import annotations

import json
from pathlib import Path

import click

from crenel import scan as use_case
from crenel.cli.options import policy_options
from crenel.model import Standard


@click.command()
@policy_options
def permissions(
    policy: tuple[str, ...], practice: tuple[int, ...], paths: tuple[Path, ...], standard: Standard
) -> None:
    """Print the IAM policy document that lets a scan read what the chosen policies need, and nothing more.

    It is derived from what the policies read. Attach it to the user or role that runs `crenel scan`.

    \b
    Examples:
      crenel permissions > scanner.json
      crenel permissions --practice 1 --practice 12
      crenel permissions --policies our-policies/
    """  # noqa: D301
    options = use_case.ScanOptions(policies=policy, practices=practice, paths=paths, standard=standard)
    click.echo(json.dumps(use_case.permissions(options), indent=2))
