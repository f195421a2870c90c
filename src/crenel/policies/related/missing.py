"""`missing`: a policy in the filter, which is to find nothing in the account (and Region)."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.catalog.spec import ResourceType
from crenel.errors import did_you_mean
from crenel.language.plan import TRUE, Kept, Population, Predicate, Related
from crenel.language.walking import walk
from crenel.policies.context import Context, Filter
from crenel.policies.related.linked import within
from crenel.policies.written.queries import parameters, taken, type_named
from crenel.positions import Located

_KEYS = ("name", "resource", "filters", "query", "title", "description", "comment", "comments", "tags", "metadata")
_ELSEWHERE = ("mode", "actions")
_UNSUPPORTED = (
    "conditions", "region", "source", "start", "end", "tz", "max-resources", "max-resources-percent", "vars",
)  # fmt: skip


def missing(context: Context, item: Located) -> Predicate:
    """`missing`: the embedded policy's filters leave no resource of the account, in the Region if the type has them."""
    keys = item.only("a missing filter", ("type", "policy"))
    if "policy" not in keys:
        raise item.error("a missing filter needs `policy`.", code="missing-key")
    given = keys["policy"]
    for name in given.mapping("a policy"):
        if name in _ELSEWHERE:
            raise given.key_error(name, f"a policy in a filter has no {name}.", "Leave it out.")
        if name in _UNSUPPORTED:
            raise given.key_error(name, f"{name} of a policy in a filter is not supported.", code="unsupported")
    body = given.only("a policy in a filter", _KEYS)
    if "resource" not in body:
        raise given.error("a policy needs `resource`.", code="missing-key")
    kind = _kind(context, body)
    where: Predicate = TRUE
    if "filters" in body and body["filters"].value:
        where = context.of(kind).filtered(body["filters"])
        if any(isinstance(part, (Population, Kept)) for part in walk(where)):
            what = "what compares a resource with all others can't stand in a policy in a filter."
            raise body["filters"].error(what, "Leave out resource_count and reduce.", "unsupported")
    return Related(kind.name, (), within(context.type, kind), where, "eq", 0)


def _kind(context: Context, body: Mapping[str, Located]) -> ResourceType:
    """Return the type that a policy is about, its listing narrowed by `query`."""
    name = body["resource"].text("resource").removeprefix("aws.")
    if name not in context.catalog:
        what = f'there is no resource type "{name}" here.'
        raise body["resource"].error(what, did_you_mean(name, context.catalog), "unsupported-type")
    kind = context.catalog[name]
    if "query" not in body:
        return kind
    if not taken(kind):
        what = f"Cloud Custodian leaves out `query` of aws.{kind.name}."
        context.mistake(body["query"].error(what, "Use filters.", "no-effect"))
        return kind
    asked = parameters(kind, body["query"].sequence("query"))
    named = type_named(kind, asked)
    if named != kind.name or not asked:
        return context.catalog[named]
    return context.catalog[context.catalog.variant(kind.name, asked)]


FILTERS: Mapping[str, Mapping[str, Filter]] = {"account-region": {"missing": missing}}
