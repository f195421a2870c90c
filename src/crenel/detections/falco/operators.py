"""Comparisons: a table of what each operator asks. https://falco.org/docs/concepts/rules/conditions/#operators.

Each is true or false. What is absent passes none of them, ``!=`` no more than the others; ``not`` then makes it true.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from crenel.catalog.columns import TEXT
from crenel.detections.falco import patterns
from crenel.detections.falco.condition import (
    COMPARISONS,
    LIST_OPERATORS,
    Check,
    ConditionError,
    Listed,
    Operand,
    Span,
    Written,
)
from crenel.detections.falco.fields import EMPTY, EVENT_NUMBER, NEVER
from crenel.detections.falco.patterns import PatternError
from crenel.detections.falco.values import Side, valued
from crenel.language.plan import (
    FALSE,
    TRUE,
    Compare,
    CountItems,
    Field,
    Globs,
    Has,
    In,
    IsNull,
    Literal,
    Not,
    Op,
    Overlap,
    Predicate,
    Value,
    conjunction,
    disjunction,
    negation,
)
from crenel.language.records import Exactly, Fits, Folded, Test

_ITEM = 9  # no list of a field has items of this number
_ASCII = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_OPS: Mapping[str, Op] = {"=": "eq", "==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
_NUMBERS_TAKE = (*_OPS, "in", "intersects", "exists")
_LISTS_TAKE = ("in", "intersects", "exists")
_HOLDS: Mapping[str, Callable[[int], bool | None]] = {
    # What is true of each number from 1, or of none; None where that depends on the number.
    "<": lambda number: False if number <= 1 else None,
    "<=": lambda number: False if number < 1 else None,
    ">": lambda number: True if number < 1 else None,
    ">=": lambda number: True if number <= 1 else None,
    "=": lambda number: False if number < 1 else None,
    "==": lambda number: False if number < 1 else None,
    "!=": lambda number: True if number < 1 else None,
    "in": lambda number: False if number < 1 else None,
    "intersects": lambda number: False if number < 1 else None,
}


@dataclass(slots=True)
class Notes:
    """What of a condition is likely not meant: message, suggestion and place."""

    found: list[tuple[str, str, Span]] = field(default_factory=list)

    def add(self, message: str, suggestion: str, span: Span) -> None:
        """Note something."""
        self.found.append((message, suggestion, span))


def asked(check: Check, notes: Notes) -> Predicate:
    """Return the predicate of one comparison. Raises `ConditionError` for what Falco refuses."""
    left = valued(check.left)
    _note(check, left, notes)
    if left.field in NEVER:
        _typed(check, left)
        return FALSE
    if left.field == EVENT_NUMBER:
        return _of_event_number(check, left)
    if check.operator == "exists":
        return Not(IsNull(left.value))
    _typed(check, left)
    operator = check.operator
    right = check.right
    if isinstance(right, Listed) and check.modifier:
        parts = [_single(operator, left, each) for each in right.items]
        return _MODIFIERS[check.modifier](parts)
    if operator in LIST_OPERATORS:
        return _among(operator, left, right, notes)
    return _single(operator, left, right)


_MODIFIERS: Mapping[str, Callable[[list[Predicate]], Predicate]] = {
    "anyof": disjunction,
    "allof": lambda parts: conjunction(parts) if parts else FALSE,
    "oneof": lambda parts: Exactly(1, tuple(parts)) if parts else FALSE,
}


def _note(check: Check, left: Side, notes: Notes) -> None:
    """Note what Falco takes and no one means."""
    if left.field in NEVER:
        notes.add(f"{left.field} is never there: Falco's plugin does not read it.", NEVER[left.field], left.span)
    if left.field in EMPTY:
        notes.add(f"{left.field} is an empty text wherever it is there.", EMPTY[left.field], left.span)
    for written in _written(check.right):
        if written.text == "<NA>":
            hint = f"Write: not {left.field or 'field'} exists"
            notes.add("<NA> is only how an absent value is shown: none equals it.", hint, written.span)
    if check.operator in COMPARISONS and left.kind == "text" and isinstance(check.right, Written):
        notes.add(f"{check.operator} compares texts letter by letter: 10 is less than 9.", "", check.span)


def _written(operand: Operand | None) -> list[Written]:
    if isinstance(operand, Written):
        return [operand]
    return [each for each in operand.items if isinstance(each, Written)] if isinstance(operand, Listed) else []


def _typed(check: Check, left: Side) -> None:
    """Raise `ConditionError` for an operator that the kind of the left side does not have."""
    name = left.field or "this"
    if check.operator in ("bcontains", "bstartswith"):
        raise ConditionError(f"{check.operator} is for buffers, and {name} is none.", check.span, "Is contains meant?")
    if left.kind == "number" and check.operator not in _NUMBERS_TAKE:
        raise ConditionError(f"{name} is a number and has no {check.operator}.", check.span)
    if left.kind == "list" and (check.operator not in _LISTS_TAKE or check.modifier):
        hint = "Lists have in, intersects and exists."
        raise ConditionError(f"{name} is a list and has no {check.operator}.", check.span, hint)


# --- one value on the right


def _single(operator: str, left: Side, operand: Operand | None) -> Predicate:
    if operand is None:
        raise ConditionError("a value is expected here.", left.span)
    if isinstance(operand, Written):
        if left.kind == "number":
            compared = Compare(_OPS[operator], left.value, Literal(_whole(operand)))
            return conjunction([Not(IsNull(left.value)), compared]) if operator == "!=" else compared
        return _of_text(operator, left.value, operand)
    right = valued(operand)
    if right.kind != left.kind:
        raise ConditionError(f"the sides are of two kinds: {left.kind} and {right.kind}.", right.span)
    if operator == "regex":
        raise ConditionError("regex takes a pattern that the rule says, no field.", right.span)
    there = [Not(IsNull(left.value)), Not(IsNull(right.value))]
    if operator in _OPS:
        return conjunction([*there, Compare(_OPS[operator], left.value, right.value)])
    return conjunction([*there, _BOTH[operator](left.value, right.value)])


def _of_text(operator: str, left: Value, written: Written) -> Predicate:
    text = written.text
    if operator == "!=":
        return conjunction([Not(IsNull(left)), Compare("ne", left, Literal(text))])
    if operator in _OPS:
        return Compare(_OPS[operator], left, Literal(text))
    if operator in _TESTS:
        return Fits(_TESTS[operator], left, Literal(text))
    if operator == "icontains":
        return Fits("contains", Folded(left, "ascii"), Literal(text.translate(_ASCII)))
    try:
        return _pattern(operator, left, text)
    except PatternError as error:
        hint = "Expressions are in POSIX syntax, such as [[:digit:]]+" if operator == "regex" else ""
        raise ConditionError(f"this is no pattern: {error}", written.span, hint) from error


_TESTS: Mapping[str, Test] = {"contains": "contains", "startswith": "starts", "endswith": "ends"}


def _pattern(operator: str, left: Value, text: str) -> Predicate:
    if operator == "regex":
        return Fits("regex", left, Literal(patterns.posix(text)))
    if operator == "iglob":
        left, text = Folded(left, "ascii"), text.translate(_ASCII)
    simple = patterns.plain(text)
    if simple:
        test: Test = simple[0]  # type: ignore[assignment]
        return Fits(test, left, Literal(simple[1]))
    return Fits("regex", left, Literal(patterns.shell(text)))


_BOTH: Mapping[str, Callable[[Value, Value], Predicate]] = {
    "contains": lambda left, right: Fits("contains", left, right),
    "startswith": lambda left, right: Fits("starts", left, right),
    "endswith": lambda left, right: Fits("ends", left, right),
    "icontains": lambda left, right: Fits("contains", Folded(left, "ascii"), Folded(right, "ascii")),
    "glob": Globs,
    "iglob": lambda left, right: Globs(Folded(left, "ascii"), Folded(right, "ascii")),
}


def _whole(written: Written) -> int:
    text = written.text
    try:
        number = int(text, 16) if text[:2] in ("0x", "0X") else int(text) if text.isascii() else -1
    except ValueError:
        number = -1
    if "_" in text or not 0 <= number < 2**64:
        raise ConditionError(f'"{text}" is no whole number from 0.', written.span)
    return number


# --- several values on the right


def _among(operator: str, left: Side, operand: Operand | None, notes: Notes) -> Predicate:
    if isinstance(operand, Written):
        hint = f"Write ({operand.text}), or define a list of that name."
        notes.add(f"{operand.text} is no list here, but a value by itself.", hint, operand.span)
        operand = Listed((operand,), operand.span)
    if isinstance(operand, Listed):
        return _among_written(operator, left, operand)
    if operand is None:
        raise ConditionError("a list is expected here.", left.span)
    right = valued(operand)
    if operator == "pmatch":
        raise ConditionError("pmatch takes paths that the rule says, no field.", right.span)
    if "number" in (left.kind, right.kind) and left.kind != right.kind:
        raise ConditionError(f"the sides are of two kinds: {left.kind} and {right.kind}.", right.span)
    there = [Not(IsNull(left.value)), Not(IsNull(right.value))]
    if left.kind != "list":
        same = Has(right.value, left.value) if right.kind == "list" else Compare("eq", left.value, right.value)
        return conjunction([*there, same])
    item = Field((), TEXT, _ITEM)
    if right.kind != "list":
        same = Compare("eq", item, right.value)
    elif operator == "intersects":
        return conjunction([*there, Overlap(left.value, right.value)])
    else:
        same = Has(right.value, item)
    return conjunction([*there, _items(operator, left.value, same)])


def _among_written(operator: str, left: Side, right: Listed) -> Predicate:
    written = _written(right)
    if operator == "pmatch":
        return disjunction([_below(left.value, each) for each in written])
    if left.kind == "number":
        return In(left.value, tuple(map(_whole, written))) if written else FALSE
    texts = tuple(dict.fromkeys(each.text for each in written))
    if left.kind == "text":
        return In(left.value, texts) if texts else FALSE
    same = In(Field((), TEXT, _ITEM), texts) if texts else FALSE
    return conjunction([Not(IsNull(left.value)), _items(operator, left.value, same)])


def _items(operator: str, items: Value, same: Predicate) -> Predicate:
    """Return whether of a list's items all fit, or for `intersects` some."""
    if operator == "intersects":
        return CountItems(items, _ITEM, same)
    return CountItems(items, _ITEM, negation(same), "eq", 0)


def _below(left: Value, written: Written) -> Predicate:
    try:
        pattern = patterns.path(written.text)
    except PatternError as error:
        raise ConditionError(f"this is no path: {error}", written.span) from error
    return Fits("regex", left, Literal(pattern)) if pattern else Not(IsNull(left))


# --- the number that Falco gives an event


def _of_event_number(check: Check, left: Side) -> Predicate:
    """Return what is true of the number of every event, or of none."""
    if check.operator == "exists":
        return TRUE
    _typed(check, left)
    answers = [_HOLDS[check.operator](_whole(each)) for each in _written(check.right)]
    if not isinstance(check.right, (Written, Listed)) or None in answers:
        hint = "evt.num > 0 is every event."
        raise ConditionError("events have no number here: it would be that of an order of files.", check.span, hint)
    if check.modifier == "allof" and answers:
        return TRUE if all(answers) else FALSE
    if check.modifier == "oneof":
        return TRUE if answers.count(True) == 1 else FALSE
    return TRUE if any(answers) else FALSE
