"""`crenel policies schema`: the JSON Schema of policy files, for editors."""

from __future__ import annotations

import json
from pathlib import Path

import click

from crenel.catalog.load import catalog
from crenel.policies.facts import facts
from crenel.policies.shapes.schema import schema as policy_schema


@click.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write it into this file instead.")
def schema(out: Path | None) -> None:
    """Print the JSON Schema of policy files: keys, filters with their options, ops, types and their keys.

    Editors complete and check policies with it.

    \b
    Examples:
      crenel policies schema --out .vscode/crenel.schema.json
    """  # noqa: D301
    text = json.dumps(policy_schema(catalog(), facts()), separators=(",", ":"))
    if out is None:
        click.echo(text)
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(f"{text}\n", encoding="utf-8")
