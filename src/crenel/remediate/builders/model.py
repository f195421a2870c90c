"""What a builder sees of a finding, and what it answers.

A builder is a pure function for what expressions in YAML can't say: it looks into other tables of the snapshot, counts
days, or chooses among several acts. It asks AWS nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from crenel.remediate.model import Manual

Row = Mapping[str, Any]


class Tables(Protocol):
    """The tables of the snapshot, as far as they were read."""

    def rows(self, kind: str, columns: Sequence[str] = ()) -> Sequence[Row] | None:
        """Return the rows of a type in the finding's account, all Regions.

        None where the scan did not read the type, one of these detail columns, or all of the account's rows. Beside the
        type's own columns a row has `_id`, `_region`, `_home` and `_owner`.
        """


@dataclass(frozen=True, slots=True)
class Situation:
    """A finding to close. `row` is the resource's row with the columns that the snapshot has (a missing key was not
    read), `settings` what the user set with ``--set``, `params` the policy's own parameters by which it was judged,
    `options` those of an action, and `now` the time of the snapshot (aware, UTC).
    """

    row: Row = field(hash=False)
    account: str
    region: str
    partition: str
    settings: Mapping[str, str] = field(hash=False)
    params: Mapping[str, Any] = field(hash=False)
    now: datetime
    tables: Tables = field(hash=False)
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Draft:
    """A step to be: an act with its arguments, and what people should know of it. `title` empty: the act's own.

    `region` empty: where the finding is. `act` is a full name (``ec2/make-snapshot-private``).
    """

    act: str
    args: Mapping[str, Any] = field(hash=False)
    seen: Any = field(hash=False)
    changes: tuple[tuple[str, Any, Any], ...] = field(default=(), hash=False)
    title: str = ""
    region: str = ""
    breaks: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    cost: str = ""


Remedy = tuple[Draft | Manual, ...]


@dataclass(frozen=True, slots=True)
class Builder:
    """A builder with what it would like to read beside the finding's row: detail columns by type.

    The type of the finding itself may be among them. An empty answer means that the fix's manual repair is left.
    `columns` are those of the row without which an action of a policy can't be planned.
    """

    build: Callable[[Situation], Remedy]
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    columns: tuple[str, ...] = ()


def plain(value: Any) -> Any:  # noqa: ANN401 (any JSON value)
    """Return a value without what is null or empty: a row has all members of its shape, a call those that count."""
    if isinstance(value, Mapping):
        found = {key: plain(item) for key, item in value.items()}
        return {key: item for key, item in found.items() if item not in (None, [], {})}
    return [plain(item) for item in value] if isinstance(value, list) else value


def unread(kind: str, what: str) -> str:
    """Return the sentence for what could not be looked at, because the scan did not read a type."""
    return f"{what}: aws.{kind} was not read (scan with --for-fixes)."


def several(names: Sequence[str], shown: int = 5) -> str:
    """Return names as one text, the first few and how many more there are."""
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")
