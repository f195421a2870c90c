"""Conditions: names of searches with `not`, `and`, `or` (the strongest first), parentheses, and `1 of selection_*`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from crenel.detections.sigma.told import File
from crenel.errors import PolicyError, did_you_mean
from crenel.language.plan import Predicate, conjunction, disjunction, negation
from crenel.positions import Located

_TOKEN = re.compile(r"[()|]|[^\s()|]+")
_OPERATORS = ("and", "or", "not")
_QUANTIFIERS: Mapping[str, Callable[[list[Predicate]], Predicate]] = {
    "1": disjunction, "any": disjunction, "all": conjunction,
}  # fmt: skip
_DEEPEST = 100


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def condition(
    item: Located,
    searches: Mapping[str, Predicate],
    file: File,
    used: Callable[[str], None] = lambda _: None,
    noun: str = "search",
) -> Predicate:
    """Return a condition as a predicate; of a list of conditions, one has to hold. `used` is told each search's name.

    `noun`: what the names are those of. Raises `PolicyError` for what is no condition, at the very word.
    """
    items: list[Located] = item.value if isinstance(item.value, list) else [item]
    if not items:
        raise item.error("this list has no condition.")
    return disjunction([_Reader(each, searches, file, used, noun).whole() for each in items])


class _Reader:
    """Reads one condition from where `at` stands."""

    def __init__(
        self,
        item: Located,
        searches: Mapping[str, Predicate],
        file: File,
        used: Callable[[str], None],
        noun: str,
    ) -> None:
        self.item = item
        self.noun = noun
        self.searches = searches
        self.file = file
        self.used = used
        text = str(item.value) if item.value == 1 else item.text("a condition")
        self.tokens = [_Token(found[0], found.start()) for found in _TOKEN.finditer(text)]
        self.length = len(text)
        self.at = 0

    def whole(self) -> Predicate:
        found = self.alternatives(0)
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.text == "|":
                raise self.error(
                    "Sigma has no aggregations any more.", "Write a correlation: type, rules, group-by, timespan."
                )
            if token.text == ")":
                raise self.error('this ")" closes nothing.')
            raise self.error(f'"and" or "or" is missing before "{token.text}".')
        return found

    def alternatives(self, depth: int) -> Predicate:
        if depth > _DEEPEST:
            raise self.error(f"this is nested more than {_DEEPEST} deep.")
        parts = [self.together(depth)]
        while self.taken("or"):
            parts.append(self.together(depth))
        return disjunction(parts)

    def together(self, depth: int) -> Predicate:
        parts = [self.negated(depth)]
        while self.taken("and"):
            parts.append(self.negated(depth))
        return conjunction(parts)

    def negated(self, depth: int) -> Predicate:
        negative = False
        while self.taken("not"):
            negative = not negative
        found = self.single(depth)
        return negation(found) if negative else found

    def single(self, depth: int) -> Predicate:
        if self.at >= len(self.tokens):
            raise self.error(f"the condition ends where a {self.noun} is due.")
        token = self.tokens[self.at]
        if token.text == "(":
            self.at += 1
            found = self.alternatives(depth + 1)
            if not self.taken(")"):
                raise self.error('a ")" is missing.')
            return found
        if token.text in (")", "|") or self.is_word(*_OPERATORS):
            raise self.error(f'a {self.noun} is due before "{token.text}".')
        self.at += 1
        if self.is_word("of"):
            return self.several(token)
        return self.named(token)

    def several(self, quantifier: _Token) -> Predicate:
        """Return what `1 of …` says, of which the quantifier is read."""
        together = _QUANTIFIERS.get(quantifier.text.lower())
        if together is None:
            self.at -= 1
            raise self.error(f'"{quantifier.text} of" is none of Sigma\'s.', "It has 1 of, any of and all of.")
        self.at += 1
        if self.at >= len(self.tokens) or self.tokens[self.at].text in ("(", ")", "|"):
            raise self.error('"of" is followed by a pattern such as selection_*, or by them.')
        pattern = self.tokens[self.at].text
        wanted = ".*" if pattern.lower() == "them" else ".*".join(map(re.escape, pattern.split("*")))
        # Names that begin with _ serve conditions that name them.
        names = [
            name
            for name in self.searches
            if re.fullmatch(wanted, name) and (pattern.startswith("_") or not name.startswith("_"))
        ]
        if not names:
            raise self.error(f'no {self.noun} is called like "{pattern}".', f"There are {', '.join(self.searches)}.")
        self.at += 1
        for name in names:
            self.used(name)
        return together([self.searches[name] for name in names])

    def named(self, token: _Token) -> Predicate:
        if token.text not in self.searches:
            self.at -= 1
            hint = did_you_mean(token.text, self.searches) or f"There are {', '.join(self.searches)}."
            raise self.error(f'there is no {self.noun} "{token.text}".', hint)
        self.used(token.text)
        return self.searches[token.text]

    def is_word(self, *words: str) -> bool:
        """Return whether one of the language's words is next: in lower case, or where no search is called so in any."""
        if self.at >= len(self.tokens):
            return False
        text = self.tokens[self.at].text
        return text in words or (text.lower() in words and text not in self.searches)

    def taken(self, word: str) -> bool:
        """Return whether a word is next, and go on behind it."""
        if not self.is_word(word):
            return False
        self.at += 1
        return True

    def error(self, message: str, hint: str = "") -> PolicyError:
        """Return an error at the next word, or at the end."""
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            where = self.file.place(self.item, token.start, token.end)
        elif self.tokens:
            where = self.file.place(self.item, self.tokens[-1].start, self.tokens[-1].end)
        else:
            where = self.item.where
        return PolicyError(message, where=where, suggestion=hint, code="condition")
