"""The files of waivers: every mistake at its place, all of them at once.

    waivers:
      - id: public-website
        policy: s3-bucket-public-access-block
        where:
          account: "111122223333"
          tags: {purpose: website}
        owner: web team
        reason: The website is public on purpose.
        until: 2027-03-01

docs/waivers.md describes every key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar

from crenel.errors import PolicyError, PolicyFileError, UsageError, did_you_mean
from crenel.positions import Located, load_file
from crenel.waivers.model import SUBJECTS, And, Fits, Not, Or, Subject, Tagged, Waiver, Waivers, Where

SUFFIXES = (".yml", ".yaml", ".json")
NEEDED = ("id", "policy", "owner", "reason", "until")
KEYS = (*NEEDED, "where", "controls", "while")
WHERE_KEYS = (*SUBJECTS, "tags", "and", "or", "not")
LONGEST_YEARS = 2  # what is accepted for longer is hardly looked at again
_MISSING = {
    "policy": "Give the files of your own policies with --policies.",
    "control": "Write framework/control, as in cis-7.0/1.5.",
}
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_WILD = re.compile(r"[*?\[]")
_ACCOUNT = re.compile(r"\d{12}")
_REGION = re.compile(r"global|[a-z]{2,}(-[a-z]+)+-\d+")

Found = TypeVar("Found")


def load_waivers(
    paths: Sequence[Path],
    *,
    policies: Collection[str],
    types: Collection[str],
    controls: Callable[[], Collection[str]],
    today: date,
) -> Waivers:
    """Read files, or folders with the folders in them. A waiver of a name that there is not is a mistake.

    `policies` and `types` (``aws.s3``) are the names that there are; `controls` gives those of controls
    (``cis-7.0/1.5``), and is asked only where a waiver names one.

    Raises `PolicyError` with everything that is wrong in them (`all()`), `UsageError` for a path that is not there.
    """
    reader = _Reader(policies, types, controls, today)
    for path in dict.fromkeys(_files(paths)):
        reader.file(path)
    if reader.errors:
        raise reader.errors[0] if len(reader.errors) == 1 else PolicyFileError(reader.errors)
    return Waivers(tuple(reader.found.values()), tuple(reader.warnings))


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            below = (each for each in path.rglob("*") if each.suffix in SUFFIXES and each.is_file())
            yield from sorted(
                each for each in below if not any(part.startswith(".") for part in each.relative_to(path).parts)
            )
        elif path.exists():
            yield path
        else:
            raise UsageError(f"there is no waiver file or folder {path}.")


class _Reader:
    """Reads waivers; notes what is wrong with each part and goes on."""

    def __init__(
        self,
        policies: Collection[str],
        types: Collection[str],
        controls: Callable[[], Collection[str]],
        today: date,
    ) -> None:
        self.policies = policies
        self.types = types
        self.controls = controls
        self.today = today
        self.found: dict[str, Waiver] = {}
        self.errors: list[PolicyError] = []
        self.warnings: list[PolicyError] = []

    def file(self, path: Path) -> None:
        try:
            root = load_file(path)
            items = root.only("a file of waivers", ("waivers",))
            if "waivers" not in items:
                raise root.error("a file of waivers needs `waivers`.", code="missing-key")
            bodies = items["waivers"].sequence("waivers")
        except PolicyError as error:
            self.errors += error.all()
            return
        for body in bodies:
            try:
                self.waiver(body)
            except PolicyError as error:
                self.errors += error.all()

    def waiver(self, body: Located) -> None:
        items = body.mapping("a waiver")
        self.errors += [body.unknown_key(key, "a waiver", KEYS) for key in items if key not in KEYS]
        missing = [key for key in NEEDED if body.child(key) is None]
        self.errors += [body.error(f"a waiver needs `{key}`.", _why(key), "missing-key") for key in missing]
        before = len(self.errors)
        nothing: tuple[str, ...] = ()
        everything: Where = And(())
        waiver = Waiver(
            id=self.each(items, "id", _id, ""),
            policies=self.each(items, "policy", self.names("policy", lambda: self.policies), nothing),
            where=self.each(items, "where", self.where, everything),
            owner=self.each(items, "owner", _said("owner"), ""),
            reason=self.each(items, "reason", _said("reason"), ""),
            until=self.each(items, "until", self.until, date.min),
            controls=self.each(items, "controls", self.names("control", self.controls), nothing),
            condition=self.each(items, "while", _filters, None),
            body=body,
        )
        if missing or len(self.errors) > before:
            return
        if waiver.id in self.found:
            other = self.found[waiver.id].body.where
            self.errors.append(items["id"].error(f'the waiver "{waiver.id}" stands in {other} already.'))
            return
        if waiver.where == And(()) and not waiver.controls and all(not each.strip("*?") for each in waiver.policies):
            self.warnings.append(items["policy"].error("this waiver accepts whatever fails.", "Say where."))
        self.found[waiver.id] = waiver

    def each(self, items: dict[str, Located], key: str, read: Callable[[Located], Found], default: Found) -> Found:
        """Return what a key says, the default where it is left out or wrong."""
        if key not in items or (key in NEEDED and items[key].value is None):
            return default
        try:
            return read(items[key])
        except PolicyError as error:
            self.errors += error.all()
            return default

    def names(self, what: str, known: Callable[[], Collection[str]]) -> Callable[[Located], tuple[str, ...]]:
        """Return what reads patterns of names, each of which has to fit one that there is."""

        def read(item: Located) -> tuple[str, ...]:
            given = _patterns(item, what)
            for part, pattern in given:
                if not any(fnmatchcase(name, pattern) for name in known()):
                    hint = did_you_mean(pattern, known()) or _MISSING[what]
                    raise part.error(f'there is no {what} "{pattern}".', hint, "unknown-value")
            return tuple(pattern for _, pattern in given)

        return read

    def until(self, item: Located) -> date:
        value = item.value
        if isinstance(value, str):
            try:
                value = date.fromisoformat(value)
            except ValueError:
                value = None
        if not isinstance(value, date) or isinstance(value, datetime):
            raise item.error("until is a day, the last on which the waiver holds.", "Write it as 2027-03-01.")
        if value > _years_on(self.today):
            self.warnings.append(
                item.error(f"this waiver holds for more than {LONGEST_YEARS} years.", "Choose a nearer day.")
            )
        return value

    # --- where

    def where(self, item: Located) -> Where:
        """Return what a mapping asks: all of its keys."""
        items = item.mapping("where")
        if not items:
            raise item.error("this says nothing, and so holds for every finding.", "Leave `where` out for that.")
        parts: list[Where] = []
        for key, value in items.items():
            if key not in WHERE_KEYS:
                self.errors.append(item.unknown_key(key, "where", WHERE_KEYS))
                continue
            try:
                parts.append(self.asked(key, value))
            except PolicyError as error:
                self.errors += error.all()
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def asked(self, key: str, value: Located) -> Where:
        if key in ("and", "or"):
            parts = tuple(self.where(part) for part in _several(value, key))
            return And(parts) if key == "and" else Or(parts)
        if key == "not":
            if isinstance(value.value, list):
                return Not(And(tuple(self.where(part) for part in _several(value, key))))
            return Not(self.where(value))
        if key == "tags":
            tags = value.mapping("tags")
            if not tags:
                raise value.error("no tag is named here.", "Write key: pattern; * is any value.")
            found = tuple(
                Tagged(name, _texts(each, f"the tag {name}"), Located(name, value.keys[name]))
                for name, each in tags.items()
            )
            return found[0] if len(found) == 1 else And(found)
        subject = next(each for each in SUBJECTS if each == key)
        return Fits(subject, tuple(self.word(subject, part, text) for part, text in _patterns(value, key)))

    def word(self, subject: Subject, item: Located, pattern: str) -> str:
        """Return a pattern as it is asked. Raises where it can't fit anything."""
        if subject == "type":
            whole = pattern if pattern.startswith(("aws.", "*")) else f"aws.{pattern}"
            if not any(fnmatchcase(name, whole) for name in self.types):
                hint = did_you_mean(whole, self.types)
                raise item.error(f'there is no resource type "{pattern}".', hint, "unknown-value")
            return whole
        form = {"account": _ACCOUNT, "region": _REGION}.get(subject)
        if form is not None and not _WILD.search(pattern) and not form.fullmatch(pattern):
            example = "111122223333" if subject == "account" else "eu-west-1, or global"
            raise item.error(f'"{pattern}" is no {subject}.', f"Write it as {example}.", "unknown-value")
        return pattern


def _why(key: str) -> str:
    return {
        "until": "It is the last day on which it holds.",
        "reason": "Say why the finding is accepted.",
        "owner": "Say who answers for it.",
    }.get(key, "")


def _id(item: Located) -> str:
    name = item.text("id")
    if not _ID.fullmatch(name):
        raise item.error(f'"{name}" is no id of a waiver.', "Use letters, digits, dots, hyphens and underscores.")
    return name


def _said(what: str) -> Callable[[Located], str]:
    def read(item: Located) -> str:
        text = " ".join(item.text(what).split())
        if not text:
            raise item.error(f"{what} is empty.", _why(what))
        return text

    return read


def _filters(item: Located) -> Located:
    if not item.sequence("while"):
        raise item.error("this list of filters is empty and holds for everything.", "Leave `while` out for that.")
    return item


def _several(item: Located, what: str) -> list[Located]:
    parts = item.sequence(what)
    if not parts:
        raise item.error(f"`{what}` of nothing says nothing.", "Leave it out.")
    return parts


def _patterns(item: Located, what: str) -> list[tuple[Located, str]]:
    """Return the patterns of a text or a list of texts, each with its place."""
    parts = _several(item, what) if isinstance(item.value, list) else [item]
    found = [(part, part.text(what)) for part in parts]
    for part, text in found:
        if not text:
            raise part.error(f"{what} is empty.", "* is any.")
    return found


def _texts(item: Located, what: str) -> tuple[str, ...]:
    """Return the patterns of a tag's value; an empty one is a value that AWS allows."""
    parts = _several(item, what) if isinstance(item.value, list) else [item]
    return tuple(part.text(what) for part in parts)


def _years_on(today: date) -> date:
    try:
        return today.replace(year=today.year + LONGEST_YEARS)
    except ValueError:  # 29 February
        return today.replace(year=today.year + LONGEST_YEARS, day=28)
