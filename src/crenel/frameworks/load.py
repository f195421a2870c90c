"""The files of frameworks: one a file, every mistake at its place.

    id: our-rules
    name: Our rules
    version: "3"
    profile: cis
    sections: [{id: "1", title: Accounts}]
    controls:
      - id: "1.1"
        title: Nobody keeps a credential that is not used
        section: "1"
        policies: [{policy: iam-credentials-unused, params: {max_unused_days: 30}}]

docs/frameworks.md describes every key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from crenel.errors import PolicyError, PolicyFileError, UsageError, did_you_mean
from crenel.frameworks.model import Asked, Control, Framework, Section
from crenel.model import Severity, Standard
from crenel.positions import Located, load_file

SUFFIXES = (".yml", ".yaml", ".json")
FRAMEWORK_KEYS = ("id", "name", "version", "reference", "profile", "over", "levels", "sections", "controls")
CONTROL_KEYS = (
    "id", "title", "section", "severity", "levels", "policies", "controls", "manual", "references",
)  # fmt: skip
_ID = re.compile(r"[a-z0-9][a-z0-9.-]*")
_NO_SECTION = Section("", "")
_FEW = 6  # ids that an error lists

Found = TypeVar("Found")


def builtin_frameworks() -> list[str]:
    """Return the ids of the frameworks that ship with Crenel: the practices first, versions in order."""
    found = [path.stem for path in _folder().glob("*.yaml")]
    return sorted(found, key=lambda name: (name != "practices", *_natural(name)))


def framework(name: str) -> Framework:
    """Return a framework by the id of a built-in one, or by the path of a file.

    Raises `UsageError` for what is neither, `PolicyError` with everything that is wrong in a file.
    """
    if name in builtin_frameworks():
        return _builtin(name)
    path = Path(name)
    if path.suffix not in SUFFIXES and not path.is_file():
        known = builtin_frameworks()
        hint = did_you_mean(name, known) or f"There are {', '.join(known)}; a file of your own is named by its path."
        raise UsageError(f'there is no framework "{name}".', suggestion=hint)
    if not path.is_file():
        raise UsageError(f"there is no framework file {path}.")
    return read_framework(path)


def read_framework(path: Path) -> Framework:
    """Read a framework's file. Raises `PolicyError` with everything that is wrong in it (`all()`)."""
    return _Reader(load_file(path), path).framework()


@lru_cache(maxsize=32)
def _builtin(name: str) -> Framework:
    return read_framework(_folder() / f"{name}.yaml")


def _folder() -> Path:
    return Path(str(files("crenel.content") / "frameworks"))


class _Reader:
    """Reads one framework; notes what is wrong with each part and goes on."""

    def __init__(self, root: Located, path: Path) -> None:
        self.root = root
        self.path = path
        self.errors: list[PolicyError] = []

    def framework(self) -> Framework:
        items = self.root.mapping("a framework's file")
        self.errors += [
            self.root.unknown_key(key, "a framework", FRAMEWORK_KEYS) for key in items if key not in FRAMEWORK_KEYS
        ]
        self.needed(self.root, items, "a framework", ("id", "name", "controls"))
        no_others: tuple[Framework, ...] = ()
        over = self.each(items, "over", self.others, no_others)
        no_sections: dict[str, Section] = {}
        no_levels: dict[str, str] = {}
        sections = self.each(items, "sections", self.sections, no_sections)
        levels = self.each(items, "levels", _levels, no_levels)
        found = Framework(
            id=self.each(items, "id", _id, ""),
            name=self.text(items, "name"),
            version=self.text(items, "version"),
            reference=self.text(items, "reference"),
            profile=self.each(items, "profile", _profile, over[0].profile if over else None),
            over=tuple(each.id for each in over),
            levels=levels,
            sections=tuple(sections.values()),
            controls=self.each(items, "controls", lambda item: self.controls(item, sections, levels, over), ()),
            file=self.root.where.file,
        )
        if len(self.errors) > 1:
            raise PolicyFileError(self.errors)
        if self.errors:
            raise self.errors[0]
        return found

    def others(self, item: Located) -> tuple[Framework, ...]:
        """Return the frameworks that this one is a mapping over, a name or a list of them."""
        names = item.sequence("over") if isinstance(item.value, list) else [item]
        return tuple(self.other(name) for name in names)

    def other(self, item: Located) -> Framework:
        """Return a built-in framework, or that of a file beside this one."""
        name = item.text("over")
        beside = self.path.parent / name
        if beside.suffix in SUFFIXES and beside.is_file() and beside.resolve() != self.path.resolve():
            found = read_framework(beside)
        elif name in builtin_frameworks():
            found = framework(name)
        else:
            hint = did_you_mean(name, builtin_frameworks()) or "Name a built-in one, or a file beside this one."
            raise item.error(f'there is no framework "{name}".', hint, "unknown-value")
        if found.over:
            raise item.error(f"{name} is itself a mapping over {', '.join(found.over)}.", "Name those.")
        return found

    def sections(self, item: Located) -> dict[str, Section]:
        found: dict[str, Section] = {}
        for part in item.sequence("sections"):
            keys = part.only("a section", ("id", "title"))
            if self.needed(part, keys, "a section", ("id", "title")):
                continue
            name = keys["id"].text("a section's id")
            if name in found:
                self.errors.append(keys["id"].error(f"the section {name} stands here twice.", code="duplicate"))
            found[name] = Section(name, keys["title"].text("a section's title").strip())
        return found

    def controls(
        self, item: Located, sections: Mapping[str, Section], levels: Mapping[str, str], over: Sequence[Framework]
    ) -> tuple[Control, ...]:
        found: dict[str, Control] = {}
        for part in item.sequence("controls"):
            try:
                control = self.control(part, sections, levels, over)
            except PolicyError as error:
                self.errors += error.all()
                continue
            if control.id in found:
                self.errors.append(part.error(f"the control {control.id} stands here twice.", code="duplicate"))
            found[control.id] = control
        return tuple(found.values())

    def control(
        self, body: Located, sections: Mapping[str, Section], levels: Mapping[str, str], over: Sequence[Framework]
    ) -> Control:
        items = body.only("a control", CONTROL_KEYS)
        self.needed(body, items, "a control", ("id", "title", *(["section"] if sections else [])))
        if not {"policies", "controls", "manual"} & items.keys():
            raise body.error(
                "a control needs `policies`, or `manual`: what to do where no policy decides it.", code="missing-key"
            )
        none: tuple[Asked, ...] = ()
        asked = self.each(items, "policies", self.policies, none)
        asked += self.each(items, "controls", lambda item: _decided(item, over), none)
        return Control(
            id=self.text(items, "id"),
            title=self.text(items, "title"),
            section=self.each(items, "section", lambda item: _one_of(item, "section", sections), _NO_SECTION),
            severity=self.each(items, "severity", _severity, None),
            levels=self.each(items, "levels", lambda item: _levels_of(item, levels), ()),
            policies=asked,
            manual=self.text(items, "manual"),
            references=self.each(items, "references", _texts, ()),
            item=body,
        )

    def policies(self, item: Located) -> tuple[Asked, ...]:
        found = []
        for part in item.sequence("policies"):
            if isinstance(part.value, str):
                found.append(Asked(part.value, {}, part, {}))
                continue
            keys = part.only("a policy of a control", ("policy", "params"))
            if self.needed(part, keys, "a policy of a control", ("policy",)):
                continue
            given = keys["params"].mapping("params") if "params" in keys else {}
            params = {key: value.plain() for key, value in given.items()}
            found.append(Asked(keys["policy"].text("policy"), params, keys["policy"], given))
        if not found and not self.errors:
            raise item.error("a control's `policies` name at least one.", "Leave it out and write `manual`.")
        return tuple(found)

    def needed(self, body: Located, items: Mapping[str, Located], what: str, keys: Sequence[str]) -> bool:
        """Note the keys that are missing; return whether any is."""
        missing = [key for key in keys if key not in items]
        self.errors += [body.error(f"{what} needs `{key}`.", code="missing-key") for key in missing]
        return bool(missing)

    def each(self, items: Mapping[str, Located], key: str, read: Callable[[Located], Found], default: Found) -> Found:
        """Return what a key says, the default where it is left out or wrong."""
        if key not in items:
            return default
        try:
            return read(items[key])
        except PolicyError as error:
            self.errors += error.all()
            return default

    def text(self, items: Mapping[str, Located], key: str) -> str:
        return self.each(items, key, lambda item: " ".join(item.text(key).split()), "")


def _decided(item: Located, over: Sequence[Framework]) -> tuple[Asked, ...]:
    """Return the policies of the other frameworks' controls that a control refers to, each once."""
    if not over:
        raise item.error("`controls` are those of another framework.", "Name it at the top: `over: fsbp`.")
    known = {control.id: control for each in over for control in each.controls}
    found: list[Asked] = []
    for part in item.sequence("controls"):
        name = part.text("a control")
        if name not in known:
            names = " and ".join(each.id for each in over)
            raise part.error(f"{names} has no control {name}.", did_you_mean(name, known), "unknown-value")
        found += [asked for asked in known[name].policies if asked not in found]
    return tuple(found)


def _id(item: Located) -> str:
    name = item.text("id")
    if not _ID.fullmatch(name):
        raise item.error(f'"{name}" is no id of a framework.', "Use small letters, digits, dots and hyphens.")
    return name


def _profile(item: Located) -> Standard:
    return Standard(_one_of(item, "profile", {each.value: each.value for each in Standard}))


def _severity(item: Located) -> Severity:
    return Severity(_one_of(item, "severity", {each.value: each.value for each in Severity}))


def _one_of(item: Located, what: str, known: Mapping[str, Found]) -> Found:
    name = item.text(what)
    if name not in known:
        few = ", ".join(list(known)[:_FEW])
        hint = did_you_mean(name, known) or (f"There are {few}." if known else "")
        raise item.error(f'there is no {what} "{name}" here.', hint, "unknown-value")
    return known[name]


def _levels(item: Located) -> dict[str, str]:
    return {key: value.text("a level's title") for key, value in item.mapping("levels").items()}


def _levels_of(item: Located, known: Mapping[str, str]) -> tuple[str, ...]:
    for part in item.sequence("levels"):
        _one_of(part, "level", known)
    return _texts(item)


def _texts(item: Located) -> tuple[str, ...]:
    return tuple(part.text("each of the list") for part in item.sequence("this"))


def _natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return what a text with numbers in it is to be sorted by: 2 before 10."""
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.split(r"(\d+)", text))
