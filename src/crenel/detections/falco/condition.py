"""Conditions: their grammar, as Falco reads it (https://falco.org/docs/concepts/rules/conditions/).

    or    = and ("or" and)*       and = not ("and" not)*       not = "not"* check | "not(" or ")"
    check = "(" or ")" | field operator value | transformer(…) operator value | macro

Words of the grammar are small letters. ``and(``, ``or(`` and ``not(`` need no blank; behind ``or(…)`` only ``or`` goes
on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

MOST_DEPTH = 60  # what is nested deeper is no one's condition, and too deep for the engine
TRANSFORMERS = ("tolower", "toupper", "b64", "basename", "len", "join", "concat", "getopt")
COMPARISONS = ("<=", "<", ">=", ">")
STRING_OPERATORS = (
    "==", "=", "!=", "glob", "iglob", "contains", "icontains", "bcontains", "startswith", "bstartswith", "endswith",
    "regex",
)  # fmt: skip
LIST_OPERATORS = ("intersects", "in", "pmatch")
MODIFIERS = ("oneof", "anyof", "allof")
OPERATORS = ("exists", *COMPARISONS, *STRING_OPERATORS, *LIST_OPERATORS)

_BLANK = re.compile(r"[ \t\x08\r\n]+")
_NOT = re.compile(r"not[ \t\n\v\f\r]+")
_IDENTIFIER = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
_FIELD = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*(?:\.[a-zA-Z][a-zA-Z0-9_]*)+")
_ARGUMENT = re.compile(r"[^\]\[\"' \t\n\v\f\r]+")
_NUMBER = re.compile(r"0[xX][0-9a-zA-Z]+|[+-]?[0-9]+\.?[0-9]*(?:[eE][+-][0-9]+)?")
_BARE = re.compile(r"[^()\"' \t\n\v\f\r=,]+")
_TRANSFORMER = re.compile(rf"({'|'.join(TRANSFORMERS)})\(")
_BEFORE_BLANK = r"(?=[ \t\x08\r\n])"  # what a word needs behind it, and a sign does not
_STRING_OPERATOR = re.compile(
    "|".join(f"{re.escape(word)}{_BEFORE_BLANK if word.isalpha() else ''}" for word in STRING_OPERATORS)
)
_MODIFIER = re.compile(rf"({'|'.join(MODIFIERS)})[ \t\x08\r\n]*(?=\()")
_UPPER = re.compile(r"(AND|OR|NOT)\b|(&&|\|\|)")
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "\\": "\\", "/": "/", " ": "\\"}


@dataclass(frozen=True, slots=True)
class Span:
    """From a letter up to another of the condition's text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class FieldName:
    """A field, with what stands in brackets behind it."""

    name: str
    argument: str | None
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Written:
    """A value as the rule says it."""

    text: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Listed:
    """Values in parentheses: texts, or (in transformers) fields too."""

    items: tuple[Operand, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Transformed:
    """A transformer on its arguments; `val` is what makes a field of a right side."""

    name: str
    arguments: tuple[Operand, ...]
    span: Span = field(compare=False)


Operand = FieldName | Written | Listed | Transformed


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison; `exists` has no right side. `modifier` is oneof, anyof, allof, or empty."""

    left: Operand
    operator: str
    right: Operand | None
    modifier: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class MacroName:
    """A macro, by its name."""

    name: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class AllOf:
    """All of them hold."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Any of them holds."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Opposite:
    """It does not hold."""

    part: Node


Node = AllOf | AnyOf | Opposite | Check | MacroName


class ConditionError(Exception):
    """What is no condition: the message, a suggestion, and where in the text."""

    def __init__(self, message: str, span: Span, suggestion: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.suggestion = suggestion


def parse(text: str) -> Node:
    """Return a condition's tree. Raises `ConditionError`."""
    parser = Parser(text)
    found = parser.any_of(0)
    if parser.at < len(text):
        upper = _UPPER.match(text, parser.at)
        hint = "Words of a condition are written in small letters." if upper and upper[1] else ""
        hint = "Write and, or." if upper and upper[2] else hint
        parser.fail('"and" or "or" is expected here.', hint)
    return found


class Parser:
    """Reads from where `at` stands."""

    def __init__(self, text: str, at: int = 0) -> None:
        self.text = text
        self.at = at

    # --- and, or, not

    def any_of(self, depth: int) -> Node:
        """Return what "or" joins."""
        return self._joined("or", AnyOf, self.all_of, depth)

    def all_of(self, depth: int) -> Node:
        """Return what "and" joins."""
        return self._joined("and", AllOf, self.opposite, depth)

    def _joined(self, word: str, kind: type[AllOf | AnyOf], inner: Callable[[int], Node], depth: int) -> Node:
        if depth > MOST_DEPTH:
            self.fail(f"this is nested more than {MOST_DEPTH} deep.")
        parts = [inner(depth)]
        self.blank()
        while self.skipped(word):
            if self.blank():
                parts.append(inner(depth))
            elif self.skipped("("):
                parts.append(self.embedded(depth))
            else:
                self.fail(f'a blank or "(" is expected behind "{word}".')
            self.blank()
        return kind(tuple(parts)) if len(parts) > 1 else parts[0]

    def opposite(self, depth: int) -> Node:
        """Return a check, or what is not to hold."""
        self.blank()
        negative = False
        while self.matched(_NOT):
            negative = not negative
        if self.skipped("not("):
            negative = not negative
            found = self.embedded(depth)
        else:
            found = self.check(depth)
        return Opposite(found) if negative else found

    def embedded(self, depth: int) -> Node:
        """Return what stands in parentheses, of which the first is read."""
        found = self.any_of(depth + 1)
        self.expect(")")
        return found

    def check(self, depth: int) -> Node:
        """Return a comparison, a macro, or what stands in parentheses."""
        self.blank()
        if self.skipped("("):
            return self.embedded(depth)
        start = self.at
        left = self.field() or self.transformer(depth)
        if left is not None:
            return self.comparison(left, start)
        if name := self.matched(_IDENTIFIER):
            return MacroName(name, Span(start, self.at))
        return self.fail("a field, a macro or a parenthesis is expected here.")

    # --- one comparison

    def comparison(self, left: Operand, start: int) -> Check:
        """Return the comparison of which the left side is read."""
        self.blank()
        if self.skipped("exists"):
            return Check(left, "exists", None, "", Span(start, self.at))
        right: Operand
        modifier = ""
        if operator := next((each for each in COMPARISONS if self.skipped(each)), ""):
            right = self.called() or self.number()
        elif operator := self.matched(_STRING_OPERATOR):
            self.blank()
            modifier = self.matched(_MODIFIER).strip(" \t\b\r\n")
            right = self.listed() if modifier else self.called() or self.value()
        elif operator := next((each for each in LIST_OPERATORS if self.skipped(each)), ""):
            self.blank()
            right = self.listed() if self.text.startswith("(", self.at) else self.called() or self.word()
        else:
            self.fail("an operator is expected here.", f"Operators are {', '.join(OPERATORS)}.")
        return Check(left, operator, right, modifier, Span(start, self.at))

    def number(self) -> Written:
        """Return a number as written."""
        self.blank()
        start = self.at
        if not (found := self.matched(_NUMBER)):
            self.fail("a number is expected here.", "<, <=, > and >= compare with numbers.")
        return Written(found, Span(start, self.at))

    def value(self) -> Written:
        """Return a text, quoted or bare."""
        self.blank()
        start = self.at
        found = self.string()
        if found is None:
            found = self.matched(_BARE)
            if not found:
                self.fail("a value is expected here.")
        return Written(found, Span(start, self.at))

    def word(self) -> Written:
        """Return the bare name that may stand for a list."""
        start = self.at
        if not (found := self.matched(_IDENTIFIER)):
            self.fail('a list "(…)" is expected here.')
        return Written(found, Span(start, self.at))

    def listed(self) -> Listed:
        """Return the values in parentheses."""
        start = self.at
        self.expect("(")
        self.blank()
        items: list[Operand] = []
        if not self.text.startswith(")", self.at):
            items.append(self.value())
            self.blank()
            while self.skipped(","):
                items.append(self.value())
                self.blank()
        self.expect(")")
        return Listed(tuple(items), Span(start, self.at))

    # --- fields and transformers

    def field(self) -> FieldName | None:
        """Return a field, None where there is none."""
        start = self.at
        name = self.matched(_FIELD)
        if not name:
            return None
        argument = None
        if self.skipped("["):
            argument = self.string()
            if argument is None:
                argument = self.matched(_ARGUMENT)
                if not argument:
                    self.fail("what stands in the brackets of a field is expected here.")
            if not self.skipped("]"):
                self.fail('"]" is expected here.', "In brackets, what has blanks or brackets stands in quotes.")
        return FieldName(name, argument, Span(start, self.at))

    def called(self) -> Transformed | None:
        """Return a right side that is a transformer or ``val(field)``, None for another."""
        self.blank()
        start = self.at
        if not self.skipped("val("):
            return self.transformer(0)
        self.blank()
        inner = self.field()
        if inner is None:
            self.fail("val() takes a field.")
        self.expect(")")
        return Transformed("val", (inner,), Span(start, self.at))

    def transformer(self, depth: int) -> Transformed | None:
        """Return a transformer with its arguments, None where there is none."""
        if depth > MOST_DEPTH:
            self.fail(f"this is nested more than {MOST_DEPTH} deep.")
        start = self.at
        found = self.matched(_TRANSFORMER)
        if not found:
            return None
        arguments = [self.argument(depth + 1)]
        self.blank()
        while self.skipped(","):
            arguments.append(self.argument(depth + 1))
            self.blank()
        self.expect(")")
        return Transformed(found[:-1], tuple(arguments), Span(start, self.at))

    def argument(self, depth: int) -> Operand:
        """Return an argument: a field, a transformer, a quoted text, a number, or a list of them."""
        self.blank()
        start = self.at
        if self.skipped("("):
            items: list[Operand] = []
            self.blank()
            while not self.text.startswith(")", self.at):
                items.append(self.single(depth))
                self.blank()
                if not self.skipped(","):
                    break
            self.expect(")")
            return Listed(tuple(items), Span(start, self.at))
        return self.single(depth)

    def single(self, depth: int) -> Operand:
        """Return an argument that is no list."""
        self.blank()
        start = self.at
        text = self.string()
        if text is None:
            text = self.matched(_NUMBER) or None
        if text is not None:
            return Written(text, Span(start, self.at))
        found = self.transformer(depth) or self.field()
        if found is None:
            self.fail("a field, a transformer, a quoted text or a number is expected here.")
        return found

    # --- letters

    def string(self) -> str | None:
        """Return a quoted text, None where there is none. It ends with a quote that no backslash is before."""
        start = self.at
        mark = self.text[start : start + 1]
        if not mark or mark not in "\"'":
            return None
        end = start + 1
        while (end := self.text.find(mark, end)) >= 0 and self.text[end - 1] == "\\":
            end += 1
        if end < 0:
            self.fail("this quote is never closed.", "A text can't end in a backslash.")
        self.at = end + 1
        return self._unescaped(start + 1, end, mark)

    def _unescaped(self, start: int, end: int, mark: str) -> str:
        found = bytearray()
        at = start
        while at < end:
            letter = self.text[at]
            at += 1
            if letter != "\\":
                found += letter.encode("utf-8", "surrogatepass")
                continue
            letter = self.text[at]
            at += 1
            if letter == "x" and re.fullmatch("[0-9a-fA-F]{2}", self.text[at : min(at + 2, end)]):
                found.append(int(self.text[at : at + 2], 16))
                at += 2
            elif letter == mark or letter in _ESCAPES:
                found += _ESCAPES.get(letter, letter).encode()
            else:
                hint = rf"A backslash itself is written \\; there are \b \f \n \r \t \/ \xHH and \{mark}."
                raise ConditionError(f"\\{letter} means nothing in a quoted text.", Span(at - 2, at), hint)
        try:
            text = found.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ConditionError(f"this is no UTF-8 text: {error.reason}.", Span(start, end)) from error
        if "\0" in text:
            raise ConditionError("a text can't hold the character 0.", Span(start, end))
        return text

    def blank(self) -> bool:
        """Skip blanks; return whether there were some."""
        return bool(self.matched(_BLANK))

    def matched(self, pattern: re.Pattern[str]) -> str:
        """Return what a pattern matches here and go behind it; empty where it does not."""
        found = pattern.match(self.text, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found[0]

    def skipped(self, word: str) -> bool:
        """Go behind a word; return whether it stood here."""
        if self.text.startswith(word, self.at):
            self.at += len(word)
            return True
        return False

    def expect(self, letter: str) -> None:
        """Go behind a letter that has to stand here, blanks before it aside."""
        self.blank()
        if not self.skipped(letter):
            self.fail(f'"{letter}" is expected here.')

    def fail(self, message: str, suggestion: str = "") -> NoReturn:
        """Raise a `ConditionError` for the word that stands here."""
        found = _BARE.match(self.text, self.at)
        raise ConditionError(message, Span(self.at, found.end() if found else self.at + 1), suggestion)
