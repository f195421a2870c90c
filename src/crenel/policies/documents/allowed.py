"""Whether a policy document allows an action, on what its statements say alone."""

from __future__ import annotations

from crenel.language.plan import (
    TRUE,
    CountItems,
    Globs,
    IsNull,
    Literal,
    Lower,
    Matches,
    Predicate,
    conjunction,
    disjunction,
    negation,
)
from crenel.policies.context import Context
from crenel.policies.documents.statements import (
    ITEM,
    is_text,
    member,
    some_statement,
    statements_in,
    text_item,
)
from crenel.policies.values.patterns import pattern
from crenel.positions import Located


def allows_action(context: Context, item: Located, spec: Located) -> Predicate:
    """`allows-action`: a statement allows one of the `actions`, on a resource that the pattern `resources` matches.

    Wildcards in the statement count, and what NotAction and NotResource leave. Conditions and denials do not:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
    """
    keys = item.only("an allows-action filter", ("type", "actions", "resources"))
    if "actions" not in keys:
        raise item.error("an allows-action filter needs `actions`.", code="missing-key")
    named = [each.text("an action").lower() for each in keys["actions"].sequence("actions")]
    actions = [_speaks_of(Globs(Literal(each), Lower(text_item(ITEM))), "Action") for each in named]
    resources = (
        _speaks_of(Matches(text_item(ITEM), pattern(keys["resources"])), "Resource") if "resources" in keys else TRUE
    )
    return some_statement(
        statements_in(context, spec), is_text(member("Effect"), "Allow"), disjunction(actions), resources
    )


def _speaks_of(matches: Predicate, element: str) -> Predicate:
    """Return whether a statement's Action (or Resource) has a match, or its opposite is there and has none."""
    others = member(f"Not{element}")
    beside = conjunction([negation(IsNull(others)), negation(CountItems(others, ITEM, matches))])
    return disjunction([CountItems(member(element), ITEM, matches), beside])
