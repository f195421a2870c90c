"""Parameter groups of databases: a value filter on what a parameter is set to."""

from __future__ import annotations

import re
from collections.abc import Mapping

from crenel.catalog.columns import JSON, TEXT, ListOf, Struct
from crenel.language.plan import (
    NUMBER,
    At,
    Call,
    Choice,
    Compare,
    Convert,
    CountItems,
    Each,
    Field,
    Flat,
    In,
    IsNull,
    Literal,
    Matches,
    Predicate,
    Truth,
    Value,
    conjunction,
    disjunction,
    negation,
)
from crenel.language.walking import kind_of
from crenel.policies.context import Context, Filter
from crenel.policies.general.profile import param
from crenel.policies.values.value import VALUE_KEYS, matched, operation
from crenel.positions import Located

_NAME = re.compile(r'"[^"\\]+"|[\w.\-]+')
_PARAMETER = Struct({"ParameterName": TEXT, "ParameterValue": TEXT, "DataType": TEXT})


def _member(name: str, item: int) -> Field:
    return Field((name,), TEXT, item)


def _of_type(item: int, *names: str) -> Predicate:
    return In(_member("DataType", item), names)


def _recast(item: int) -> Value:
    """Return an RDS parameter's value as its data type says, as far as its text has that form."""
    text = _member("ParameterValue", item)
    digits = Matches(text, r"[0-9]+\z")
    number = Convert(text, "integer")
    boolean: list[tuple[Predicate, Value]] = [
        (digits, Truth(negation(Compare("eq", number, Literal(0))))),
        (Compare("eq", text, Literal("TRUE")), Literal(value=True)),
        (Compare("eq", text, Literal("FALSE")), Literal(value=False)),
    ]
    cases: list[tuple[Predicate, Value]] = [(conjunction([_of_type(item, "boolean"), it]), to) for it, to in boolean]
    cases.append((conjunction([_of_type(item, "integer"), digits]), number))
    cases.append((_of_type(item, "float"), Call("to_number", (text,), NUMBER)))
    found: Value = text
    for when, value in reversed(cases):
        found = Choice(when, value, found, JSON)
    return found


def _as_json(item: int) -> Value:
    """Return a Redshift parameter's value: integers and booleans as such, unless they are ``default``."""
    text = _member("ParameterValue", item)
    plain = disjunction([Compare("eq", text, Literal("default")), negation(_of_type(item, "integer", "boolean"))])
    return Choice(plain, text, Call("from_json", (text,), JSON), JSON)


def _named(parameters: Value, item: int, name: str, body: Value) -> Value:
    """Return the value of a parameter by its name, the last one's of several."""
    named = Compare("eq", _member("ParameterName", item), Literal(name))
    where = conjunction([named, negation(IsNull(_member("ParameterValue", item)))])
    return At(Each(parameters, item, where, body, ListOf(kind_of(body))), -1, kind_of(body))


def _name(item: Located) -> tuple[str, Mapping[str, Located]]:
    """Return the parameter that a filter names, and the filter's keys."""
    keys = item.only("a filter on parameters", VALUE_KEYS)
    if "key" not in keys:
        raise item.error("this filter needs `key`, the parameter's name.", code="missing-key")
    name = keys["key"].text("key")
    if not _NAME.fullmatch(name):
        raise keys["key"].error("parameters are asked by their name here, one in a filter.")
    return name.strip('"'), keys


def _compared(context: Context, found: Value, keys: Mapping[str, Located], item: Located) -> Predicate:
    return matched(context, found, keys["key"], keys.get("value"), operation(keys.get("op")), keys, item)


def db_parameter(context: Context, item: Located) -> Predicate:
    """`db-parameter`: a value filter on a parameter in one of the instance's groups. What is not set is absent.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_Parameter.html
    """
    name, keys = _name(item)
    one = Field((), ListOf(_PARAMETER), 1)
    found = _compared(context, _named(one, 2, name, _recast(2)), keys, item)
    return CountItems(context.column("DBParameters"), 1, found)


def db_cluster_parameter(context: Context, item: Located) -> Predicate:
    """`db-cluster-parameter`: a value filter on a parameter in the cluster's group. What is not set is absent."""
    name, keys = _name(item)
    return _compared(context, _named(context.column("DBClusterParameters"), 1, name, _recast(1)), keys, item)


def cluster_parameter(context: Context, item: Located) -> Predicate:
    """`param` of redshift: a value filter on a parameter of the cluster's groups, of which a later one counts.

    With `name` instead of `key` it is the filter that every type has, on the profile's parameter.
    https://docs.aws.amazon.com/redshift/latest/APIReference/API_Parameter.html
    """
    given = item.mapping("a param filter")
    if "name" in given and "key" not in given:
        return param(context, item)
    name, keys = _name(item)
    every = Flat(context.column("ClusterParameters"), ListOf(_PARAMETER))
    return _compared(context, _named(every, 1, name, _as_json(1)), keys, item)


FILTERS: Mapping[str, Mapping[str, Filter]] = {
    "rds": {"db-parameter": db_parameter},
    "rds-cluster": {"db-cluster-parameter": db_cluster_parameter},
    "redshift": {"param": cluster_parameter},
}
