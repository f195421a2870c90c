"""Actions of policies: read with their options, as Cloud Custodian writes them, and planned for what a policy selected.

What Crenel can't do is named when a policy is read, and in the plan; it is never done in part.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from jmespath.exceptions import JMESPathError

from crenel.errors import PolicyError, nearest
from crenel.positions import Located
from crenel.remediate.builders import BUILDERS, Builder
from crenel.remediate.load import actions_of
from crenel.remediate.model import Plan, Step
from crenel.remediate.planning import Planner, Target, columns_of, pointing
from crenel.remediate.spec import Action, ActionOption
from crenel.remediate.tagging import Edit, TagError, edits, merged, zone
from crenel.remediate.templates import Expression

NOT_SUPPORTED = "not supported: "  # how such a note of a plan begins
_TAIL = re.compile(r" is not supported(?: so)?, and not planned")


def _is_expression(value: Any) -> bool:  # noqa: ANN401 (any YAML value)
    if not isinstance(value, str):
        return False
    try:
        Expression(value)
    except JMESPathError:
        return False
    return True


# What a value of each kind is in YAML.
_IS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "any": ("anything", lambda _: True),
    "text": ("a text", lambda value: isinstance(value, str)),
    "texts": (
        "a list of texts",
        lambda value: isinstance(value, list) and all(isinstance(each, str) for each in value),
    ),
    "number": ("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
    "integer": ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "list": ("a list", lambda value: isinstance(value, list)),
    "mapping": ("a mapping", lambda value: isinstance(value, dict)),
    "expression": ("a JMESPath expression", _is_expression),
    "expressions": (
        "a mapping to JMESPath expressions",
        lambda value: isinstance(value, dict) and all(_is_expression(each) for each in value.values()),
    ),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """An action that a policy asks for. `options` are the given ones and the defaults."""

    action: Action
    options: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Actions:
    """What a policy's `actions` come to: what is planned, what is wrong, and what Crenel can't do."""

    asked: tuple[Asked, ...] = ()
    errors: tuple[PolicyError, ...] = ()
    unsupported: tuple[PolicyError, ...] = ()


def read_actions(kind: str, written: Sequence[Located], known: Collection[str]) -> Actions:
    """Return the actions of a policy about a type (its name as Custodian has it); each is a mapping with `type`.

    `known` are the names of all of Cloud Custodian's actions: one of them that Crenel has not is unsupported, any other
    name an error.
    """
    asked: list[Asked] = []
    errors: list[PolicyError] = []
    unsupported: list[PolicyError] = []
    for item in written:
        name = item.mapping("an action")["type"]
        action = actions_of(kind).get(str(name.value))
        if action is None:
            there = ", ".join(sorted(actions_of(kind))) or "no action"
            if name.value in known:
                text = f"the action {name.value} of aws.{kind} is not supported, and not planned."
                unsupported.append(name.error(text, f"Crenel has {there} for it.", "unsupported-action"))
            else:
                hint = nearest(str(name.value), {*actions_of(kind), *known})
                errors.append(name.error(f'aws.{kind} has no action "{name.value}".', hint, "unknown-action"))
            continue
        wrong = list(_wrong(action, item))
        lacking = [] if wrong else list(_lacking(action, item))
        errors += wrong
        unsupported += lacking
        if not wrong and not lacking:
            asked.append(Asked(action, _options(action, item)))
    return Actions(tuple(asked), tuple(errors), tuple(unsupported))


def _wrong(action: Action, item: Located) -> Iterator[PolicyError]:
    """Yield what is wrong with an action's options."""
    items = {key: each for key, each in item.mapping("an action").items() if key != "type"}
    what = f"the action {action.name}"
    found = [
        item.unknown_key(key, what, ["type", *action.options])
        if key not in action.options
        else _misfit(f"{what}: {key}", action.options[key], each)
        for key, each in items.items()
    ]
    wrong = [error for error in found if error is not None]
    wrong += [
        item.error(f"{what} needs `{key}`: {option.title}.", code="missing-key")
        for key, option in action.options.items()
        if option.required and key not in items
    ]
    yield from wrong
    if wrong:
        return
    if action.edits == "mark" and "tz" in items:
        try:
            zone(items["tz"].value)
        except TagError as error:
            yield items["tz"].error(f"{what}: {error}.", code="unknown-value")
    if action.valid is not None and not _holds(action.valid, action, item):
        yield item.error(f"{what}: {action.invalid.rstrip('.')}.")


def _options(action: Action, item: Located) -> dict[str, Any]:
    given = {key: each.plain() for key, each in item.mapping("an action").items() if key != "type"}
    return {**{key: option.default for key, option in action.options.items()}, **given}


def _holds(condition: Expression, action: Action, item: Located) -> bool:
    try:
        return condition.true(_options(action, item))
    except JMESPathError:
        return False


def _misfit(what: str, option: ActionOption, item: Located) -> PolicyError | None:
    words, fits = _IS[option.kind]
    if not fits(item.plain()):
        return item.error(f"{what} takes {words}.", code="wrong-type")
    if option.words and item.value not in option.words:
        return item.error(
            f'{what} has no word "{item.value}".', nearest(str(item.value), option.words), "unknown-value"
        )
    return None


def _lacking(action: Action, item: Located) -> Iterator[PolicyError]:
    """Yield what Crenel can't do of an action."""
    for key, each in item.mapping("an action").items():
        option = action.options.get(key)
        if option is not None and option.unsupported and each.value not in (None, False):
            text = f"the action {action.name} with `{key}` is not supported, and not planned: {option.unsupported}."
            yield item.key_error(key, text, code="unsupported-action")
            return
    if action.able is not None and not _holds(action.able, action, item):
        text = f"the action {action.name} is not supported so, and not planned: {action.unable.rstrip('.')}."
        yield item.error(text, code="unsupported-action")


def not_supported(error: PolicyError) -> str:
    """Return what a plan notes of an action that Crenel can't do."""
    return f"{NOT_SUPPORTED}{_TAIL.sub('', error.message)}"


def columns_read(asked: Sequence[Asked]) -> set[str]:
    """Return the columns of the resources' rows that actions read."""
    found = {column for each in asked for column in columns_of(each.action.fix)}
    found |= {column for builder in _builders(asked) for column in builder.columns}
    return {column for column in found if not column.startswith("_")}


def tables_read(asked: Sequence[Asked]) -> dict[str, tuple[str, ...]]:
    """Return the other tables that actions look into, with the detail columns that they need."""
    found: dict[str, tuple[str, ...]] = {}
    for builder in _builders(asked):
        for kind, columns in builder.needs.items():
            found[kind] = tuple(dict.fromkeys((*found.get(kind, ()), *columns)))
    return found


def _builders(asked: Sequence[Asked]) -> list[Builder]:
    return [BUILDERS[each.action.fix.builder] for each in asked if each.action.fix.builder]


def plan_actions(planner: Planner, target: Target, asked: Sequence[Asked], now: datetime) -> None:
    """Add the steps that a policy's actions make of one resource. `now` is the run's clock (aware).

    Tags are edited once, whichever actions do so. What can't be planned is a note of the plan.
    """
    tagged: Asked | None = None
    wanted: list[Edit] = []
    for each in asked:
        if each.action.edits:
            tagged = tagged or each
            try:
                wanted += edits(each.action.edits, each.options, target.row, now)
            except TagError as error:
                planner.notes.append(f"{target.policy}, {target.resource}: no tag is set, for {error}.")
        elif not each.action.together:
            planner.repair(replace(target, options=each.options), each.action.fix)
    if tagged is not None and wanted:
        options = {**tagged.options, "edits": _needed(merged(wanted), target.row)}
        planner.repair(replace(target, options=options), tagged.action.fix)


def plan_together(planner: Planner, target: Target, asked: Sequence[Asked]) -> None:
    """Add the steps of those actions that are about all of a policy's resources at once. The target's row has what
    their builders take: `resources`, `policy`, `began`, `execution`.
    """
    for each in asked:
        if each.action.together and target.row["resources"]:
            given = {key: value for key, value in each.options.items() if value is not None}
            row = {**target.row, "action": {"type": each.action.name, **given}}
            title = f"{each.action.name} of the policy {target.policy}"
            planner.repair(replace(target, title=title, options=each.options, row=row), each.action.fix)


def _needed(wanted: Sequence[Edit], row: Mapping[str, Any]) -> list[Edit]:
    """Return the edits that change something."""
    there = {tag["Key"]: tag["Value"] for tag in row.get("Tags") or ()}
    return [edit for edit in wanted if there.get(str(edit["key"])) != edit["value"]]


def joined(plans: Sequence[Plan]) -> Plan:
    """Return several plans of one snapshot as one, with new ids; what two of them ask for is done once.

    `plans` is not empty.
    """
    steps: dict[str, Step] = {}
    for plan in plans:
        ids: dict[str, str] = {}
        for step in plan.steps:
            moved = replace(step, args=pointing(step.args, ids))
            key = json.dumps([moved.act, moved.args, step.resource if not step.act else ""], sort_keys=True)
            ids[step.id] = steps.setdefault(key, replace(moved, id=str(len(steps) + 1))).id
    notes = tuple(dict.fromkeys(note for plan in plans for note in plan.notes))
    return replace(plans[0], steps=tuple(steps.values()), notes=notes)
