"""The shapes of the filters that ask AWS what only the policy says: permissions, usage, backups."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.policies.shape import Option, Shape

_COUNT = Option("count", "How many periods back.", "integer", required=True)
_PERIOD = Option("period", "What each backup is of.", words=("hours", "days", "weeks"), required=True)
_STATUS = Option("status", "The status of the backups that count.", "text", required=True)
_DAILY = Shape("There is a backup of each day.", (Option("days", "How many days back.", "integer", required=True),))
CONSECUTIVE = Shape("There is a backup of each period.", (_COUNT, _PERIOD, _STATUS))
_RECORD = "A value, or a value filter, on this key of a service's record."

NAMED: Mapping[str, Shape] = {
    "check-permissions": Shape(
        "IAM's policy simulator allows, or denies, actions.",
        (
            Option("actions", "The actions, as service:Action.", "texts", required=True),
            Option("match", "`allowed`, `denied`, or a value filter on the answer to an action.", required=True),
            Option("match-operator", "Whether all answers have to match, or some.", words=("and", "or")),
            Option("boundaries", "`false`: leave permissions boundaries aside.", "boolean"),
        ),
    ),
    "usage": Shape(
        "When the services that it may use were last used.",
        (
            Option(
                "match-operator",
                "Whether every service's record has to match, or any.",
                words=("all", "any"),
                required=True,
            ),
            Option("poll-delay", "Has no effect.", "number"),
            *(
                Option(name, _RECORD)
                for name in (
                    "ServiceName",
                    "ServiceNamespace",
                    "TotalAuthenticatedEntities",
                    "LastAuthenticated",
                    "LastAuthenticatedEntity",
                )
            ),
        ),
    ),
    "iam-role-tag-mirror": Shape(
        "The resource's tag and its role's differ, or agree.",
        (
            Option("key", "The key, `tag:NAME` as a rule.", "text", required=True),
            Option("match", "How the two are to be.", words=("equal", "not-equal", "in")),
            Option("value", "With `match: in`, the values that both may have.", "texts"),
            Option("missing-ok", "Whether a missing tag counts as equal.", "boolean"),
            Option("ignore", "Roles with one of these values don't count.", "list"),
        ),
    ),
    "consecutive-backups": Shape(
        CONSECUTIVE.text,
        (
            *CONSECUTIVE.options,
            Option("backuptype", "Of which kind.", words=("SYSTEM", "USER", "AWS_BACKUP", "ALL"), required=True),
        ),
    ),
    "consecutive-aws-backups": CONSECUTIVE,
    "consecutive-snapshots": _DAILY,
}
OF_TYPES: Mapping[tuple[str, str], Shape] = {("redshift", "consecutive-snapshots"): CONSECUTIVE}
