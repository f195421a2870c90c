"""Definitions → detections: lists written out, macros put in as subtrees, conditions and outputs compiled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from crenel.detections.changes import Change
from crenel.detections.falco import edits, exceptions, output
from crenel.detections.falco.condition import (
    MOST_DEPTH,
    AllOf,
    AnyOf,
    ConditionError,
    MacroName,
    Node,
    Opposite,
    Span,
    parse,
)
from crenel.detections.falco.definitions import LEVELS, SOURCE, Definitions, Macro, Rule
from crenel.detections.falco.fields import RECEIVED
from crenel.detections.falco.operators import Notes, asked
from crenel.detections.falco.script import Script, substituted
from crenel.detections.falco.values import UnknownFieldError
from crenel.detections.model import Detection, Rules, Shown
from crenel.errors import PolicyError, PolicyFileError, did_you_mean
from crenel.language.plan import FALSE, Predicate, Value, conjunction, disjunction, negation
from crenel.positions import Located

_UNKNOWN_FIELD = "unknown-field"
_MOST_COMPARISONS = 5_000  # of one condition with its macros written out
_BORDERS = str.maketrans(dict.fromkeys("\t\n\r(),=[]'\"", " "))


@dataclass(frozen=True, slots=True)
class _Done:
    """A compiled condition, how many comparisons it has, and how deep it is."""

    predicate: Predicate
    size: int = 1
    height: int = 1


@dataclass(slots=True)
class Compiler:
    """Compiles what `given` defines into `found`; `files` are the texts of files by name, for places in them."""

    given: Definitions
    files: Mapping[str, str]
    found: Rules
    _lists: dict[str, tuple[Located, ...]] = field(default_factory=dict)
    _trees: dict[str, tuple[Script, Node] | None] = field(default_factory=dict)  # of macros; None: told
    _macros: dict[str, _Done | PolicyError] = field(default_factory=dict)
    _under_way: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Compile everything."""
        self._lists = {each.name: tuple(self._items(each.items, each.last)) for each in self.given.lists.values()}
        for macro in self.given.macros.values():
            self._tree(macro)
        for rule in self.given.rules.values():
            if rule.name in self.given.broken:
                continue
            if rule.source != SOURCE:
                self.found.skipped.append(_of_another_source(rule))
                continue
            try:
                self.found.detections.append(self._detection(rule))
            except PolicyError as error:
                skips = rule.skips_unknown and all(each.code == _UNKNOWN_FIELD for each in error.all())
                target = self.found.skipped if skips else self.found.errors
                target += error.all()
        self._check_rest()
        self._tell_unused()

    # --- rules

    def _detection(self, rule: Rule) -> Detection:
        errors: list[PolicyError] = []
        done: _Done | None = None
        parts: tuple[str | Shown, ...] = ()
        fields: Mapping[str, Value] = {}
        try:
            written = self._written(exceptions.written(rule.condition, rule.exceptions, rule.body))
            done = self._condition(written, self._parsed(written), None)
        except PolicyError as error:
            errors.append(error)
        try:
            parts, fields = output.parsed(rule.output.text)
        except ConditionError as error:
            errors.append(self._located(error, rule.output))
        if done is None or errors:
            raise PolicyFileError(errors)
        if done.predicate == FALSE:
            self.found.warnings.append(rule.body.key_error("condition", f'the rule "{rule.name}" never fires.'))
        return Detection(
            id=rule.name,
            name=rule.name,
            language="falco",
            level=LEVELS[rule.priority.lower()],
            condition=conjunction([done.predicate, RECEIVED]),
            body=rule.body,
            priority=rule.priority,
            description=rule.description,
            tags=rule.tags,
            output=parts,
            fields=fields,
            enabled=rule.enabled,
        )

    def _condition(self, script: Script, tree: Node, macro: Macro | None) -> _Done:
        """Return a condition compiled: that of a macro, or of a rule. Raises `PolicyError`."""
        notes = Notes()
        try:
            done = self._compiled(tree, notes, macro)
        except ConditionError as error:
            raise self._located(error, script) from error
        for message, hint, span in notes.found:
            self.found.warnings.append(self._error(message, hint, span, script))
        return done

    def _compiled(self, node: Node, notes: Notes, macro: Macro | None) -> _Done:
        match node:
            case AllOf(parts) | AnyOf(parts):
                done = [self._compiled(part, notes, macro) for part in parts]
                predicates = [each.predicate for each in done]
                found = conjunction(predicates) if isinstance(node, AllOf) else disjunction(predicates)
                return _Done(found, sum(each.size for each in done), max(each.height for each in done) + 1)
            case Opposite(part):
                inner = self._compiled(part, notes, macro)
                return _Done(negation(inner.predicate), inner.size, inner.height + 1)
            case MacroName():
                return self._named(node, macro)
        return _Done(asked(node, notes))

    def changes(self, rule: Detection) -> Iterator[Change]:
        """Yield a rule with one small change each; those that are no rule are left out."""
        given = self.given.rules[rule.id]
        written = self._written(exceptions.written(given.condition, given.exceptions, given.body))
        for tree, words, span in edits.edits(self._parsed(written), written.text):
            try:
                done = self._compiled(tree, Notes(), None)
            except ConditionError:
                continue
            condition = conjunction([done.predicate, RECEIVED])
            yield Change(replace(rule, condition=condition), words, written.where(span.start, span.end, self.files))

    # --- macros

    def _named(self, node: MacroName, inside: Macro | None) -> _Done:
        """Return the macro of a name that stands in a rule, or inside of a macro. Raises `ConditionError`."""
        macro = self._seen(node, inside)
        if macro.name in self._under_way:
            circle = " → ".join([*self._under_way[self._under_way.index(macro.name) :], macro.name])
            raise ConditionError(f"macros go round in a circle: {circle}.", node.span)
        if len(self._under_way) > MOST_DEPTH:
            raise ConditionError(f"macros are nested more than {MOST_DEPTH} deep.", node.span)
        if macro.name not in self._macros:
            self._macros[macro.name] = self._made(macro)
        done = self._macros[macro.name]
        if isinstance(done, PolicyError):
            kind = UnknownFieldError if done.code == _UNKNOWN_FIELD else ConditionError
            place = f" ({done.where})" if done.where else ""
            message = f'the macro "{macro.name}" does not load{place}: {done.message}'
            raise kind(message, node.span, done.suggestion)
        if done.size > _MOST_COMPARISONS:
            raise ConditionError(f"with its macros this has more than {_MOST_COMPARISONS:,} comparisons.", node.span)
        if done.height > MOST_DEPTH:
            raise ConditionError(f"with its macros this is nested more than {MOST_DEPTH} deep.", node.span)
        return done

    def _seen(self, node: MacroName, inside: Macro | None) -> Macro:
        """Return a macro; inside of another, those are seen that were first defined before its last definition."""
        macro = self.given.macros.get(node.name)
        if macro is None:
            hint = did_you_mean(node.name, self.given.macros)
            if node.name in self.given.lists:
                hint = f"There is a list of that name: write field in ({node.name})."
            raise ConditionError(f'there is no macro "{node.name}".', node.span, hint)
        if inside is not None and macro.first >= inside.last and macro.name != inside.name:
            hint = "A macro sees those that are defined before it."
            raise ConditionError(f'the macro "{node.name}" is only defined further down.', node.span, hint)
        return macro

    def _made(self, macro: Macro) -> _Done | PolicyError:
        tree = self._trees[macro.name]
        if tree is None:
            return macro.body.error("there is an error in it.")
        self._under_way.append(macro.name)
        try:
            return self._condition(*tree, macro)
        except PolicyError as error:
            return error
        finally:
            self._under_way.pop()

    def _tree(self, macro: Macro) -> None:
        """Parse a macro and see whether those that it names are there; tell what is wrong."""
        self._trees[macro.name] = None
        try:
            script = self._written(macro.condition)
            tree = self._parsed(script)
            for name in _macros_in(tree):
                try:
                    self._seen(name, macro)
                except ConditionError as error:
                    raise self._located(error, script) from error
        except PolicyError as error:
            self.found.errors.append(error)
        else:
            self._trees[macro.name] = (script, tree)

    def _check_rest(self) -> None:
        """Tell of circles among macros that no rule names."""
        for macro in self.given.macros.values():
            if macro.name not in self._macros and macro.name in self._reached(macro):
                self.found.errors.append(macro.body.error(f'the macro "{macro.name}" names itself in the end.'))

    def _reached(self, macro: Macro) -> set[str]:
        found: set[str] = set()
        waiting = [macro.name]
        while waiting:
            tree = self._trees[waiting.pop()]
            new = {each.name for each in _macros_in(tree[1])} - found if tree else set()
            found |= new
            waiting += new
        return found

    # --- lists

    def _items(self, items: Sequence[Located], last: int) -> list[Located]:
        """Return a list's items, with those of lists that it names: one level, of lists that were defined before."""
        found: list[Located] = []
        for item in items:
            other = self.given.lists.get(item.value)
            found += other.items if other is not None and other.first < last else [item]
        return found

    def _written(self, script: Script) -> Script:
        """Return a condition with the items of lists for their names, in the order of the lists' definitions."""
        for name, items in self._lists.items():
            script = substituted(script, name, items) or script
        return script

    # --- errors

    def _parsed(self, script: Script) -> Node:
        try:
            return parse(script.text)
        except ConditionError as error:
            raise self._located(error, script) from error

    def _located(self, error: ConditionError, script: Script) -> PolicyError:
        code = _UNKNOWN_FIELD if isinstance(error, UnknownFieldError) else "condition"
        return self._error(error.message, error.suggestion, error.span, script, code)

    def _error(self, message: str, hint: str, span: Span, script: Script, code: str = "condition") -> PolicyError:
        where = script.where(span.start, span.end, self.files)
        return PolicyError(message, where=where, suggestion=hint, code=code)

    def _tell_unused(self) -> None:
        """Warn of lists and macros that nothing names."""
        rules = [*self.given.rules.values()]
        texts = [("", rule.condition.text) for rule in rules]
        texts += [("", str(each.body.plain())) for rule in rules for each in rule.exceptions]
        texts += [(macro.name, macro.condition.text) for macro in self.given.macros.values()]
        texts += [(each.name, ", ".join(item.value for item in each.items)) for each in self.given.lists.values()]
        named: set[str] = set()
        for owner, text in texts:
            named |= set(text.translate(_BORDERS).split()) - {owner}
        for kind, all_of in (("list", self.given.lists), ("macro", self.given.macros)):
            for name, definition in all_of.items():
                if name not in named:
                    self.found.warnings.append(
                        definition.body.key_error(kind, f'nothing uses the {kind} "{name}".', code="unused")
                    )


def _macros_in(node: Node) -> list[MacroName]:
    match node:
        case AllOf(parts) | AnyOf(parts):
            return [name for part in parts for name in _macros_in(part)]
        case Opposite(part):
            return _macros_in(part)
        case MacroName():
            return [node]
    return []


def _of_another_source(rule: Rule) -> PolicyError:
    return rule.body.key_error(
        "source" if "source" in rule.body.keys else "rule",
        f'the rule "{rule.name}" is for the source {rule.source}, not for {SOURCE}.',
        code="other-source",
    )
