"""Policy files: from YAML with places to `Policy`, and from there to a `Plan` for a profile.

Beside Cloud Custodian's keys a policy may carry Crenel's: `practice`, `severity`, `params` (by standard), `scope` (the
rows it speaks of), `not-applicable` and `unknown` (clauses with a reason), `facts` (dated tables to look values up in),
`message`, `notes`, `why`, `remediation` and `references`.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from crenel.catalog.columns import TEXT, TIMESTAMP, Struct
from crenel.catalog.load import Catalog
from crenel.catalog.spec import ResourceType
from crenel.errors import UsageError, did_you_mean
from crenel.language.plan import Clause, FactJoin, Field, Plain, Plan, Template, Value, reads, related_tables
from crenel.model import Needs, Severity, Standard
from crenel.policies.context import Context, stored
from crenel.policies.facts import Fact
from crenel.policies.filters import compile_filters
from crenel.policies.keys import Place, joinable, value_at
from crenel.policies.typed import TYPE_FILTERS
from crenel.positions import Located, load_file

_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*$")
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")

# Cloud Custodian's keys that change nothing about which resources match.
_SILENT_KEYS = ("title", "description", "comment", "comments", "tags", "metadata", "actions")
_KEYS = (
    "name", "resource", "filters", *_SILENT_KEYS,
    "practice", "severity", "params", "scope", "not-applicable",
    "unknown", "facts", "message", "notes", "why", "remediation", "references",
)  # fmt: skip
# Cloud Custodian's keys that do, and are not built yet: refused, never ignored.
_LATER_KEYS = (
    "mode",
    "conditions",
    "query",
    "source",
    "max-resources",
    "max-resources-percent",
    "region",
    "start",
    "end",
    "tz",
)
# What a message or a note may name beside the type's columns.
_COMMON_WORDS: Mapping[str, Field] = {
    "id": Field(("_id",), TEXT),
    "name": Field(("_name",), TEXT),
    "arn": Field(("_arn",), TEXT),
    "account": Field(("_account",), TEXT),
    "region": Field(("_home",), TEXT),
    "seen_at": Field(("_seen_at",), TIMESTAMP),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy as written: its words for people, and its body for the compiler. `builtin` ones ship with Crenel."""

    name: str
    resource: str
    title: str
    practice: int | None
    severity: Severity
    why: str
    remediation: str
    references: tuple[str, ...]
    params: Mapping[str, Mapping[Standard, Plain]] = field(hash=False)
    body: Located = field(compare=False, repr=False)
    builtin: bool = False

    @property
    def file(self) -> str:
        """The file that the policy stands in."""
        return self.body.where.file


def builtin_policies() -> list[Policy]:
    """Return the policies that ship with Crenel, by practice. They are ordinary files, to be read and copied."""
    folder = Path(str(files("crenel.content") / "policies"))
    found = [policy for path in sorted(folder.rglob("*.yaml")) for policy in load_policies(path, builtin=True)]
    return sorted(found, key=lambda policy: (policy.practice or 0, policy.name))


def policy_files(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield the YAML and JSON files that paths name, folders searched whole. Raises `UsageError` for a path that is not
    there.
    """
    for path in paths:
        if path.is_dir():
            yield from sorted(
                each for each in path.rglob("*") if each.suffix in (".yml", ".yaml", ".json") and each.is_file()
            )
        elif path.exists():
            yield path
        else:
            raise UsageError(f"there is no policy file or folder {path}.")


def load_policies(path: Path, *, builtin: bool = False) -> list[Policy]:
    """Read a policy file. Raises `PolicyError` at the first thing that is wrong, with its place."""
    root = load_file(path)
    items = root.only("a policy file", ("policies", "vars"))
    if "policies" not in items:
        raise root.error("a policy file needs `policies`.")
    found: dict[str, Policy] = {}
    for body in items["policies"].sequence("policies"):
        policy = _read(body, builtin=builtin)
        if policy.name in found:
            raise body.error(f'the policy "{policy.name}" stands in this file twice.')
        found[policy.name] = policy
    return list(found.values())


def select(policies: Sequence[Policy], names: Sequence[str], practices: Sequence[int]) -> list[Policy]:
    """Return the policies that name patterns or practice numbers ask for, all where neither is given.

    Raises `UsageError` for a pattern or number that no policy has.
    """
    for name in names:
        if not any(fnmatch.fnmatchcase(policy.name, name) for policy in policies):
            raise UsageError(
                f'there is no policy "{name}".', suggestion=did_you_mean(name, [policy.name for policy in policies])
            )
    for number in practices:
        if not any(policy.practice == number for policy in policies):
            raise UsageError(f"there is no practice {number}.", suggestion="`crenel policies list` names them.")
    if not names and not practices:
        return list(policies)
    return [
        policy
        for policy in policies
        if policy.practice in practices or any(fnmatch.fnmatchcase(policy.name, name) for name in names)
    ]


def needs_of(plans: Sequence[Plan], catalog: Catalog) -> list[Needs]:
    """Return what plans read: the resource types, and of each the detail columns that cost calls of their own."""
    found: dict[str, set[str]] = {}

    def seen(table: str, value: Field) -> None:
        details = found.setdefault(table, set())
        if (name := value.path[0]).startswith("_"):
            return
        detail = catalog[table].detail_of(name)
        if detail:
            details.add(detail)

    for plan in plans:
        found.setdefault(plan.table, set())
        reads(iter(plan.everything()), seen, plan.table)
        for name in related_tables(iter(plan.everything())):
            found.setdefault(name, set())
    complete = {
        name: frozenset(detail.name for detail in catalog[name].with_needs(frozenset(details)))
        for name, details in found.items()
    }
    return [Needs(name, details) for name, details in sorted(complete.items())]


def _read(body: Located, *, builtin: bool) -> Policy:
    items = body.mapping("a policy")
    for key in items:
        if key in _LATER_KEYS:
            raise body.key_error(key, f'"{key}" is not built yet, and leaving it out would change what matches.')
    items = body.only("a policy", _KEYS)
    for key in ("name", "resource"):
        if key not in items:
            raise body.error(f"a policy needs `{key}`.")
    name = items["name"].text("name")
    if not _NAME.match(name):
        raise items["name"].error(f'"{name}" is no policy name.', "Use letters and digits with single hyphens between.")
    title = _text(items, "title") or _text(items, "description") or name
    practice = items["practice"].value if "practice" in items else None
    if practice is not None and not isinstance(practice, int):
        raise items["practice"].error("practice is a number.")
    return Policy(
        name=name,
        resource=items["resource"].text("resource").removeprefix("aws."),
        title=title.strip(),
        practice=practice,
        severity=_severity(items),
        why=_text(items, "why").strip(),
        remediation=_text(items, "remediation").strip(),
        references=tuple(items["references"].plain()) if "references" in items else (),
        params=_params(items.get("params")),
        body=body,
        builtin=builtin,
    )


def _text(items: Mapping[str, Located], key: str) -> str:
    return items[key].text(key) if key in items else ""


def _severity(items: Mapping[str, Located]) -> Severity:
    item = items.get("severity")
    if item is None and "metadata" in items and isinstance(items["metadata"].value, dict):
        item = items["metadata"].value.get("severity")
        if item is None or str(item.value).lower() not in list(Severity):
            return Severity.MEDIUM
    if item is None:
        return Severity.MEDIUM
    word = str(item.value).lower()
    if word not in list(Severity):
        raise item.error(f'"{word}" is no severity.', f"There are {', '.join(Severity)}.")
    return Severity(word)


def _params(item: Located | None) -> dict[str, dict[Standard, Plain]]:
    found: dict[str, dict[Standard, Plain]] = {}
    for name, value in (item.mapping("params") if item else {}).items():
        if isinstance(value.value, dict):
            by_standard = value.only(f"the parameter {name}", tuple(Standard))
            missing = [standard for standard in Standard if standard not in by_standard]
            if missing:
                raise value.error(f"the parameter {name} has no value for {', '.join(missing)}.")
            found[name] = {standard: by_standard[standard].value for standard in Standard}
        else:
            found[name] = dict.fromkeys(Standard, value.value)
    return found


class PolicyCompiler:
    """Compiles policies to plans for one profile."""

    def __init__(self, catalog: Catalog, facts: Mapping[str, Fact], standard: Standard) -> None:
        self.catalog = catalog
        self.facts = facts
        self.standard = standard

    def compile(self, policy: Policy) -> Plan:
        """Return a policy's plan. Raises `PolicyError` for anything that can't be expressed, with its place."""
        items = policy.body.mapping("a policy")
        kind = self.type_of(policy, items)
        lookups = self.lookups(items.get("facts"), kind)
        params = {name: values[self.standard] for name, values in policy.params.items()}
        place = Place(Struct(kind.schema()), lookups=lookups, what=f"aws.{kind.name}")
        context = Context(kind, place, params, self.catalog, self.facts)
        words = _Words(context)
        message = items.get("message")
        fail, passed = _messages(message)
        return Plan(
            policy=policy.name,
            practice=policy.practice,
            severity=policy.severity,
            title=policy.title,
            table=kind.name,
            scope=compile_filters(context, items.get("scope")),
            fails=compile_filters(context, items.get("filters"), empty=True),
            not_applicable=words.clauses(items.get("not-applicable"), "reason"),
            unknown=words.clauses(items.get("unknown"), "reason"),
            message_fail=words.template(fail) if fail else Template((f"{policy.title}: not so.",)),
            message_pass=words.template(passed) if passed else Template((f"{policy.title}.",)),
            notes=words.clauses(items.get("notes"), "text"),
        )

    def type_of(self, policy: Policy, items: Mapping[str, Located]) -> ResourceType:
        """Return the policy's type: Custodian's `account` means the account in a Region where a filter reads what
        Regions have.
        """
        name = policy.resource
        if name not in self.catalog:
            hint = did_you_mean(name, self.catalog)
            raise items["resource"].error(
                f'there is no resource type "{name}" here.', hint or "See: crenel resources list."
            )
        if name == "account" and "filters" in items:
            used = _filter_names(items["filters"])
            if used & set(TYPE_FILTERS["account-region"]):
                return self.catalog["account-region"]
        return self.catalog[name]

    def lookups(self, item: Located | None, kind: ResourceType) -> dict[str, tuple[FactJoin, Struct]]:
        """Return the dated facts that a policy looks values up in, with their columns, by alias."""
        lookups: dict[str, tuple[FactJoin, Struct]] = {}
        for alias, body in (item.mapping("facts") if item else {}).items():
            keys = body.only(f"the fact {alias}", ("fact", "key", "equals"))
            for key in ("fact", "key", "equals"):
                if key not in keys:
                    raise body.error(f"the fact {alias} needs `{key}`.")
            fact = self.facts.get(keys["fact"].text("fact"))
            if fact is None:
                raise keys["fact"].error(
                    f'there is no fact "{keys["fact"].value}".', did_you_mean(keys["fact"].value, self.facts)
                )
            column = keys["key"].text("key")
            if column not in fact.columns:
                raise keys["key"].error(f"the fact {fact.name} has no column {column}.")
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
                raise body.error(f"a clause needs `when` and `{key}`.")
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


def _filter_names(item: Located) -> set[str]:
    """Return the names of all filters in a tree of them."""
    if isinstance(item.value, str):
        return {item.value}
    if isinstance(item.value, list):
        return {name for part in item.value for name in _filter_names(part)}
    if isinstance(item.value, dict):
        found = {name for key in ("and", "or", "not") if key in item.value for name in _filter_names(item.value[key])}
        kind = item.value.get("type")
        return found | ({str(kind.value)} if kind is not None else set())
    return set()
