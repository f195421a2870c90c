"""Plans as JSON: a file to be reviewed, kept under version control, and applied later.

What is read is not trusted: each call is held against what its act makes of the arguments, and what a step says of
being undone is the act's own. docs/fixing.md describes the form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from jmespath.exceptions import JMESPathError

from crenel.errors import UsageError, nearest
from crenel.positions import MOST_BYTES, Located, load_text, read_text
from crenel.remediate.load import acts
from crenel.remediate.model import Act, Manual, Plan, Step, Undoing
from crenel.remediate.planning import UnplannedError, call_of, command_of
from crenel.remediate.templates import Expression, told

FORMAT, VERSION = "crenel-fix-plan", 1
_PLAN_KEYS = ("format", "version", "id", "made_at", "snapshot", "accounts", "notes", "steps")
_ABOUT = ("id", "title", "policy", "practice", "findings", "account", "region", "type", "resource", "name")
_NEEDED = ("id", "title", "account", "region", "type", "resource")
_AUTOMATIC = (
    "act", "args", "seen", "call", "undoing", "lost", "changes", "breaks", "unknown", "cost", "command",
)  # fmt: skip

_MANUAL = ("steps", "commands", "containment")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PLACE = ("account", "region", "partition")


def to_json(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON values; what is empty is left out, but for `seen` of steps that are applied."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "id": plan.id,
        "made_at": plan.made_at.isoformat(timespec="seconds"),
        "snapshot": plan.snapshot,
        "accounts": sorted({step.account for step in plan.steps}),
        "notes": list(plan.notes),
        "steps": [_step_json(step) for step in plan.steps],
    }


def to_text(plan: Plan) -> str:
    """Return a plan as the text of its file. Raises `UsageError` where it is too large to be read again."""
    text = json.dumps(to_json(plan), indent=2) + "\n"  # ASCII: nothing in a name can hide from a reviewer
    if len(text) > MOST_BYTES:
        raise UsageError(
            f"a plan of {len(plan.steps):,} steps is too large for one file.",
            suggestion="Choose less of it: --policy, --account, --region, --resource.",
        )
    return text


def from_file(path: Path) -> Plan:
    """Read a plan. Raises `PolicyError` with the place of what is wrong, as `from_text` does, or of an unread file."""
    return from_text(read_text(path), str(path))


def from_text(text: str, name: str) -> Plan:
    """Read a plan from a text that errors call `name`.

    Raises `PolicyError` with the place and the JSON path of a key or act that there is not, and of a call that is none
    of its act's.
    """
    root = load_text(text, name, as_json=True)
    items = root.only("a plan", _PLAN_KEYS)
    if "format" not in items or items["format"].value != FORMAT:
        raise root.error(
            f'this is no plan: its "format" is not "{FORMAT}".', "`crenel fix plan --out FILE` writes one."
        )
    if "version" not in items or items["version"].value != VERSION:
        raise items.get("version", root).error(f"this Crenel reads plans of version {VERSION} alone.")
    for key in ("id", "made_at", "snapshot", "steps"):
        if key not in items:
            raise root.error(f'a plan needs "{key}".', code="missing-key")
    steps: dict[str, Step] = {}
    for index, item in enumerate(items["steps"].sequence("steps")):
        step = _Reader(item, f"steps[{index}]", steps).step()
        steps[step.id] = step
    return Plan(
        id=_identity(items["id"], "id"),
        made_at=_time(items["made_at"]),
        snapshot=items["snapshot"].text("snapshot"),
        steps=tuple(steps.values()),
        notes=_texts(items, "notes", "notes"),
    )


def _step_json(step: Step) -> dict[str, Any]:
    values: dict[str, Any] = {key: getattr(step, key) for key in _ABOUT}
    if step.act:
        values |= {key: getattr(step, key) for key in _AUTOMATIC}
        values["undoing"] = step.undoing.value
        values["changes"] = [list(change) for change in step.changes]
    elif step.manual is not None:
        values["manual"] = {key: list(getattr(step.manual, key)) for key in _MANUAL}
    values = {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
    kept = ("seen", "args") if step.act else ()
    return {key: value for key, value in values.items() if key in kept or value not in (None, "", [], {})}


class _Reader:
    """Reads one step. `earlier` are those before it, by id."""

    def __init__(self, item: Located, path: str, earlier: Mapping[str, Step]) -> None:
        self.item = item
        self.path = path
        self.earlier = earlier
        self.items = item.only(path, (*_ABOUT, *_AUTOMATIC, "manual"))

    def step(self) -> Step:
        for key in _NEEDED:
            if key not in self.items:
                raise self.item.error(f'{self.path} needs "{key}".', code="missing-key")
        if ("act" in self.items) == ("manual" in self.items):
            raise self.item.error(f'{self.path} needs either "act" or "manual".')
        about = self.about()
        if "manual" in self.items:
            for key in _AUTOMATIC:
                if key in self.items:
                    raise self.item.key_error(key, f'{self.path} is done by hand, and has no "{key}".')
            return Step(**about, manual=self.manual(self.items["manual"]))
        return Step(**about, **self.automatic(about))

    def about(self) -> dict[str, Any]:
        values: dict[str, Any] = {key: self.text(key) for key in (*_NEEDED, "name", "policy") if key in self.items}
        values["id"] = _identity(self.items["id"], f"{self.path}.id")
        if values["id"] in self.earlier:
            raise self.items["id"].error(f'{self.path}.id: there is a step "{values["id"]}" already.')
        if "practice" in self.items:
            practice = self.items["practice"].value
            if isinstance(practice, bool) or not isinstance(practice, int):
                raise self.items["practice"].error(f"{self.path}.practice must be a number.", code="wrong-type")
            values["practice"] = practice
        return values | {"findings": _texts(self.items, "findings", f"{self.path}.findings")}

    def automatic(self, about: Mapping[str, Any]) -> dict[str, Any]:
        act = self.act()
        for key in ("args", "seen"):
            if key not in self.items:
                raise self.item.error(f'{self.path} needs "{key}".', code="missing-key")
        args = self.args(about)
        call = self.call(act, args)
        self.undoing(act)
        return {
            "act": act.name,
            "args": args,
            "seen": self.items["seen"].plain(),
            "call": call,
            "undoing": act.undoing,
            "lost": told(act.lost, {"args": args}),
            "changes": tuple(self.changes()),
            **{key: _texts(self.items, key, f"{self.path}.{key}") for key in ("breaks", "unknown")},
            "cost": self.text("cost") if "cost" in self.items else "",
            "command": command_of(call, about["region"]),
        }

    def text(self, key: str) -> str:
        return self.items[key].text(f"{self.path}.{key}")

    def act(self) -> Act:
        name = self.text("act")
        if name not in acts():
            raise self.items["act"].error(
                f'{self.path}.act: there is no act "{name}".', nearest(name, acts()), "unknown-value"
            )
        return acts()[name]

    def args(self, about: Mapping[str, Any]) -> dict[str, Any]:
        item = self.items["args"]
        args: dict[str, Any] = {key: each.plain() for key, each in item.mapping(f"{self.path}.args").items()}
        for key in _PLACE:
            if not isinstance(args.get(key), str):
                raise item.error(f'{self.path}.args needs "{key}", a text.', code="missing-key")
            if key in about and args[key] != about[key]:
                raise item.mapping("args")[key].error(f"{self.path}.args.{key} is not the step's own {key}.")
        for reference in _references(item):
            self.reference(reference)
        return args

    def reference(self, item: Located) -> None:
        """Raise `PolicyError` where a value of an earlier step can't be had."""
        items = item.only(f"{self.path}.args: a value of an earlier step", ("$from", "path"))
        step = items["$from"].text("$from")
        if step not in self.earlier or not self.earlier[step].act:
            raise items["$from"].error(
                f'{self.path}.args: no step "{step}" is applied before.', nearest(step, self.earlier)
            )
        if "path" not in items:
            raise item.error(f'{self.path}.args: {{"$from": "{step}"}} needs "path".', code="missing-key")
        try:
            Expression(items["path"].text("path"))
        except JMESPathError as error:
            raise items["path"].error(f"{self.path}.args: the path is no JMESPath expression.") from error

    def call(self, act: Act, args: Mapping[str, Any]) -> dict[str, Any]:
        """Return the act's call. Raises `PolicyError` where it can't be made, or the file has another."""
        try:
            call = call_of(act, args)
        except UnplannedError as error:
            raise self.items["args"].error(f"{self.path}.args: {error}") from error
        written = self.items["call"].plain() if "call" in self.items else {}
        if written != call:
            raise self.items.get("call", self.item).error(
                f"{self.path}.call is not what the act {act.name} makes of the arguments.",
                f"It makes {json.dumps(call, ensure_ascii=False)}." if call else "It has none before it is applied.",
                "altered",
            )
        return call

    def undoing(self, act: Act) -> None:
        item = self.items.get("undoing")
        if item is not None and item.value != act.undoing.value:
            known = item.value in list(Undoing)
            message = f'says "{item.value}", and the act {act.name} "{act.undoing.value}"'
            raise item.error(f"{self.path}.undoing {message}.", "" if known else "It is yes, partly or no.", "altered")

    def changes(self) -> Iterator[tuple[str, Any, Any]]:
        for item in self.items["changes"].sequence(f"{self.path}.changes") if "changes" in self.items else ():
            parts = item.sequence(f"{self.path}.changes: a change")
            if len(parts) != len(("what", "before", "after")):
                raise item.error(f"{self.path}.changes: a change is [what, before, after].")
            yield parts[0].text("what"), parts[1].plain(), parts[2].plain()

    def manual(self, item: Located) -> Manual:
        items = item.only(f"{self.path}.manual", _MANUAL)
        return Manual(*(_texts(items, key, f"{self.path}.manual.{key}") for key in _MANUAL))


def _references(item: Located) -> Iterator[Located]:
    """Yield the values of earlier steps in arguments."""
    if isinstance(item.value, dict):
        if "$from" in item.value:
            yield item
            return
        for each in item.value.values():
            yield from _references(each)
    elif isinstance(item.value, list):
        for each in item.value:
            yield from _references(each)


def _identity(item: Located, path: str) -> str:
    found = item.text(path)
    if not _ID.fullmatch(found):
        raise item.error(f"{path} must be letters, digits, dots and hyphens, at most 64.")
    return found


def _time(item: Located) -> datetime:
    text = item.text("made_at")
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise item.error("made_at is no time in ISO 8601.") from error
    if found.tzinfo is None:
        raise item.error("made_at needs its zone (+00:00).")
    return found


def _texts(items: Mapping[str, Located], key: str, path: str) -> tuple[str, ...]:
    return tuple(each.text(path) for each in items[key].sequence(path)) if key in items else ()
