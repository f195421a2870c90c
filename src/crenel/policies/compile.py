"""From a `Policy` to a `Plan` for a profile.

Beside Cloud Custodian's keys a policy may carry Crenel's: `practice`, `severity`, `params` (by standard), `scope` (the
rows it speaks of), `not-applicable` and `unknown` (clauses with a reason), `facts` (dated tables to look values up in),
`message`, `notes`, `why`, `remediation` and `references`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from crenel.catalog.columns import JSON, TEXT, TIMESTAMP, Struct
from crenel.catalog.load import Catalog, Extended
from crenel.catalog.spec import ResourceType
from crenel.errors import PolicyError, did_you_mean
from crenel.language.plan import FactJoin, Field, Plain, Value
from crenel.language.policy import Clause, Plan, Template
from crenel.model import Standard
from crenel.policies.constants import stored
from crenel.policies.context import Context, Mark, Mistakes, Values
from crenel.policies.facts import Fact
from crenel.policies.filters import compile_filter, compile_filters
from crenel.policies.keys.key import Place, joinable, value_at
from crenel.policies.vocabulary import OF_TYPES
from crenel.policies.written.interpolation import at_runtime, runtime_variables, unfilled
from crenel.policies.written.model import Policy
from crenel.policies.written.queries import expression, parameters, taken, type_named
from crenel.positions import Located

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_BLOCKS = ("and", "or", "not")
# The document that a policy's conditions are asked of.
_CONDITIONED = Struct(
    {
        "name": TEXT, "region": TEXT, "resource": TEXT, "provider": TEXT, "account_id": TEXT, "now": TIMESTAMP,
        "policy": JSON,
    }
)  # fmt: skip
_OF_CONDITIONS = ("value", "event", *_BLOCKS)
# What a message or a note may name beside the type's columns.
_COMMON_WORDS: Mapping[str, Field] = {
    "id": Field(("_id",), TEXT),
    "name": Field(("_name",), TEXT),
    "arn": Field(("_arn",), TEXT),
    "account": Field(("_account",), TEXT),
    "region": Field(("_home",), TEXT),
    "seen_at": Field(("_seen_at",), TIMESTAMP),
}


class PolicyCompiler:
    """Compiles policies to plans for one profile.

    `catalog` carries what the policies add to it (details of their own parameters, narrowed listings): whoever collects
    and judges for them takes it from here. `values_from` fetches what `value_from` names; `account` and `region` are
    where the policies run, empty where they are compiled for no place.
    """

    def __init__(
        self,
        catalog: Catalog,
        facts: Mapping[str, Fact],
        standard: Standard,
        *,
        values_from: Values | None = None,
        account: str = "",
        region: str = "",
        now: datetime | None = None,
    ) -> None:
        self.catalog = catalog if isinstance(catalog, Extended) else Extended(catalog)
        self.facts = facts
        self.standard = standard
        self.values_from = values_from
        self.account = account
        self.region = region
        self.now = now

    def compile(
        self,
        policy: Policy,
        *,
        mistakes: Mistakes | None = None,
        marks: list[Mark] | None = None,
        params: Mapping[str, Plain] | None = None,
    ) -> Plan:
        """Return a policy's plan. Raises `PolicyError` for anything that can't be expressed, with its place.

        `mistakes` asks for Custodian's reading and takes what Custodian would have taken without a word; without it
        that is an error too. `marks` takes the keys of value filters. `params` are parameters in which this plan
        departs from the profile.
        """
        items = policy.body.mapping("a policy")
        if mistakes is None:
            _judged_always(policy)
        context = self.context(policy, mistakes, params)
        words = _Words(context)
        fail, passed = _messages(items.get("message"))
        return Plan(
            policy=policy.name,
            practice=policy.practice,
            severity=policy.severity,
            title=policy.title,
            table=context.type.name,
            scope=compile_filters(context, items.get("scope")),
            fails=compile_filters(replace(context, marks=marks), items.get("filters"), empty=True),
            not_applicable=words.clauses(items.get("not-applicable"), "reason"),
            unknown=words.clauses(items.get("unknown"), "reason"),
            message_fail=words.template(fail) if fail else Template((f"{policy.title}: not so.",)),
            message_pass=words.template(passed) if passed else Template((f"{policy.title}.",)),
            notes=words.clauses(items.get("notes"), "text"),
        )

    def check(self, policy: Policy) -> Mistakes:
        """Return everything that is wrong or doubtful in a policy: one wrong filter does not hide the next."""
        found = Mistakes(warnings=list(policy.warnings))
        try:
            found.warnings += unfilled(policy, _anywhere(policy))
            policy = at_runtime(policy, _anywhere(policy))
        except PolicyError as error:
            found.errors += error.all()
        found.errors += [error for _, error in self.refusals(policy, found)]
        found.errors += [error for error in self._each_condition(policy, found) if not _awaited(policy, error)]
        return Mistakes(_once(found.errors), _once(found.warnings))

    def refusals(self, policy: Policy, mistakes: Mistakes) -> list[tuple[str, PolicyError]]:
        """Return why a policy can't be compiled, each reason with the name of the filter that it lies in, if in one.

        `mistakes` takes what Custodian would take without a word. The filter `event` is no reason where the mode has
        events.
        """
        try:
            self.compile(policy, mistakes=mistakes)
        except PolicyError as error:
            found = list(self._each_filter(policy, mistakes))
            inside = {(each.where, each.message) for _, each in found}
            found += [("", each) for each in error.all() if (each.where, each.message) not in inside]
            return [(name, each) for name, each in found if not _awaited(policy, each)]
        return []

    def _each_filter(self, policy: Policy, mistakes: Mistakes) -> Iterator[tuple[str, PolicyError]]:
        """Compile each filter of a policy that fails by itself, for their errors."""
        items = policy.body.mapping("a policy")
        try:
            context = self.context(policy, mistakes)
        except PolicyError:
            return  # nothing can be said of filters without a type, and the error is known
        for key in ("scope", "filters"):
            for item in leaves(items.get(key)):
                try:
                    compile_filter(context, item)
                except PolicyError as error:
                    yield filter_name(item), error

    def _each_condition(self, policy: Policy, mistakes: Mistakes) -> Iterator[PolicyError]:
        """Compile each of the policy's conditions, for their errors."""
        try:
            context = self.context(policy, mistakes)
        except PolicyError:
            return
        inside = replace(context, place=Place(_CONDITIONED, what="a condition", mistake=context.mistake))
        for item in leaves(policy.conditions):
            name = filter_name(item)
            try:
                if name not in _OF_CONDITIONS:
                    hint = did_you_mean(name, _OF_CONDITIONS) or f"There are {', '.join(_OF_CONDITIONS)}."
                    raise item.error(f'conditions have no filter "{name}".', hint, "unknown-filter")
                compile_filter(inside, item)
            except PolicyError as error:
                yield error

    def context(
        self, policy: Policy, mistakes: Mistakes | None = None, params: Mapping[str, Plain] | None = None
    ) -> Context:
        """Return what the policy's filters are compiled in. Raises `PolicyError` for a type that is not here, and the
        like.
        """
        items = policy.body.mapping("a policy")
        kind = self.narrowed(policy, self.type_of(policy, items), mistakes)
        lookups = self.lookups(items.get("facts"), kind)
        profile = {name: values[self.standard] for name, values in policy.params.items()}
        found = Context(
            kind,
            Place(Struct(kind.schema()), lookups=lookups, what=f"aws.{kind.reported_as}"),
            {**profile, **(params or {})},
            self.catalog,
            self.facts,
            mistakes=mistakes,
            values_from=self.values_from,
            account=self.account,
            region=self.region,
            now=self.now,
            compile=compile_filters,
        )
        return replace(found, place=replace(found.place, mistake=found.mistake))

    def rows(self, kind: ResourceType) -> Context:
        """Return what filters on a type's rows are compiled in that stand in no policy."""
        place = Place.of(kind)
        return Context(kind, place, {}, self.catalog, self.facts, values_from=self.values_from, compile=compile_filters)

    def type_of(self, policy: Policy, items: Mapping[str, Located]) -> ResourceType:
        """Return the policy's type: Custodian's `account` means the account in a Region where a filter reads what
        Regions have.
        """
        name = policy.resource
        if name not in self.catalog:
            hint = did_you_mean(name, self.catalog)
            raise items["resource"].error(
                f'there is no resource type "{name}" here.', hint or "See: crenel resources list.", "unsupported-type"
            )
        if name == "account" and "filters" in items:
            used = {filter_name(item) for item in leaves(items["filters"])}
            if used & set(OF_TYPES["account-region"]):
                return self.catalog["account-region"]
        return self.catalog[name]

    def narrowed(self, policy: Policy, kind: ResourceType, mistakes: Mistakes | None) -> ResourceType:
        """Return the type, its listing asked with the parameters of the policy's `query`, or of AWS Config."""
        source = policy.body.mapping("a policy").get("source")
        if source is not None and source.value == "config":
            return self.catalog[self.catalog.recorded(kind.name, expression(kind, policy.query, source))]
        if not policy.query:
            return kind
        if not taken(kind):
            error = policy.body.key_error(
                "query", f"Cloud Custodian leaves out `query` of aws.{kind.name}.", "Use filters.", "no-effect"
            )
            if mistakes is None:
                raise error
            mistakes.errors.append(error)
            return kind
        asked = parameters(kind, policy.query)
        name = type_named(kind, asked)
        if name != kind.name:
            return self.catalog[name]
        return self.catalog[self.catalog.variant(kind.name, asked)] if asked else kind

    def lookups(self, item: Located | None, kind: ResourceType) -> dict[str, tuple[FactJoin, Struct]]:
        """Return the dated facts that a policy looks values up in, with their columns, by alias."""
        lookups: dict[str, tuple[FactJoin, Struct]] = {}
        for alias, body in (item.mapping("facts") if item else {}).items():
            keys = body.only(f"the fact {alias}", ("fact", "key", "equals"))
            for key in ("fact", "key", "equals"):
                if key not in keys:
                    raise body.error(f"the fact {alias} needs `{key}`.", code="missing-key")
            fact = self.facts.get(keys["fact"].text("fact"))
            if fact is None:
                raise keys["fact"].error(
                    f'there is no fact "{keys["fact"].value}".',
                    did_you_mean(keys["fact"].value, self.facts),
                    "unknown-value",
                )
            column = keys["key"].text("key")
            if column not in fact.columns:
                raise keys["key"].error(f"the fact {fact.name} has no column {column}.", code="unknown-value")
            if len(set(fact.values(column))) < len(fact.rows):
                raise keys["key"].error(f"{column} names no single row of the fact {fact.name}.")
            place = Place(Struct(kind.schema()), what=f"aws.{kind.name}")
            value = value_at(place, keys["equals"].text("equals"), keys["equals"])
            joinable(value, fact.columns[column], keys["equals"])
            lookups[alias] = FactJoin(alias, fact.name, column, value), Struct(fact.columns)
        return lookups


class _Words:
    """Compiles the texts of a policy: templates with ``{columns}`` and clauses."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def clauses(self, item: Located | None, key: str) -> tuple[Clause, ...]:
        found = []
        for body in item.sequence("clauses") if item else []:
            keys = body.only("a clause", ("when", key))
            if "when" not in keys or key not in keys:
                raise body.error(f"a clause needs `when` and `{key}`.", code="missing-key")
            found.append(Clause(compile_filters(self.context, keys["when"]), self.template(keys[key])))
        return tuple(found)

    def template(self, item: Located) -> Template:
        text = stored(item.text("a text"), item)
        parts: list[str | Value] = []
        end = 0
        for match in _PLACEHOLDER.finditer(text):
            parts += [text[end : match.start()], self.word(match[1], item)]
            end = match.end()
        parts.append(text[end:])
        return Template(tuple(part for part in parts if part != ""))

    def word(self, name: str, item: Located) -> str | Value:
        if name.startswith("params."):
            value = self.context.scalar(Located(f"{{{name}}}", item.where))
            return str(value)
        if name in _COMMON_WORDS:
            return _COMMON_WORDS[name]
        return value_at(self.context.place, name, item)


def _messages(item: Located | None) -> tuple[Located | None, Located | None]:
    if item is None:
        return None, None
    keys = item.only("message", ("fail", "pass"))
    return keys.get("fail"), keys.get("pass")


def _anywhere(policy: Policy) -> dict[str, Any]:
    """Return what placeholders could stand for, for a check without a place and a time of its own."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return runtime_variables(policy.body, account_id="123456789012", region="us-east-1", partition="aws", now=now)


def _judged_always(policy: Policy) -> None:
    """Raise where a policy says when it runs: what is judged is judged always."""
    for key in ("conditions", "region", "start", "end"):
        if policy.conditions is not None and key in policy.body.value:
            raise policy.body.key_error(
                key, f"`{key}` says when a policy runs, and a scan judges always.", "Use crenel run.", "unsupported"
            )
    if not policy.mode.pulled:
        raise policy.body.key_error(
            "mode", f"a policy of the mode {policy.mode.type} waits for events.", "Leave `mode` out.", "unsupported"
        )


def _awaited(policy: Policy, error: PolicyError) -> bool:
    """Return whether an error is that of the filter `event` in a policy whose mode has events."""
    return error.code == "event-filter" and not policy.mode.pulled


def leaves(item: Located | None) -> Iterator[Located]:
    """Yield the filters of a list of them, those inside `and`, `or` and `not` instead of the blocks."""
    if item is None or not isinstance(item.value, list):
        return
    for part in item.value:
        keys = part.value if isinstance(part.value, dict) else {}
        block = next(iter(keys)) if len(keys) == 1 else ""
        if block in _BLOCKS:
            yield from leaves(keys[block])
        else:
            yield part


def filter_name(item: Located) -> str:
    """Return the name of a filter's kind as written, `value` for the shorthand."""
    if isinstance(item.value, str):
        return item.value
    kind = item.value.get("type") if isinstance(item.value, dict) else None
    return str(kind.value) if kind is not None else "value"


def _once(errors: Sequence[PolicyError]) -> list[PolicyError]:
    """Return errors by place, each once."""
    found = {(error.where, error.message): error for error in errors}
    return sorted(found.values(), key=place_of)


def place_of(error: PolicyError) -> tuple[int, int]:
    """Return an error's line and column, to sort by."""
    return (error.where.line, error.where.column) if error.where else (0, 0)
