"""A condition's or output's text, put together of pieces of YAML: each letter knows where it was written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from crenel.errors import PolicyError, Where
from crenel.positions import Located, inside

MOST_LETTERS = 1_000_000  # lists within lists write out to more than anyone means
_BLANKS = " \t\n\r"
_BORDERS = _BLANKS + "(),="


@dataclass(frozen=True, slots=True)
class Script:
    """A text, and for each letter the scalar that it stands in and its place there; -1 for the whole scalar."""

    text: str = ""
    origins: Sequence[tuple[Located, int]] = field(default=(), repr=False)

    @staticmethod
    def of(item: Located, text: str | None = None) -> Script:
        """Return a scalar's value, or a text that stands for a whole item."""
        if text is None:
            return Script(str(item.value), [(item, place) for place in range(len(str(item.value)))])
        return Script(text, [(item, -1)] * len(text))

    def part(self, start: int, end: int | None = None) -> Script:
        """Return the letters from `start` up to `end`."""
        return Script(self.text[start:end], self.origins[start:end])

    def stripped(self) -> Script:
        """Return the text without blanks around it."""
        start = len(self.text) - len(self.text.lstrip())
        return self.part(start, start + len(self.text.strip()))

    def where(self, start: int, end: int, files: Mapping[str, str]) -> Where | None:
        """Return the place of some letters; `files` are the texts of files by name."""
        if not self.origins:
            return None
        start = min(start, len(self.origins) - 1)
        item, first = self.origins[start]
        same = [at for other, at in self.origins[start : max(end, start + 1)] if other is item and at >= 0]
        if first < 0 or item.where.file not in files:
            return item.where
        return inside(item, files[item.where.file], first, same[-1] + 1 if same else first + 1)


def joined(parts: Iterable[Script]) -> Script:
    """Return texts one after the other."""
    texts: list[str] = []
    origins: list[tuple[Located, int]] = []
    for part in parts:
        texts.append(part.text)
        origins += part.origins
    return Script("".join(texts), origins)


def spoken(parts: Iterable[Script], glue: str) -> Script:
    """Return texts with a glue between them, which stands where the text behind it does."""
    found: list[Script] = []
    for part in parts:
        if found:
            item = part.origins[0][0] if part.origins else found[-1].origins[-1][0]
            found.append(Script.of(item, glue))
        found.append(part)
    return joined(found)


def quoted(item: Located) -> Script:
    """Return a list's item as it enters a condition: in quotes where it has a blank and none yet."""
    script = Script.of(item)
    if " " in script.text and script.text[0] not in "\"'":
        mark = Script.of(item, '"')
        return joined([mark, script, mark])
    return script


def substituted(script: Script, name: str, items: Sequence[Located]) -> Script | None:
    """Return a condition with a list's items for each place of its name as a word, None where there is none.

    That is a substitution in the text, as Falco has it: inside of quotes too. An empty list takes a comma along.
    Raises `PolicyError` where the text becomes too long.
    """
    found: list[Script] = []
    at = length = 0
    used = False
    while (start := script.text.find(name, at)) >= 0:
        end = start + len(name)
        if not _is_word(script.text, start, end):
            found.append(script.part(at, start + 1))
            at = start + 1
            continue
        used = True
        before = script.part(at, start)
        before = before.part(0, len(before.text.rstrip(_BLANKS)))
        while end < len(script.text) and script.text[end] in _BLANKS:
            end += 1
        if not items:
            if before.text.endswith(","):
                before = before.part(0, -1)
            elif script.text[end : end + 1] == ",":
                end += 1
        here = script.origins[start][0]
        blank = Script.of(here, " ")
        # What comes of a list stands where its name does: that is the place a reader of the rule looks at.
        words = Script.of(here, ", ".join(quoted(item).text for item in items))
        place = script.origins[start]
        found += [before, blank, Script(words.text, [place] * len(words.text)), blank]
        at = end
        length += len(before.text) + len(words.text)
        if length > MOST_LETTERS:
            raise PolicyError(
                f'with the list "{name}" written out this is longer than {MOST_LETTERS:,} letters.',
                where=here.where,
                suggestion="Are lists named in lists?",
                code="too-large",
            )
    return joined([*found, script.part(at)]) if used else None


def _is_word(text: str, start: int, end: int) -> bool:
    return (start == 0 or text[start - 1] in _BORDERS) and (end >= len(text) or text[end] in _BORDERS)
