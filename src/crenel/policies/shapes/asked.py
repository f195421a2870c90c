"""The shapes of the filters that ask AWS what only the policy says: permissions, usage, backups."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.policies.shapes.shape import COMPARED, INNER_KEY, Option, Shape

_COUNT = Option("count", "How many periods back.", "integer", required=True)
_PERIOD = Option("period", "What each backup is of.", words=("hours", "days", "weeks"), required=True)
_STATUS = Option("status", "The status of the backups that count.", "text", required=True)
_DAILY = Shape("There is a backup of each day.", (Option("days", "How many days back.", "integer", required=True),))
CONSECUTIVE = Shape("There is a backup of each period.", (_COUNT, _PERIOD, _STATUS))
_ON = Option("state", "Whether one does; false where it is left out.", "boolean")
ACL = Shape(
    "A web ACL protects the resource; or a value filter on that ACL.",
    (Option("web-acl", "One of this name (but for WAF Classic, a pattern).", "text"), _ON, INNER_KEY, *COMPARED),
)
_RECORD = "A value, or a value filter, on this key of a service's record."

NAMED: Mapping[str, Shape] = {
    "config-compliance": Shape(
        "Rules of AWS Config have found the resource in one of some states.",
        (
            Option("rules", "The rules, by their names.", "texts", required=True),
            Option("states", "Of these states; NON_COMPLIANT where it is left out.", "texts"),
            Option("op", "Whether an evaluation has to match some of `eval_filters`, or each.", words=("or", "and")),
            Option("eval_filters", "Value filters on the evaluations.", "attrs"),
        ),
    ),
    "finding": Shape(
        "Security Hub has a finding about the resource.",
        (
            Option("query", "Security Hub's own filters of findings.", "mapping"),
            Option("region", "The Region where findings come together.", "text"),
        ),
    ),
    "ops-item": Shape(
        "An operational item of OpsCenter names the resource.",
        (
            Option("status", "Open, In progress, Resolved; open ones where it is left out.", "texts"),
            Option("priority", "Of these priorities, 1 to 5.", "list"),
            Option("title", "What the title has in it.", "text"),
            Option("source", "Where the item comes from.", "text"),
        ),
    ),
    "missing": Shape(
        "A policy in the filter finds nothing.",
        (Option("policy", "That policy: `resource`, `filters`, `query`.", "mapping", required=True),),
    ),
    "json-diff": Shape("Refused: it needs AWS Config's history of each resource.", open=True),
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
OF_TYPES: Mapping[tuple[str, str], Shape] = {
    ("redshift", "consecutive-snapshots"): CONSECUTIVE,
    ("distribution", "waf-enabled"): Shape(
        "A web ACL of WAF Classic protects the distribution.",
        (Option("web-acl", "The one of this name or id.", "text"), _ON),
    ),
}
