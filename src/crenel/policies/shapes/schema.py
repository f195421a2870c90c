"""The JSON Schema of policy files (draft 7, which editors know best), out of the compiler's own declarations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crenel.catalog.columns import Struct, Type
from crenel.catalog.load import Catalog
from crenel.catalog.spec import ResourceType
from crenel.model import Severity, Standard, Status
from crenel.policies.facts import Fact
from crenel.policies.filters import filters_of
from crenel.policies.shapes.filters import NAMED, Option, Shape, shape_of
from crenel.policies.values.operations import ORDERS
from crenel.policies.written.model import CUSTODIAN_KEYS, MODES, OWN_KEYS, SOURCES

Schema = dict[str, Any]
BLOCKS = ("and", "or", "not")
_KEYS = 150  # of one type that are suggested
_DEPTH = 3
_IN_LISTS = ("value", "list-item", "param")
_FILLED = {"type": "string", "pattern": r"^\{.+\}$"}  # {params.x}, or a variable of --vars
_TEXTS: Mapping[str, str] = {
    "name": "The id: letters and digits with single hyphens between.",
    "resource": "The resource type.",
    "title": "What the policy asks, in a line.",
    "description": "What the policy asks.",
    "comment": "For people.",
    "comments": "For people.",
    "tags": "Words to choose policies by.",
    "metadata": "Anything; `severity` is read.",
    "filters": "A resource fails, or matches, where all of them hold.",
    "actions": "What is to be done about what is selected: planned, and done by `crenel run --apply` alone.",
    "conditions": "Where and when the policy runs.",
    "query": "Parameters of the listing.",
    "source": "Where Cloud Custodian reads resources.",
    "mode": "How Cloud Custodian would run the policy.",
    "max-resources": "How many resources may match before the policy is taken for a mistake.",
    "max-resources-percent": "What percentage of the resources may match.",
    "region": "Deprecated: use conditions.",
    "start": "Deprecated: use conditions.",
    "end": "Deprecated: use conditions.",
    "tz": "The time zone of dates without one.",
    "practice": "The number of a practice.",
    "severity": "How bad a failure is.",
    "params": "Names with a value, or with a value for each standard.",
    "scope": "Which resources the policy speaks of. Others are not mentioned.",
    "not-applicable": "Where the policy does not apply, with a reason.",
    "unknown": "Where AWS does not say what the verdict depends on, with a reason.",
    "facts": "Dated tables to look values up in, by alias.",
    "message": "A sentence for a failure, and one for a pass.",
    "notes": "Sentences that are added to the message.",
    "why": "Why it matters.",
    "remediation": "What to do.",
    "references": "Addresses of the official texts.",
    "tests": "Examples: documents in, verdicts out. See `crenel policies test`.",
}


def schema(catalog: Catalog, facts: Mapping[str, Fact]) -> Schema:
    """Return the JSON Schema of a policy file."""
    definitions: Schema = dict(_shared())
    shapes: dict[Shape, str] = {}
    general = [name for name in filters_of(next(iter(catalog.values()))) if name in NAMED]
    for name in catalog:
        definitions |= _of_type(catalog[name], shapes, _accounts(catalog, name))
    definitions |= {word: _shape(shape) for shape, word in shapes.items()}
    definitions["filter"] = _any_filter(general)
    definitions["policy"] = _policy(catalog, facts)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Crenel policies",
        "description": "Policies in the language of Cloud Custodian, with Crenel's own keys.",
        "type": "object",
        "required": ["policies"],
        "additionalProperties": False,
        "properties": {
            "policies": {
                "description": "The policies of this file.", "type": "array", "items": _ref("policy"),
            },
            "vars": {"description": "A place for YAML anchors; it is not read.", "type": "object"},
        },
        "definitions": definitions,
    }  # fmt: skip


def _accounts(catalog: Catalog, name: str) -> Sequence[ResourceType]:
    """Return the types whose filters a policy of a type may use: `account` may mean the account in a Region."""
    return [catalog[name], catalog["account-region"]] if name == "account" else [catalog[name]]


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _shared() -> Iterator[tuple[str, Schema]]:
    """Yield the definitions that filters share."""
    yield "order", {"enum": list(ORDERS)}
    plain = {"type": ["string", "number", "boolean", "null"]}
    yield "compared", {"anyOf": [plain, {"type": "array"}], "description": "A value, or a list of them."}
    inner = [_when(name, f"in-list-{name}") for name in _IN_LISTS]
    for name in _IN_LISTS:
        yield f"in-list-{name}", _shape(NAMED[name])
    yield "attr", _filter(_IN_LISTS, inner, {}, "attrs", bare=())
    yield "attrs", {"type": "array", "items": _ref("attr"), "minItems": 1}
    yield "any-filters", {"type": "array", "items": _ref("filter")}
    yield (
        "example",
        {
            "type": "object",
            "properties": {
                "note": {"type": "string", "description": "What it shows."},
                "resources": {
                    "type": "array",
                    "items": {"type": "object"},
                    "description": "Documents, as AWS answers them.",
                },
                "rows": {"type": "object", "description": "Documents by type."},
                "standard": {"enum": [each.value for each in Standard]},
                "want": {
                    "description": "Findings {id, status}, ids that match, or {error: TEXT}.",
                    "anyOf": [
                        {"type": "array", "items": {"type": "string"}},
                        {"type": "array", "items": _ref("wanted")},
                        {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}},
                    ],
                },
            },
        },
    )
    yield (
        "wanted",
        {
            "type": "object",
            "required": ["id", "status"],
            "properties": {"status": {"enum": [each.value for each in Status]}},
        },
    )


# --- filters


def _of_type(kind: ResourceType, shapes: dict[Shape, str], sources: Sequence[ResourceType]) -> Schema:
    """Return the definitions of one type: its filters, lists of them, and its keys."""
    keyed: list[Schema] = []
    names: list[str] = []
    bare: list[str] = []
    for name in dict.fromkeys(name for source in sources for name in filters_of(source) if name not in BLOCKS):
        shape = next((found for source in sources if (found := shape_of(source, name))), None)
        names.append(name)
        if shape is None:
            bare.append(name)
            continue
        if shape.bare:
            bare.append(name)
        keyed.append(_when(name, shapes.setdefault(shape, f"shape-{name}-{len(shapes)}")))
        if any(option.kind == "key" for option in shape.options):
            keyed.append(_when(name, f"key-{kind.name}"))
    columns = {key: _ref("compared") for key in kind.schema()}
    suggested = {"anyOf": [{"enum": list(_keys(kind))}, {"type": "string"}]}
    return {
        f"key-{kind.name}": {"properties": {"key": suggested}},
        f"filter-{kind.name}": _filter(names, keyed, columns, f"filters-{kind.name}", bare=bare),
        f"filters-{kind.name}": {"type": ["array", "null"], "items": _ref(f"filter-{kind.name}")},
    }


def _when(name: str, definition: str) -> Schema:
    """Return: where the filter is of this name, it is as defined."""
    return {"if": {"properties": {"type": {"const": name}}, "required": ["type"]}, "then": _ref(definition)}


def _filter(
    names: Sequence[str], keyed: Sequence[Schema], columns: Mapping[str, Schema], block: str, *, bare: Sequence[str]
) -> Schema:
    """Return a filter: a name alone, a mapping with `type`, a block, or `Key: value`."""
    texts = {name: shape.text for name in names if (shape := NAMED.get(name))}
    typed: Schema = {
        "properties": {"type": {"enum": list(names), "description": "The filter's name."}},
        "allOf": list(keyed),
    }
    short: Schema = {
        "minProperties": 1,
        "maxProperties": 1,
        "properties": {
            "and": {**_described("All of them hold.", _ref(block))},
            "or": {**_described("Some of them holds.", _ref(block))},
            "not": {**_described("Not all of them hold.", _ref(block))},
            **columns,
        },
        "additionalProperties": _ref("compared"),
    }
    found: Schema = {
        "type": ["object", "string"] if bare else "object",
        "if": {"type": "object"},
        "then": {"if": {"required": ["type"]}, "then": typed, "else": short},
    }
    if bare:
        found["else"] = {"enum": list(bare)}
    if texts:
        found["description"] = "A filter: a name, a mapping with `type`, and/or/not, or `Key: value`."
    return found


def _described(text: str, what: Schema) -> Schema:
    return {"description": text, "allOf": [what]}  # beside $ref draft 7 reads nothing


def _any_filter(names: Sequence[str]) -> Schema:
    """Return a filter of whatever type: the general ones by their shape, others as they are."""
    return {
        "type": ["object", "string"],
        "allOf": [_when(name, f"in-list-{name}") for name in _IN_LISTS if name in names],
    }


def _shape(shape: Shape) -> Schema:
    found: Schema = {
        "description": shape.text,
        "properties": {"type": True, **{option.name: _option(option) for option in shape.options}},
        "required": ["type", *(option.name for option in shape.options if option.required)],
    }
    if not shape.open:
        found["additionalProperties"] = False
    return found


def _option(option: Option) -> Schema:
    told: Schema = {"description": option.text}
    if option.words:
        return {**told, "anyOf": [{"enum": list(option.words)}, _FILLED]}
    match option.kind:
        case "text" | "key":
            return {**told, "type": "string"}
        case "number" | "integer" | "boolean":
            return {**told, "anyOf": [{"type": option.kind}, _FILLED]}
        case "list" | "texts":
            return {**told, "anyOf": [{"type": "array"}, _FILLED]}
        case "mapping":
            return {**told, "type": "object"}
        case "filters":
            return _described(option.text, _ref("any-filters"))
        case "attrs":
            return _described(option.text, _ref("attrs"))
        case "order":
            return _described(option.text, _ref("order"))
    return told


def _keys(kind: ResourceType) -> Iterator[str]:
    """Yield keys to suggest: the columns first, then what lies in structures below them; a bounded number."""
    found: list[str] = []
    level: list[tuple[str, Type]] = list(kind.schema().items())
    for _ in range(_DEPTH):
        found += [name for name, _ in level]
        level = [
            (f"{name}.{member}", inner)
            for name, above in level
            if isinstance(above, Struct)
            for member, inner in above.fields.items()
        ]
    yield from found[:_KEYS]


# --- policies


def _policy(catalog: Catalog, facts: Mapping[str, Fact]) -> Schema:
    names = {name: [form for word in catalog.words(name) for form in (word, f"aws.{word}")] for name in catalog}
    described = [{"enum": spellings, "description": catalog[name].title} for name, spellings in names.items()]
    properties = {key: {"description": _TEXTS[key], **_plain(key)} for key in (*CUSTODIAN_KEYS, *OWN_KEYS)}
    properties["resource"] = {"description": _TEXTS["resource"], "anyOf": described}
    properties["facts"] = {"description": _TEXTS["facts"], "type": "object", "additionalProperties": _fact(facts)}
    typed = [
        {"if": {"properties": {"resource": {"enum": spellings}}, "required": ["resource"]}, "then": _typed(name)}
        for name, spellings in names.items()
    ]
    return {
        "type": "object",
        "required": ["name", "resource"],
        "additionalProperties": False,
        "properties": properties,
        "allOf": typed,
    }


def _typed(name: str) -> Schema:
    """Return what a policy's keys hold where it is of a type."""
    filters = _ref(f"filters-{name}")
    clause = {"properties": {"when": filters}}
    clauses = {"items": clause}
    return {
        "properties": {
            "filters": filters, "scope": filters, "not-applicable": clauses, "unknown": clauses, "notes": clauses,
        }
    }  # fmt: skip


def _fact(facts: Mapping[str, Fact]) -> Schema:
    columns = sorted({column for fact in facts.values() for column in fact.columns})
    return {
        "type": "object",
        "required": ["fact", "key", "equals"],
        "additionalProperties": False,
        "properties": {
            "fact": {"enum": sorted(facts), "description": "The dated table."},
            "key": {"enum": columns, "description": "Its column that names single rows."},
            "equals": {"type": "string", "description": "The resource's key that equals it."},
        },
    }


def _clauses(word: str) -> Schema:
    return {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["when", word],
            "additionalProperties": False,
            "properties": {
                "when": {"type": "array", "minItems": 1, "description": "Filters that all hold."},
                word: {"type": "string", "description": "A text; {Column} is filled in."},
            },
        },
    }


def _plain(key: str) -> Schema:
    """Return what a key of a policy takes, whatever the type."""
    text, texts = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
    modes = {"type": "object", "required": ["type"], "properties": {"type": {"enum": list(MODES)}}}
    amount = {"type": "integer", "minimum": 1}
    found: Mapping[str, Schema] = {
        "name": {"type": "string", "pattern": "^[A-z][A-z0-9]*(-[A-z0-9]+)*$"},
        "tags": texts,
        "metadata": {"type": "object"},
        "filters": {"type": ["array", "null"]},
        "scope": {"type": "array", "minItems": 1},
        "actions": {"type": ["array", "null"], "items": {"type": ["string", "object"]}},
        "conditions": {"type": "array", "items": {"type": "object"}},
        "query": {"type": "array", "items": {"type": "object"}},
        "source": {"enum": list(SOURCES)},
        "mode": modes,
        "max-resources": {"anyOf": [amount, {"type": "object"}]},
        "max-resources-percent": {"type": "number", "minimum": 0, "maximum": 100},
        "start": {},
        "end": {},
        "practice": {"type": "integer"},
        "severity": {"enum": [each.value for each in Severity]},
        "params": {"type": "object"},
        "not-applicable": _clauses("reason"),
        "unknown": _clauses("reason"),
        "notes": _clauses("text"),
        "message": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"fail": text, "pass": text},
        },
        "references": texts,
        "tests": {"type": "array", "items": _ref("example")},
    }
    return found.get(key, text)
