"""Examples as written: what is there, and what a policy is to say of it.

A file of examples is a list of them, or a mapping with `examples` and, where all are of one policy, its name as
`policy`. A policy may carry its own under `tests`. An example has:

    note        a statement of fact: what it shows
    id          how it is called elsewhere
    policy      the policy's name, or a whole policy
    resources   documents of the policy's type, as AWS answers them
    rows        documents by type, those of related types too
    standard    whose parameters hold: fsbp, cis or article
    now         the time against which ages are measured
    gaps        what could not be read: type, detail, resource, code, region, account
    coverage    Regions and their state
    restricted  only the Regions that were asked for were read
    want        all findings (id, status, region, a part of the message, columns in the evidence); or ids alone: the
                resources that Cloud Custodian would match, in its reading; or {error: a part of the message}
    want_some   some findings
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from crenel.errors import PolicyError, PolicyFileError, Where, did_you_mean
from crenel.model import Standard, Status
from crenel.positions import Located, load_file

ACCOUNT = "111122223333"
REGION = "us-east-1"
NOW = datetime(2026, 11, 23, tzinfo=UTC)
SUFFIX = ".tests"
KEYS = (
    "id", "note", "policy", "resources", "rows", "standard", "now", "gaps", "coverage", "restricted", "want",
    "want_some",
)  # fmt: skip
WANTED_KEYS = ("id", "status", "region", "message", "evidence")
GAP_KEYS = ("type", "detail", "resource", "code", "region", "account")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A finding that is to be there: its status, and what is asked of its words."""

    id: str
    status: Status
    region: str | None = None
    message: str = ""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """What is there: documents by type (`own`: of the policy's type), gaps, Regions, the time."""

    rows: Mapping[str, Sequence[Located]] = field(default_factory=dict)
    own: Sequence[Located] = ()
    gaps: tuple[Located, ...] = ()
    coverage: Mapping[str, str] = field(default_factory=dict)
    restricted: bool = False
    now: datetime = NOW


@dataclass(frozen=True, slots=True)
class Example:
    """An example. `want` are the findings, all of them or (`some`) those that matter; `ids` what Custodian would match;
    `error` a part of the message with which the policy is refused. One of the three is given.

    `policy` is the name or body of the policy that it is about, None where its surroundings say.
    """

    where: Where
    name: str
    note: str
    policy: Located | None
    scene: Scene
    standard: Standard | None = None
    want: tuple[Wanted, ...] | None = None
    some: bool = False
    ids: tuple[str, ...] | None = None
    error: str | None = None


def load_examples(path: Path) -> list[Example]:
    """Read a file of examples. Raises `PolicyError` with all that is wrong in it."""
    root = load_file(path)
    if isinstance(root.value, list):
        return examples_in(root)
    keys = root.only("a file of examples", ("policy", "examples"))
    if "examples" not in keys:
        raise root.error("a file of examples needs `examples`.", code="missing-key")
    return examples_in(keys["examples"], keys.get("policy"))


def is_examples(root: Located) -> bool:
    """Return whether a document is a file of examples, by its shape."""
    return isinstance(root.value, list) or (isinstance(root.value, dict) and "examples" in root.value)


def examples_in(items: Located, policy: Located | None = None) -> list[Example]:
    """Read a list of examples, of a policy where they name none. Raises `PolicyError` with all that is wrong."""
    found: list[Example] = []
    errors: list[PolicyError] = []
    for number, item in enumerate(items.sequence("examples"), 1):
        try:
            found.append(_example(item, number, policy))
        except PolicyError as error:
            errors += error.all()
    if errors:
        raise errors[0] if len(errors) == 1 else PolicyFileError(errors)
    return found


def _example(item: Located, number: int, policy: Located | None) -> Example:
    keys = item.only("an example", KEYS)
    want, some, ids, error = _want(item, keys)
    own = keys["resources"].sequence("resources") if "resources" in keys else []
    rows = keys["rows"].mapping("rows") if "rows" in keys else {}
    coverage = keys["coverage"].mapping("coverage") if "coverage" in keys else {}
    gaps = keys["gaps"].sequence("gaps") if "gaps" in keys else []
    for gap in gaps:
        given = gap.only("a gap", GAP_KEYS)
        for key in ("type", "code"):
            if key not in given:
                raise gap.error(f"a gap needs `{key}`.", code="missing-key")
    return Example(
        where=item.where,
        name=str(keys["id"].value) if "id" in keys else f"example {number}",
        note=keys["note"].text("note") if "note" in keys else "",
        policy=keys.get("policy", policy),
        scene=Scene(
            rows={name: documents.sequence(f"the documents of {name}") for name, documents in rows.items()},
            own=own,
            gaps=tuple(gaps),
            coverage={region: state.text("a state") for region, state in coverage.items()},
            restricted=bool(keys["restricted"].value) if "restricted" in keys else False,
            now=time_of(keys["now"]) if "now" in keys else NOW,
        ),
        standard=_standard(keys["standard"]) if "standard" in keys else None,
        want=want,
        some=some,
        ids=ids,
        error=error,
    )


def _want(
    item: Located, keys: Mapping[str, Located]
) -> tuple[tuple[Wanted, ...] | None, bool, tuple[str, ...] | None, str | None]:
    if ("want" in keys) == ("want_some" in keys):
        raise item.error("an example needs `want`, or `want_some`.", code="missing-key")
    some = "want_some" in keys
    given = keys["want_some" if some else "want"]
    if isinstance(given.value, dict) and not some:
        error = given.only("want", ("error",))
        if "error" not in error:
            raise given.error("want is a list, or has `error`.", code="missing-key")
        return None, False, None, error["error"].text("error")
    parts = given.sequence("want")
    if parts and not isinstance(parts[0].value, dict):
        return None, False, tuple(str(part.value) for part in parts), None
    if not parts and "resources" in keys:
        return None, False, (), None
    return tuple(_wanted(part) for part in parts), some, None, None


def _wanted(item: Located) -> Wanted:
    keys = item.only("a wanted finding", WANTED_KEYS)
    for key in ("id", "status"):
        if key not in keys:
            raise item.error(f"a wanted finding needs `{key}`.", code="missing-key")
    word = keys["status"].text("status")
    if word not in list(Status):
        hint = did_you_mean(word, list(Status)) or f"There are {', '.join(Status)}."
        raise keys["status"].error(f'there is no status "{word}".', hint, "unknown-value")
    evidence = keys["evidence"].sequence("evidence") if "evidence" in keys else []
    return Wanted(
        id=str(keys["id"].value),
        status=Status(word),
        region=keys["region"].text("region") if "region" in keys else None,
        message=keys["message"].text("message") if "message" in keys else "",
        evidence=tuple(each.text("a column") for each in evidence),
    )


def _standard(item: Located) -> Standard:
    word = item.text("standard")
    if word not in list(Standard):
        raise item.error(f'there is no standard "{word}".', f"There are {', '.join(Standard)}.", "unknown-value")
    return Standard(word)


def time_of(item: Located) -> datetime:
    """Return the time that an example gives, in UTC where it names no zone. Raises `PolicyError` for none."""
    value: Any = item.value
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise item.error(f'"{value}" is no time.', "Write 2026-11-20T08:30:00Z.") from error
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, datetime):
        raise item.error("a time is expected here.", "Write 2026-11-20T08:30:00Z.", "wrong-type")
    return value if value.tzinfo else value.replace(tzinfo=UTC)
