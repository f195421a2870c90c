"""Fields of an event, and what a rule wants of them, as predicates.

A field is a path of names with dots, from the record on. Lists on the way and at its end are walked: one item that fits
is enough, so a negation means that none does. Texts are compared without case, numbers and truth values by the text
that JSON has for them, objects and lists by their JSON, for which quotes in it may also be written without backslashes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from crenel.catalog.columns import JSON, TEXT
from crenel.catalog.events import KEYS, TEXTS
from crenel.detections.sigma.networks import within
from crenel.detections.sigma.values import (
    Exists,
    Network,
    Null,
    Number,
    Order,
    Pattern,
    Reference,
    Text,
    Wanted,
    Wild,
)
from crenel.errors import did_you_mean
from crenel.language import plan
from crenel.language.plan import (
    INTEGER,
    TRUE,
    And,
    Call,
    Choice,
    Compare,
    CountItems,
    Field,
    In,
    IsNull,
    Literal,
    Not,
    Predicate,
    Value,
    conjunction,
    disjunction,
    negation,
)
from crenel.language.records import Fits, Folded, Reached, Said, Stands

_NUMERIC = r"\A[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\z"
_NESTED = r"\A[{\[]"  # JSON of an object or a list
_NULL = "null"


def shown(field: str) -> Value:
    """Return what a field says, as an alert shows it or a correlation groups by it: null where it is JSON's null."""
    path = tuple(field.split("."))
    if len(path) == 1 and path[0] in TEXTS:
        return Said(Stands(path), "none")
    is_null = Compare("eq", Said(Stands(path), "source"), Literal(_NULL))
    return Choice(is_null, Literal(None), Said(Stands(path), "json"), TEXT)


def doubt(field: str) -> tuple[str, str] | None:
    """Return why no event has a field, and what may be meant; None where AWS documents it, or leaves it open."""
    first, *rest = field.split(".")
    if first not in KEYS:
        return f'CloudTrail\'s events have no "{first}".', did_you_mean(first, KEYS)
    members: Mapping[str, object] | None = KEYS[first].members if KEYS[first].kind != TEXT else None
    if members is not None and not members:
        return None
    above = first
    for name in rest:
        if members is None or "" in members:
            return f'"{above}" is a single value, and has no "{name}".', ""
        if name not in members:
            return f'AWS documents no "{name}" in {above}.', did_you_mean(name, members)
        inner = members[name]
        if inner is ...:
            return None
        members = inner if isinstance(inner, dict) else None
        above = f"{above}.{name}"
    return None


def asked(field: str, wanted: Sequence[Wanted]) -> Predicate:
    """Return whether a field fits one of the values."""
    path = tuple(field.split("."))
    parts: list[Predicate] = []
    texts: list[Wanted] = []
    for each in wanted:
        match each:
            case Null():
                parts.append(negation(_something(path)))
            case Exists(there):
                found = _exists(path)
                parts.append(found if there else negation(found))
            case Reference():
                parts.append(_refers(path, each))
            case Text(parts=(Wild.ANY,)):
                parts.append(_something(path))
            case _:
                texts.append(each)
    if texts:
        if len(path) == 1 and path[0] in TEXTS and not any(_fits_null(each) for each in texts):
            parts.append(_one_of(Said(Stands(path), "json"), texts))
        else:
            parts.append(_any(path, _one_of_item(texts)))
    return disjunction(parts)


def mentioned(wanted: Wanted) -> Predicate:
    """Return whether the event as a whole, its JSON, has a text or fits a pattern."""
    record = Said(Stands(()), "json")
    match wanted:
        case Number(text=text):
            wanted = Text((text,))
    if isinstance(wanted, Text):
        wanted = wanted.around(before=True, after=True)
    return disjunction([_one_of(record, [wanted]), *_in_json(record, [wanted])])


# --- places


def _any(path: tuple[str, ...], where: Predicate) -> Predicate:
    """Return whether something that is not null stands at a path and fulfils a condition on the item 1."""
    return CountItems(Reached(path), 1, where)


def _something(path: tuple[str, ...]) -> Predicate:
    """Return whether something that is not null stands at a path; of a column of texts without a look at JSON."""
    if len(path) > 1 or path[0] not in TEXTS:
        return _any(path, TRUE)
    text, other = Said(Stands(path), "none"), Said(Stands(path), "json")
    return disjunction([Not(IsNull(text)), And((Not(IsNull(other)), Compare("ne", other, Literal(_NULL))))])


def _item(number: int) -> Field:
    return Field((), JSON, number)


def _exists(path: tuple[str, ...]) -> Predicate:
    there: Predicate = Not(IsNull(Stands(path)))
    return there if len(path) == 1 else disjunction([there, _any(path, TRUE)])


def _refers(path: tuple[str, ...], wanted: Reference) -> Predicate:
    """Return whether a value of one field equals a value of another, or has it as a part."""
    both: list[Value] = [Said(_item(number), "json") for number in (1, 2)]
    mine, other = both if wanted.cased else [Folded(each) for each in both]
    same: Predicate = Compare("eq", mine, other) if wanted.test is None else Fits(wanted.test, mine, other)
    return _any(path, CountItems(Reached(tuple(wanted.field.split("."))), 2, same))


# --- texts


def _one_of_item(wanted: Sequence[Wanted]) -> Predicate:
    """Return whether the item 1 fits one of the values."""
    text = Said(_item(1), "json")
    nested = _in_json(text, wanted)
    parts = [_one_of(text, wanted)]
    if nested:
        parts.append(And((Fits("regex", Said(_item(1), "source"), Literal(_NESTED)), disjunction(nested))))
    return disjunction(parts)


def _in_json(text: Value, wanted: Sequence[Wanted]) -> list[Predicate]:
    """Return what else may be found in the JSON of an object: quotes unescaped, and backslashes as JSON has them."""
    parts: list[Predicate] = []
    unquoted = Call("replaced", (text,), TEXT, ('\\"', '"'))
    for each in wanted:
        if isinstance(each, Pattern) or (isinstance(each, Text) and (each.test() is None or '"' in each.plain)):
            parts.append(_fits(unquoted, each))
        if isinstance(each, Text) and each.test() != (None, each.plain) and each.in_json() != each:
            parts.append(_fits(text, each.in_json()))
    return parts


def _one_of(text: Value, wanted: Sequence[Wanted]) -> Predicate:
    """Return whether a text fits one of the values."""
    equal: dict[bool, list[str]] = {}
    parts: list[Predicate] = []
    for each in wanted:
        match each:
            case Number(text=number):
                equal.setdefault(False, []).append(number.lower())
            case Text(cased=cased) if not each.wild and (cased or each.plain.isascii()):
                equal.setdefault(cased, []).append(each.plain if cased else each.plain.lower())
            case _:
                parts.append(_fits(text, each))
    for cased, texts in equal.items():
        value = text if cased else Folded(text)
        among = tuple(dict.fromkeys(texts))
        parts.append(Compare("eq", value, Literal(among[0])) if len(among) == 1 else In(value, among))
    return disjunction(parts)


def _fits(text: Value, wanted: Wanted) -> Predicate:
    """Return whether a text fits a value."""
    match wanted:
        case Text():
            return _fits_text(text, wanted)
        case Pattern(written=written):
            return Fits("regex", text, Literal(written))
        case Order(op, number, part):
            return _ordered(text, op, number, part)
        case Network(network):
            return within(text, network)
    raise AssertionError(wanted)


def _fits_text(text: Value, wanted: Text) -> Predicate:
    value = text if wanted.cased else Folded(text)
    found = wanted.test()
    if found is not None:
        test, plain = found
        other = _folded(plain, cased=wanted.cased)
        return Compare("eq", value, other) if test is None else Fits(test, value, other)
    pattern = "".join(
        {Wild.ANY: ".*", Wild.ONE: "."}[part] if isinstance(part, Wild) else _quoted(part, cased=wanted.cased)
        for part in wanted.parts
    )
    whole = Fits("regex", value, Literal(rf"(?s)\A{pattern}\z"))
    longest = max((part for part in wanted.parts if isinstance(part, str)), key=len, default="")
    # The longest part of it is quickly seen not to be there.
    return conjunction([Fits("contains", value, _folded(longest, cased=wanted.cased)), whole]) if longest else whole


def _folded(text: str, *, cased: bool) -> Value:
    if cased:
        return Literal(text)
    return Literal(text.lower()) if text.isascii() else Folded(Literal(text))


def _quoted(text: str, *, cased: bool) -> str:
    """Return a text as a part of a pattern."""
    # A letter of which the lower case is two stays as it is, as the engine leaves it.
    letters = text if cased else "".join(low if len(low := each.lower()) == 1 else each for each in text)
    return "".join(
        each if each.isascii() and each.isalnum() else f"\\{each}" if each.isascii() and each.isprintable()
        else f"\\x{{{ord(each):X}}}" for each in letters
    )  # fmt: skip


def _ordered(text: Value, op: plan.Op, number: float, part: str) -> Predicate:
    if part:
        return Compare(op, Call("calendar", (text,), INTEGER, (part,)), Literal(number))
    return And((Fits("regex", text, Literal(_NUMERIC)), Compare(op, plan.Number(text), Literal(number))))


def _fits_null(wanted: Wanted) -> bool:
    """Return whether the text "null" may fit, which then has to be told apart from JSON's null."""
    match wanted:
        case Pattern(null=null):
            return null
        case Text():
            found = replace(wanted, cased=False).test()
            if found is None:
                return all(isinstance(part, Wild) or part.lower() in _NULL for part in wanted.parts)
            return found[1].lower() in _NULL
    return False
