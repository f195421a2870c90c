"""`crenel policies`: what is judged, how it is written, and whether own files are right."""

from __future__ import annotations

from collections.abc import Mapping

import click

from crenel.cli import LazyGroup

_COMMANDS: Mapping[str, tuple[str, str, str]] = {
    "list": ("crenel.cli.policy_texts", "list_", "List the policies."),
    "show": ("crenel.cli.policy_texts", "show", "Show a policy, its text and what it reads."),
    "check": ("crenel.cli.check", "check", "Check policy files: every error, without any call."),
    "explain": (
        "crenel.cli.policy_explained",
        "explain",
        "Say in plain English what a policy matches, and what it reads.",
    ),
    "test": ("crenel.cli.policy_tests", "test", "Run the examples of policies."),
    "schema": ("crenel.cli.policy_schema", "schema", "Print the JSON Schema of policy files, for editors."),
    "coverage": (
        "crenel.cli.coverage",
        "coverage",
        "Show how many policies run here, and why others do not.",
    ),
}


@click.group(cls=LazyGroup, table=_COMMANDS)
def policies() -> None:
    """List, show and check policies, and see which run.

    \b
    Examples:
      crenel policies list
      crenel policies show iam-root-no-access-key
      crenel policies check our-policies/
      crenel policies coverage our-policies/
    """  # noqa: D301
