"""Options of `custodian run` that `crenel run` does not have of its own, so that a command line goes on working.

https://cloudcustodian.io/docs/quickstart/advanced.html

Those that would change nothing about what is selected are taken with a note; those that say whose rights to use are an
error that says what to do instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import click

from crenel.errors import UsageError
from crenel.policies.written.load import SUFFIXES

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

# Options without effect: what they take ("" nothing; what stands in brackets may be left out), and why they have none.
_IDLE: Mapping[tuple[str, ...], tuple[str, str]] = {
    ("-m", "--metrics-enabled"): ("[PROVIDER]", "no metrics are published; metadata.json has them"),
    ("-l", "--log-group"): ("GROUP", "the log is custodian-run.log in each policy's folder"),
    ("--trace", "--tracer"): ("[TRACER]", "there is nothing to trace"),
    ("--skip-validation",): ("", "a policy has to be understood to be run"),
    ("--debug",): ("", "CRENEL_DEBUG=1 shows where an unexpected error happened"),
}
_PROFILE = "Write a profile into ~/.aws/config with {what}, and name it with --profile."
_REFUSED: Mapping[str, str] = {
    "--assume": _PROFILE.replace("{what}", "role_arn = {value} and source_profile"),
    "--external-id": _PROFILE.replace("{what}", "role_arn, source_profile and external_id = {value}"),
    "--session-policy": "Only reads are made; use the credentials of a role that may do no more.",
}
_KEY = "crenel.custodian"
_IN_MEMORY = "memory"  # Cloud Custodian's word for a cache that lasts as long as the run


def custodian_options(command: Decorated) -> Decorated:
    """Add the options; those of `-c` come as `configs`. What is to be said of the others `notes` has."""
    options = [
        click.option(
            "-c",
            "--config",
            "configs",
            multiple=True,
            type=click.Path(exists=True, path_type=Path),
            hidden=True,
            help="A file of policies, or a folder of them.",
        ),
        *(_idle(words, takes, why) for words, (takes, why) in _IDLE.items()),
        *(_refused(word, instead) for word, instead in _REFUSED.items()),
    ]
    return reduce(lambda decorated, option: option(decorated), options, command)


def notes() -> list[str]:
    """Return what is to be said of the options that this command was given and that have no effect."""
    found: list[str] = click.get_current_context().meta.get(_KEY, [])
    return found


def _note(ctx: click.Context, text: str) -> None:
    ctx.meta.setdefault(_KEY, []).append(text)


def _idle(words: tuple[str, ...], takes: str, why: str) -> Callable[[Decorated], Decorated]:
    def noted(ctx: click.Context, _: click.Parameter, value: object) -> None:
        if value:
            _note(ctx, f"{words[-1] if len(words[0]) == 2 else words[0]} has no effect here: {why}.")

    form: dict[str, Any] = {
        "help": f"No effect here: {why}.",
        "hidden": True,
        "expose_value": False,
        "callback": noted,
        "is_flag": not takes,
    }
    if takes.startswith("["):
        form["flag_value"] = "default"
    return click.option(*words, **form)


def _refused(word: str, instead: str) -> Callable[[Decorated], Decorated]:
    def refuse(_: click.Context, __: click.Parameter, value: str | None) -> None:
        if value is not None:
            what = f"{word} can't be taken: the credentials are those that are set, or a profile's."
            raise UsageError(what, suggestion=instead.format(value=value))

    return click.option(
        word, hidden=True, expose_value=False, callback=refuse, help="Refused, with what to do instead."
    )


def cache_folder(ctx: click.Context, _: click.Parameter, value: Path | None) -> Path | None:
    """Return the folder that `-f` names, None for what Cloud Custodian keeps in memory or in a file of its own.

    Raises `UsageError` for a policy file.
    """
    if value is None or not (str(value) == _IN_MEMORY or value.is_file()):
        return value
    if value.suffix in SUFFIXES:
        raise UsageError(f"-f names the cache, and {value} is a file of policies.", suggestion=_FILES)
    _note(ctx, f"the cache is a folder here, and {value} is none: nothing is kept.")
    return None


def named_policies(_: click.Context, __: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Return the patterns of policies' names. Raises `UsageError` where one is a policy file."""
    for word in value:
        if word.endswith(SUFFIXES) and Path(word).is_file():
            raise UsageError(f"-p chooses policies by name, and {word} is a file of policies.", suggestion=_FILES)
    return value


_FILES = "Policy files stand by themselves: crenel run FILE..."
