"""The files of `content/fixes/`: acts, fixes and actions, each mistake at its place.

An act is known as ``<file>/<name>``, in its own file by the name alone. docs/repairs.md says what there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jmespath.exceptions import JMESPathError

from crenel.errors import nearest
from crenel.positions import Located, load_file
from crenel.remediate.builders import BUILDERS
from crenel.remediate.model import SETTLES, Act, Check, Manual, Reading, Request, Undoing
from crenel.remediate.spec import Action, ActionOption, Breaks, Declarations, Fix, FixStep, Parameter
from crenel.remediate.templates import Expression, expressions_in

_FILE_KEYS = ("acts", "fixes", "actions")
_ACT_KEYS = (
    "title", "call", "with", "read", "done", "undo", "undoing", "lost", "never", "refusal", "locks", "checks",
    "permissions", "resource", "settles", "sends",
)  # fmt: skip
_READ_KEYS = ("call", "with", "take", "absent")
_CHECK_KEYS = (*_READ_KEYS, "holds", "message")
_FIX_KEYS = ("steps", "breaks", "cost", "parameters", "manual", "builder")
_STEP_KEYS = ("act", "when", "each", "args", "seen", "changes", "cost", "title")
_ACTION_KEYS = ("options", "valid", "invalid", "able", "unable", "edits", "together")
_OPTION_KEYS = ("title", "kind", "words", "required", "default", "unsupported")
_KINDS = ("any", "text", "texts", "number", "integer", "boolean", "list", "mapping", "expression", "expressions")
_EDITS = ("set", "mark", "drop")
_MANUAL_KEYS = ("also", "steps", "commands", "containment")
_LOCKS = ("user", "role", "group", "key", "policy")
_WORDS: Mapping[Any, str] = {True: "yes", False: "no"}  # how YAML reads the bare words


@lru_cache(maxsize=1)
def declarations() -> Declarations:
    """Return what ships with Crenel."""
    return read_folder(Path(str(files("crenel.content") / "fixes")))


def acts() -> Mapping[str, Act]:
    """Return all acts by their full names."""
    return declarations().acts


def fix_of(policy: str) -> Fix | None:
    """Return the fix of a policy, by its name; None where there is none."""
    return declarations().fixes.get(policy)


def actions_of(kind: str) -> Mapping[str, Action]:
    """Return the actions of a resource type (``ebs``), by name; those of every type (``*``) among them."""
    found = declarations().actions
    return {**found.get("*", {}), **found.get(kind, {})}


def read_folder(folder: Path) -> Declarations:
    """Return what the YAML files of a folder declare. Raises `PolicyError` with the place of whatever is wrong."""
    roots = [(path.stem, load_file(path).only("a file of fixes", _FILE_KEYS)) for path in sorted(folder.glob("*.yaml"))]
    found: dict[str, Act] = {}
    for service, items in roots:
        for name, body in _under(items, "acts"):
            found[f"{service}/{name}"] = _act(f"{service}/{name}", body)
    fixes: dict[str, Fix] = {}
    actions: dict[str, dict[str, Action]] = {}
    for service, items in roots:
        reader = _Fixes(service, found)
        for name, body in _under(items, "fixes"):
            if name in fixes:
                raise items["fixes"].key_error(name, f"the policy {name} has a fix already.")
            fixes[name] = reader.fix(body)
        for kind, every in _under(items, "actions"):
            for name, body in every.mapping(f"the actions of {kind}").items():
                if name in actions.setdefault(kind, {}):
                    raise every.key_error(name, f"the action {name} of {kind} is there already.")
                actions[kind][name] = reader.action(name, body)
    return Declarations(found, fixes, actions)


def _under(items: Mapping[str, Located], key: str) -> Iterable[tuple[str, Located]]:
    return items[key].mapping(f"`{key}`").items() if key in items else ()


# --- acts


def _act(name: str, body: Located) -> Act:
    items = _having(body, f"the act {name}", _ACT_KEYS, ("title", "call", "read", "done", "undo", "undoing"))
    undoing = _undoing(items["undoing"])
    undo = tuple(
        _request(each, _having(each, "a call of undo", ("call", "with", "when"), ("call",)))
        for each in items["undo"].sequence("undo")
    )
    if undoing is Undoing.YES and not undo:
        raise items["undo"].error("an act that can be taken back has calls that do so.")
    if undoing is Undoing.NO and undo:
        raise items["undo"].error("an act that can't be taken back has no calls that do so.")
    if undoing is not Undoing.YES and "lost" not in items:
        raise body.error(f"the act {name} needs `lost`: what undo can't bring back.", code="missing-key")
    if ("never" in items) != ("refusal" in items):
        raise body.error(f"the act {name} needs `never` and `refusal` together.", code="missing-key")
    return Act(
        name=name,
        title=_told(items["title"], "title"),
        request=_request(body, items),
        reading=_reading(items["read"]),
        done=_expression(items["done"], "done"),
        undo=undo,
        undoing=undoing,
        lost=_told(items["lost"], "lost") if "lost" in items else "",
        never=_maybe(items, "never"),
        refusal=items["refusal"].text("refusal") if "refusal" in items else "",
        locks=_locks(items["locks"]) if "locks" in items else {},
        checks=tuple(_check(each) for each in items["checks"].sequence("checks")) if "checks" in items else (),
        permissions=_texts(items, "permissions"),
        resource=_maybe(items, "resource"),
        settles=_seconds(items["settles"]) if "settles" in items else SETTLES,
        sends="sends" in items and items["sends"].value is True,
    )


def _undoing(item: Located) -> Undoing:
    word = _WORDS.get(item.value, item.value) if isinstance(item.value, bool | str) else item.value
    if word not in list(Undoing):
        raise item.error(f'undoing has no word "{word}".', "It is yes, partly or no.", "unknown-value")
    return Undoing(word)


def _request(body: Located, items: Mapping[str, Located]) -> Request:
    text = items["call"].text("call")
    service, _, operation = text.partition(":")
    if not service or not operation:
        raise items["call"].error(f'a call is botocore\'s service:Operation, not "{text}".')
    if "with" not in items:
        raise body.error(f"the call {text} needs `with`, its parameters ({{}} where there are none).")
    params = items["with"].mapping("with")
    return Request(service, operation, {key: _template(item) for key, item in params.items()}, _maybe(items, "when"))


def _reading(item: Located, keys: tuple[str, ...] = _READ_KEYS) -> Reading:
    items = _having(item, "a read", keys, ("call", "take"))
    absent = items["absent"].mapping("absent") if "absent" in items else {}
    return Reading(
        _request(item, items),
        _expression(items["take"], "take"),
        {code: state.plain() for code, state in absent.items()},
    )


def _check(item: Located) -> Check:
    items = _having(item, "a check", _CHECK_KEYS, ("holds", "message"))
    return Check(_reading(item, _CHECK_KEYS), _expression(items["holds"], "holds"), items["message"].text("message"))


def _locks(item: Located) -> Mapping[str, Expression]:
    return {key: _expression(each, key) for key, each in item.only("locks", _LOCKS).items()}


def _seconds(item: Located) -> float:
    if isinstance(item.value, bool) or not isinstance(item.value, int | float) or item.value < 0:
        raise item.error("settles is a number of seconds.", code="wrong-type")
    return float(item.value)


# --- fixes and actions


class _Fixes:
    """Reads the fixes of one file, whose acts have short names there."""

    def __init__(self, service: str, known: Mapping[str, Act]) -> None:
        self.service = service
        self.known = known

    def fix(self, body: Located, more: tuple[str, ...] = ()) -> Fix:
        items = body.only("a fix", (*_FIX_KEYS, *more))
        builder = items["builder"].text("builder") if "builder" in items else ""
        if builder and builder not in BUILDERS:
            raise items["builder"].error(f'there is no builder "{builder}".', nearest(builder, BUILDERS))
        if builder and "steps" in items:
            raise items["steps"].error("a fix has steps or a builder, not both.")
        if not {"steps", "builder", "manual"} & items.keys():
            raise body.error("a fix needs `steps`, a `builder` or `manual`.", code="missing-key")
        manual, also = _manual(items["manual"]) if "manual" in items else (None, False)
        return Fix(
            steps=tuple(self.step(each) for each in items["steps"].sequence("steps")) if "steps" in items else (),
            breaks=tuple(_breaks(each) for each in items["breaks"].sequence("breaks")) if "breaks" in items else (),
            cost=_told(items["cost"], "cost") if "cost" in items else "",
            parameters={name: _parameter(each) for name, each in _under(items, "parameters")},
            manual=manual,
            also=also,
            builder=builder,
        )

    def step(self, body: Located) -> FixStep:
        items = _having(body, "a step", _STEP_KEYS, ("act", "args", "seen"))
        return FixStep(
            act=self.act(items["act"]),
            args={key: _template(item) for key, item in items["args"].mapping("args").items()},
            seen=_expression(items["seen"], "seen"),
            when=_maybe(items, "when"),
            each=_maybe(items, "each"),
            title=_told(items["title"], "title") if "title" in items else "",
            changes=tuple(_change(each) for each in items["changes"].sequence("changes")) if "changes" in items else (),
            cost=_told(items["cost"], "cost") if "cost" in items else "",
        )

    def act(self, item: Located) -> Act:
        name = item.text("act")
        full = name if "/" in name else f"{self.service}/{name}"
        if full not in self.known:
            own = [each.removeprefix(f"{self.service}/") for each in self.known]
            raise item.error(f'there is no act "{name}".', nearest(name, own), "unknown-value")
        return self.known[full]

    def action(self, name: str, body: Located) -> Action:
        items = body.mapping(f"the action {name}")
        for key, otherwise in (("valid", "invalid"), ("able", "unable")):
            if (key in items) != (otherwise in items):
                raise body.error(f"the action {name} needs `{key}` and `{otherwise}` together.", code="missing-key")
        return Action(
            name=name,
            options={key: _option(each) for key, each in _under(items, "options")},
            fix=self.fix(body, _ACTION_KEYS),
            valid=_maybe(items, "valid"),
            invalid=items["invalid"].text("invalid") if "invalid" in items else "",
            able=_maybe(items, "able"),
            unable=items["unable"].text("unable") if "unable" in items else "",
            edits=_word(items["edits"], "edits", _EDITS) if "edits" in items else "",
            together="together" in items and items["together"].value is True,
        )


def _breaks(item: Located) -> Breaks:
    items = _having(item, "what breaks", ("text", "when"), ("text",))
    return Breaks(_told(items["text"], "text"), _maybe(items, "when"))


def _parameter(item: Located) -> Parameter:
    items = _having(item, "a parameter", ("title", "default"), ("title",))
    return Parameter(items["title"].text("title"), items["default"].text("default") if "default" in items else None)


def _option(item: Located) -> ActionOption:
    items = _having(item, "an option", _OPTION_KEYS, ("title",))
    return ActionOption(
        title=items["title"].text("title"),
        kind=_word(items["kind"], "kind", _KINDS) if "kind" in items else "any",
        words=_texts(items, "words"),
        required="required" in items and items["required"].value is True,
        default=items["default"].plain() if "default" in items else None,
        unsupported=items["unsupported"].text("unsupported") if "unsupported" in items else "",
    )


def _word(item: Located, key: str, known: tuple[str, ...]) -> str:
    word = item.text(key)
    if word not in known:
        raise item.error(f'{key} has no word "{word}".', nearest(word, known), "unknown-value")
    return word


def _change(item: Located) -> tuple[str, str, str]:
    parts = item.sequence("a change")
    if len(parts) != len(("what", "before", "after")):
        raise item.error("a change is [what, before, after].")
    what, before, after = (_told(part, "a part of a change") for part in parts)
    return what, before, after


def _manual(item: Located) -> tuple[Manual, bool]:
    items = _having(item, "manual", _MANUAL_KEYS, ("steps",))
    steps, commands, containment = (
        tuple(_told(each, key) for each in items[key].sequence(key)) if key in items else ()
        for key in ("steps", "commands", "containment")
    )
    return Manual(steps, commands, containment), "also" in items and items["also"].value is True


# --- parts


def _having(item: Located, what: str, known: tuple[str, ...], needed: tuple[str, ...]) -> Mapping[str, Located]:
    """Return a mapping's items. Raises `PolicyError` at a key that is not known, and where one is missing."""
    items = item.only(what, known)
    for key in needed:
        if key not in items:
            raise item.error(f"{what} needs `{key}`.", code="missing-key")
    return items


def _expression(item: Located, key: str) -> Expression:
    text = item.text(key)
    try:
        return Expression(text)
    except JMESPathError as error:
        raise item.error(f"`{key}` is no JMESPath expression: {_first_line(error)}.", code="expression") from error


def _maybe(items: Mapping[str, Located], key: str) -> Expression | None:
    return _expression(items[key], key) if key in items else None


def _template(item: Located) -> Any:  # noqa: ANN401 (any JSON value with expressions in it)
    if isinstance(item.value, dict):
        if set(item.value) == {"$"}:
            return _expression(item.value["$"], "$")
        return {key: _template(each) for key, each in item.value.items()}
    return [_template(each) for each in item.value] if isinstance(item.value, list) else item.value


def _told(item: Located, key: str) -> str:
    """Return a text for people, whose ``{expressions}`` are some."""
    text = item.text(key)
    for expression in expressions_in(text):
        try:
            Expression(expression)
        except JMESPathError as error:
            raise item.error(
                f"{{{expression}}} is no JMESPath expression: {_first_line(error)}.", code="expression"
            ) from error
    return text


def _texts(items: Mapping[str, Located], key: str) -> tuple[str, ...]:
    return tuple(each.text(key) for each in items[key].sequence(key)) if key in items else ()


def _first_line(error: JMESPathError) -> str:
    return str(error).split("\n", maxsplit=1)[0].rstrip(".:")
