"""`crenel serve`: the dashboard over the lake."""

from __future__ import annotations

import os
import secrets
import socket
from datetime import datetime
from pathlib import Path

import click

from crenel.cli.options import as_of_option, lake_option
from crenel.errors import UsageError
from crenel.lake.snapshots import Lake
from crenel.web.guard import Guard, is_loopback
from crenel.web.server import serving

TOKEN = "CRENEL_SERVE_TOKEN"  # noqa: S105 (the variable's name)
_LEAST = 16  # letters of a token of the user's own
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 (to be told from others)


@click.command()
@lake_option
@as_of_option
@click.option("--bind", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="The address to listen at.")
@click.option("--port", default=8321, show_default=True, type=click.IntRange(0, 65535), help="The port; 0 for any.")
@click.option(
    "--name", "names", multiple=True, metavar="HOST", help="A name by which browsers may call it. Repeatable."
)
@click.option(
    "--alerts",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Alerts to show: what crenel detect --format ndjson wrote.",
)
def serve(
    *, lake: Path, as_of: datetime | None, bind: str, port: int, names: tuple[str, ...], alerts: Path | None
) -> None:
    """Show the lake in a browser: findings, frameworks, resources, alerts, SQL. Nothing is changed, nothing is called.

    Only this machine can reach it, unless --bind says otherwise; then a token is asked for. It is printed, or is what
    $CRENEL_SERVE_TOKEN holds. Ctrl-C ends it.

    \b
    Examples:
      crenel serve
      crenel serve --alerts alerts.ndjson
      crenel serve --bind 0.0.0.0 --name security.example.org
    """  # noqa: D301
    token = "" if is_loopback(bind) else _token()
    known = {name.lower() for name in (*names, bind, socket.gethostname())}
    guard = Guard(known, token, literal=bind in _EVERYWHERE)
    click.echo("Laying out the newest snapshot …", err=True)
    with serving(Lake(lake), guard, bind=bind, port=port, as_of=as_of, alerts=alerts) as server:
        host = names[0] if names else "127.0.0.1" if bind in _EVERYWHERE else bind
        address = f"http://{f'[{host}]' if ':' in host else host}:{server.effective_port}/"
        click.echo(f"The dashboard is at {address}{f'?token={token}' if token else ''}")
        click.echo("Ctrl-C ends it.", err=True)
        server.run()
    click.echo("Ended.", err=True)


def _token() -> str:
    """Return the token of the environment, or a new one. Raises `UsageError` for one that could be guessed."""
    own = os.environ.get(TOKEN)
    if own is None:
        return secrets.token_urlsafe(24)
    if len(own) < _LEAST or not own.isascii() or not own.isprintable():
        raise UsageError(f"${TOKEN} is too weak: it needs {_LEAST} plain letters at least.")
    return own
