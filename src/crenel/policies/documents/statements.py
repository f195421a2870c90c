"""Filters on the statements of a policy document: what they say, whoever they speak to (`access` asks that).

They read the statements in one form (`crenel.collect.documents`). A list of one and its bare item are the same here, as
they are to IAM; where Cloud Custodian tells them apart (`no-encryption-statement`), it sees less.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from string import Formatter

from crenel.catalog.columns import JSON, STATEMENTS, TEXT, ListOf, Struct, Type
from crenel.catalog.details import statements_of
from crenel.errors import did_you_mean
from crenel.language.plan import (
    TRUE,
    Call,
    Compare,
    CountItems,
    Each,
    Field,
    IsNull,
    Literal,
    Lower,
    Predicate,
    Value,
    conjunction,
    disjunction,
    negation,
)
from crenel.policies.context import Context
from crenel.policies.keys.key import Place, value_at
from crenel.policies.values.value import VALUE_KEYS, value_filter
from crenel.positions import Located

ACCOUNT = Field(("_account",), TEXT)
_HOME = Field(("_home",), TEXT)
# The lists around a place: the statements, the items of a member of theirs, the values of a condition.
STATEMENT, ITEM, INNER = 1, 2, 3

_TEXTS = ("Sid", "Effect")
_ACTIONS = ("Action", "NotAction")
_LISTS = (*_ACTIONS, "Resource", "NotResource")
_PRINCIPALS = ("Principal", "NotPrincipal")
_PARTIAL = (*_LISTS, *_PRINCIPALS, "Condition")
_ELEMENTS = (*_TEXTS, *_PARTIAL, "PartialMatch")


def statements_in(context: Context, spec: Located, word: str = "document") -> Field:
    """Return the column with the statements of the document that a declaration names.

    That column has them itself, or a document as text or JSON; of the latter a column is made.
    """
    item = spec.mapping("a filter's declaration")[word]
    path = item.text(word)
    found = value_at(Place.of(context.type), path, item)
    if not isinstance(found, Field):
        raise item.error(f"{path} is no column.")
    if found.kind == STATEMENTS:
        return found
    made = "".join(step.removeprefix("c7n:") for step in found.path) + "Statements"
    return context.asked(statements_of(made, found.path, context.type.detail_of(found.path[0])))


def member(name: str, item: int = STATEMENT) -> Field:
    """Return a member of the statement, or of an item of a list in it."""
    kind: Type = _MEMBERS.get(name, TEXT)
    return Field((name,), kind, item)


_STATEMENT = STATEMENTS.item.fields if isinstance(STATEMENTS.item, Struct) else {}
_MEMBERS: Mapping[str, Type] = {**_STATEMENT, "Values": ListOf(TEXT)}
_TEXT_ITEM = {number: Field((), TEXT, number) for number in (ITEM, INNER)}


def text_item(number: int) -> Field:
    """Return the item of a list of texts."""
    return _TEXT_ITEM[number]


def some_statement(statements: Value, *where: Predicate) -> Predicate:
    """Return whether a document has a statement that fulfils all conditions."""
    return CountItems(statements, STATEMENT, conjunction(list(where)))


def is_text(value: Value, text: str | None) -> Predicate:
    """Return whether a value is this text."""
    return IsNull(value) if text is None else Compare("eq", value, Literal(text))


# --- has-statement


def has_statement(context: Context, item: Located, spec: Located) -> Predicate:
    """`has-statement`: the document has all the `statement_ids`, and a statement like each of `statements`.

    Lists may stand in any order, actions and the keys of conditions in any case. The elements that `PartialMatch` names
    may have more than is asked for. ``{account_id}``, ``{region}`` and the declaration's `names` are filled in; a text
    with another placeholder stays as it is. A resource without a document has none.
    """
    keys = item.only("a has-statement filter", ("type", "statement_ids", "statements"))
    statements = statements_in(context, spec)
    wanted = _Wanted(context, _names(context, spec))
    found = [_has_ids(statements, keys.get("statement_ids"))]
    found += [
        some_statement(statements, wanted.statement(each))
        for each in (keys["statements"].sequence("statements") if "statements" in keys else [])
    ]
    return conjunction([negation(IsNull(statements)), *found])


def missing_statement(context: Context, item: Located, spec: Located) -> Predicate:
    """`missing-policy-statement`: the document lacks some of the `statement_ids`, or there is none."""
    keys = item.only("a missing-policy-statement filter", ("type", "statement_ids"))
    statements = statements_in(context, spec)
    return disjunction([IsNull(statements), negation(_has_ids(statements, keys.get("statement_ids")))])


def _has_ids(statements: Field, item: Located | None) -> Predicate:
    ids = [each.text("a statement's id") for each in item.sequence("statement_ids")] if item else []
    # An id that is asked for twice has to be there twice.
    return conjunction(
        [
            CountItems(statements, STATEMENT, is_text(member("Sid"), each), "ge", ids.count(each))
            for each in dict.fromkeys(ids)
        ]
    )


def _names(context: Context, spec: Located) -> dict[str, Value]:
    """Return what the placeholders of a type's filter stand for."""
    keys = spec.mapping("a filter's declaration")
    region = Literal(context.region) if context.region else _HOME
    found: dict[str, Value] = {"account_id": ACCOUNT, "region": region}
    for name, key in (keys["names"].mapping("names") if "names" in keys else {}).items():
        path = key.text("a column")
        found[name] = _HOME if path == "@home" else value_at(Place.of(context.type), path, key)
    return found


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Makes of the statement that a policy asks for what a statement has to fulfil. `names`: what is filled in."""

    context: Context
    names: Mapping[str, Value]

    def statement(self, item: Located) -> Predicate:
        keys = item.only("a statement", _ELEMENTS)
        if "Effect" not in keys:
            raise item.error("a statement needs `Effect`.", code="missing-key")
        partial = self.partial(keys.get("PartialMatch"))
        elements = {name: value for name, value in keys.items() if name != "PartialMatch"}
        return conjunction([self.element(name, value, partial=name in partial) for name, value in elements.items()])

    @staticmethod
    def partial(item: Located | None) -> set[str]:
        if item is None:
            return set()
        parts = item.value if isinstance(item.value, list) else [item]
        names = {part.text("PartialMatch"): part for part in parts}
        for name, part in names.items():
            if name not in _PARTIAL:
                raise part.error(f'PartialMatch can\'t name "{name}".', did_you_mean(name, _PARTIAL), "unknown-value")
        return set(names)

    def element(self, name: str, item: Located, *, partial: bool) -> Predicate:
        if name in _TEXTS:
            return Compare("eq", member(name), self.filled(item))
        if name == "Condition":
            return self.conditions(item, partial=partial)
        if name in _PRINCIPALS:
            return self.principals(member(f"{name}s"), item, partial=partial)
        lower = name in _ACTIONS
        have: Value = Lower(text_item(ITEM)) if lower else text_item(ITEM)
        texts = [Lower(text) if lower else text for text in self.texts(item)]
        return _holds_all(member(name), ITEM, [Compare("eq", have, text) for text in texts], only=not partial)

    def principals(self, have: Field, item: Located, *, partial: bool) -> Predicate:
        kind, value = member("Kind", ITEM), member("Value", ITEM)
        if isinstance(item.value, dict):
            pairs = [(name, text) for name, each in item.value.items() for text in self.texts(each)]
            tests = [conjunction([is_text(kind, name), Compare("eq", value, text)]) for name, text in pairs]
            return _holds_all(have, ITEM, tests, only=not partial)
        texts = self.texts(item)
        tests = [conjunction([IsNull(kind), Compare("eq", value, text)]) for text in texts]
        if partial:
            # Cloud Custodian looks for a bare text among the kinds of principals as well.
            tests = [disjunction([test, Compare("eq", kind, text)]) for test, text in zip(tests, texts, strict=True)]
        return _holds_all(have, ITEM, tests, only=not partial)

    def conditions(self, item: Located, *, partial: bool) -> Predicate:
        operator, key = Lower(member("Operator", ITEM)), member("Key", ITEM)
        tests: list[Predicate] = []
        for word, asked in item.mapping("Condition").items():
            same = is_text(operator, word.lower())
            by_key = asked.mapping(f"the condition {word}")
            tests += [
                conjunction([same, is_text(key, name.lower()), self.values(values, partial=partial)])
                for name, values in by_key.items()
            ] or [same]
        return _holds_all(member("Conditions"), ITEM, tests, only=not partial)

    def values(self, item: Located, *, partial: bool) -> Predicate:
        """Return the predicate on a condition's values; a bare true or false is no text to Cloud Custodian."""
        parts = item.value if isinstance(item.value, list) else [item]
        texts = all(isinstance(part.value, str) for part in parts)
        if not texts:
            self.context.warning(
                item.error("documents mostly have a text here, and a text is not equal to this.", 'Write "true", "1".')
            )
        values = [
            self.filled(part) if isinstance(part.value, str) else Literal(json.dumps(self.context.scalar(part)))
            for part in parts
        ]
        tests: list[Predicate] = [Compare("eq", text_item(INNER), value) for value in values]
        same = Compare("eq", Field(("Texts",), _TEXTS_KIND, ITEM), Literal(texts))
        return conjunction([same, _holds_all(member("Values", ITEM), INNER, tests, only=not partial)])

    def texts(self, item: Located) -> list[Value]:
        return [self.filled(part) for part in (item.value if isinstance(item.value, list) else [item])]

    def filled(self, item: Located) -> Value:
        """Return a text with its placeholders filled, as Python's `str.format` fills them."""
        text = str(self.context.constant(item)) if isinstance(item.value, str) else item.text("this")
        try:
            pieces = list(Formatter().parse(text))
        except ValueError as error:
            raise item.error(f"this text has a brace that Cloud Custodian fails on: {error}.", "Double it.") from error
        parts: list[Value] = []
        for literal, name, layout, conversion in pieces:
            if literal:
                parts.append(Literal(literal))
            if name is None:
                continue
            if name not in self.names:
                return Literal(text)
            if layout or conversion:
                raise item.error("placeholders here have no format.")
            parts.append(self.names[name])
        if all(isinstance(part, Literal) for part in parts):
            return Literal("".join(str(part.value) for part in parts if isinstance(part, Literal)))
        return parts[0] if len(parts) == 1 else Call("join", (Literal(""), Call("gather", tuple(parts), _LIST)), TEXT)


_LIST = ListOf(TEXT)
_CONDITION = _STATEMENT["Conditions"]
_TEXTS_KIND: Type = (
    _CONDITION.item.fields["Texts"] if isinstance(_CONDITION, ListOf) and isinstance(_CONDITION.item, Struct) else TEXT
)


def _holds_all(have: Field, number: int, tests: Iterable[Predicate], *, only: bool) -> Predicate:
    """Return whether a list has an item for each test, and (`only`) none that passes no test."""
    each = list(tests)
    found: list[Predicate] = [negation(IsNull(have)), *(CountItems(have, number, test) for test in each)]
    if only:
        found.append(negation(CountItems(have, number, negation(disjunction(each)))))
    return conjunction(found)


# --- single questions


def no_encryption_statement(context: Context, item: Located, spec: Located) -> Predicate:
    """`no-encryption-statement`: no statement denies everybody to put objects without encryption.

    That holds without any policy, too. The statement has this one effect, principal, action and condition, and any
    resources:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingServerSideEncryption.html
    """
    item.only("a no-encryption-statement filter", ("type",))
    statements = statements_in(context, spec)
    key, values = member("Key", ITEM), member("Values", ITEM)
    methods = [is_text(text_item(INNER), method) for method in ("AES256", "aws:kms")]
    condition = conjunction(
        [
            is_text(member("Operator", ITEM), "StringNotEquals"),
            is_text(key, "s3:x-amz-server-side-encryption"),
            _holds_all(values, INNER, methods, only=True),
        ]
    )
    everybody = conjunction([IsNull(member("Kind", ITEM)), is_text(member("Value", ITEM), "*")])
    denied = some_statement(
        statements,
        is_text(member("Effect"), "Deny"),
        _holds_all(member("Principals"), ITEM, [everybody], only=True),
        _holds_all(member("Action"), ITEM, [is_text(text_item(ITEM), "s3:PutObject")], only=True),
        _holds_all(member("Conditions"), ITEM, [condition], only=True),
        *(IsNull(member(name)) for name in ("NotPrincipals", "NotAction", "NotResource")),
    )
    return negation(denied)


def check_secure_transport(context: Context, item: Located, spec: Located) -> Predicate:
    """`check-secure-transport`: no statement denies what comes without TLS, nor allows only what comes with it.

    https://docs.aws.amazon.com/efs/latest/ug/access-control-block-public-access.html
    """
    item.only("a check-secure-transport filter", ("type",))
    statements = statements_in(context, spec)
    asked = Field(("Condition", "Bool", "aws:SecureTransport"), JSON, STATEMENT)
    enforced = [
        conjunction([is_text(member("Effect"), effect), is_text(asked, value)])
        for effect, value in (("Deny", "false"), ("Allow", "true"))
    ]
    return negation(some_statement(statements, disjunction(enforced)))


def source_ip(context: Context, item: Located, spec: Located) -> Predicate:
    """`source-ip`: a value filter over the addresses from which statements allow access (its `key` is SourceIp).

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-sourceip
    """
    keys = item.only("a source-ip filter", VALUE_KEYS)
    statements = statements_in(context, spec)
    key = keys.get("key") or Located("SourceIp", item.where)
    address = Call("hash", (text_item(INNER),), JSON, ("SourceIp",))
    addresses = Each(member("Values", ITEM), INNER, TRUE, address, ListOf(JSON))
    place = Place(JSON, INNER, what="an address")
    matches = value_filter(context.inside(place), Located({**keys, "key": key}, item.where, item.keys))
    asked = [
        is_text(member("Operator", ITEM), "IpAddress"),
        is_text(member("Key", ITEM), "aws:sourceip"),
        CountItems(addresses, INNER, matches),
    ]
    return some_statement(
        statements, is_text(member("Effect"), "Allow"), CountItems(member("Conditions"), ITEM, conjunction(asked))
    )


def has_allow_all(context: Context, item: Located, spec: Located) -> Predicate:
    """`has-allow-all`: a statement allows the action "*" on the resource "*" without any condition."""
    item.only("a has-allow-all filter", ("type",))
    anything = [CountItems(member(name), ITEM, is_text(text_item(ITEM), "*")) for name in ("Action", "Resource")]
    return some_statement(
        statements_in(context, spec), is_text(member("Effect"), "Allow"), IsNull(member("Condition")), *anything
    )
