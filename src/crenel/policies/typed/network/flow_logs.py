"""`flow-logs` of VPCs, subnets, network interfaces and transit gateways."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.errors import did_you_mean
from crenel.language.plan import FALSE, Compare, Literal, Op, Predicate, Related, Value, conjunction, negation
from crenel.policies.context import Context, Filter
from crenel.policies.keys.key import Place, value_at
from crenel.policies.values.doubts import doubt
from crenel.policies.values.value import how_many
from crenel.positions import Located

# Cloud Custodian's own names of traits: what they are called in AWS's answers.
_TRAITS: Mapping[str, str] = {
    "status": "FlowLogStatus",
    "deliver-status": "DeliverLogsStatus",
    "destination": "LogDestination",
    "destination-type": "LogDestinationType",
    "traffic-type": "TrafficType",
    "log-format": "LogFormat",
    "log-group": "LogGroupName",
}
# Its words for AWS's, of the traits that have words of their own.
_WORDS: Mapping[str, Mapping[str, str]] = {
    "status": {"active": "ACTIVE"},
    "deliver-status": {"success": "SUCCESS", "failure": "FAILED"},
    "traffic-type": {"accept": "ACCEPT", "reject": "REJECT", "all": "ALL"},
}


def flow_logs(context: Context, item: Located) -> Predicate:
    """`flow-logs`: the flow logs of the resource that match all `attrs`, as many as `count` says or at least one.

    The older form has traits instead: with `enabled: true` some flow log has them all, else none has; `set-op: and`
    asks for them of every flow log.
    """
    keys = item.only("a flow-logs filter", ("type", "attrs", "count", "count_op", "enabled", "op", "set-op", *_TRAITS))
    if "attrs" in keys:
        return _matching(context, item, keys)
    for name in ("count", "count_op"):
        if name in keys:
            context.mistake(item.key_error(name, f"{name} has no effect without attrs, in Cloud Custodian neither."))
    where = conjunction(_traits(context, keys))
    if "set-op" in keys and _word(keys["set-op"], ("or", "and")) == "and":
        return _found(context, item, negation(where), "eq", 0)
    if "enabled" in keys and context.boolean(keys["enabled"]):
        return _found(context, item, where, "ge", 1)
    return _found(context, item, where, "eq", 0)


def _matching(context: Context, item: Located, keys: Mapping[str, Located]) -> Predicate:
    mixed = [name for name in _TRAITS if name in keys]
    if mixed:
        raise item.key_error(mixed[0], f"{mixed[0]} does not go with attrs.", f"Say it in attrs: {_TRAITS[mixed[0]]}.")
    for name in ("enabled", "op", "set-op"):
        if name in keys:
            context.mistake(item.key_error(name, f"{name} has no effect beside attrs, in Cloud Custodian neither."))
    where = context.of(context.catalog["flow-log"]).filtered(keys["attrs"])
    op, count = how_many(context, keys)
    return _found(context, item, where, op, count)


def _found(context: Context, item: Located, where: Predicate, op: Op, count: int) -> Predicate:
    theirs = value_at(Place.of(context.catalog["flow-log"]), "ResourceId", item)
    return Related("flow-log", ((context.column(context.type.id), theirs),), "region", where, op, count)


def _traits(context: Context, keys: Mapping[str, Located]) -> list[Predicate]:
    place = Place.of(context.catalog["flow-log"])
    opposite = "op" in keys and _word(keys["op"], ("equal", "not-equal")) == "not-equal"
    parts: list[Predicate] = []
    for name, column in _TRAITS.items():
        if name in keys:
            value = value_at(place, column, keys[name])
            wanted = Literal(_trait(context, name, value, keys[name]))
            parts.append(FALSE if opposite else Compare("eq", value, wanted))
    if opposite and parts:
        error = keys["op"].error(
            "with op not-equal no flow log has the traits, in Cloud Custodian neither.",
            "Use attrs with a value filter whose op is ne.",
        )
        context.mistake(error)
    return parts


def _trait(context: Context, name: str, value: Value, item: Located) -> str:
    wanted = context.resolved(item).text(name)
    words = _WORDS.get(name)
    if words is None:
        doubt(context, value, Literal(wanted), item, "eq", "", item)
        return wanted
    if wanted not in words:
        hint = did_you_mean(wanted.lower(), words) or f"There are {', '.join(words)}."
        raise item.error(f'flow-logs has no {name} "{wanted}".', hint)
    return words[wanted]


def _word(item: Located, known: tuple[str, ...]) -> str:
    word = item.text("this")
    if word not in known:
        raise item.error(f'"{word}" is none of {", ".join(known)}.', did_you_mean(word.lower(), known))
    return word


FILTERS: Mapping[str, Mapping[str, Filter]] = {
    name: {"flow-logs": flow_logs} for name in ("vpc", "subnet", "eni", "transit-gateway")
}
