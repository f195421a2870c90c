"""What a filter is compiled in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from crenel.catalog.load import Extended
from crenel.catalog.spec import Detail, ResourceType
from crenel.errors import PolicyError, Where, did_you_mean
from crenel.language.plan import TRUE, Constant, Field, Plain, Predicate, Value
from crenel.policies.constants import frozen, stored, told
from crenel.policies.facts import Fact
from crenel.policies.keys.key import Place, value_at
from crenel.positions import Located

_BUILT_IN = Where("built-in", 1, 1)
_PARAM = re.compile(r"^\{params\.(\w+)\}$")


class Values(Protocol):
    """Where the values of `value_from` come from."""

    def __call__(self, source: Located) -> Constant:
        """Return the values that a `value_from` names. Raises `PolicyError` where they can't be had."""
        ...


@dataclass(slots=True)
class Mistakes:
    """What Cloud Custodian takes without a word, though it hardly is what was meant: as found, with its place.

    `errors` can't be meant so (a key that no answer has, a text compared with a number); `warnings` may be.
    """

    errors: list[PolicyError] = field(default_factory=list)
    warnings: list[PolicyError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Mark:
    """A value filter's key, as Custodian notes it on the resources that match."""

    key: str
    when: Predicate


@dataclass(frozen=True, slots=True)
class Context:
    """What a filter is compiled in: the type, the place where keys start, the profile's parameters, the catalogue, the
    facts.

    `mistakes` takes those of Custodian's own reading; without it the first is raised. `reached` is what the filters
    before this one leave, `before` are its elder siblings in the same list. `values_from` fetches what `value_from`
    names. `account` and `region` are where the policy runs, empty where it is compiled for no place, `now` is the time
    of the run where that is known. `marks` takes the keys of value filters. `compile` is for filters that hold filters.
    """

    type: ResourceType
    place: Place
    params: Mapping[str, Plain]
    catalog: Extended
    facts: Mapping[str, Fact]
    mistakes: Mistakes | None = None
    reached: Predicate = TRUE
    before: Sequence[Located] = ()
    values_from: Values | None = None
    account: str = ""
    region: str = ""
    now: datetime | None = None
    marks: list[Mark] | None = None
    compile: Callable[[Context, Located], Predicate] | None = None

    def filtered(self, items: Located) -> Predicate:
        """Return the AND of a list of filters on the rows or items of this place. Raises `PolicyError`."""
        if self.compile is None:
            raise TypeError("this context compiles no filters in filters")
        return self.compile(self, items)

    def inside(self, place: Place) -> Context:
        """Return the context of a list's items or of another table's rows."""
        return replace(self, place=replace(place, mistake=self.mistake), reached=TRUE, before=(), marks=None)

    def of(self, kind: ResourceType) -> Context:
        """Return the context of another type's rows."""
        return replace(self.inside(Place.of(kind)), type=kind)

    def of_rows(self) -> Context:
        """Return the context of a filter on the type's own rows, wherever the policy's keys start."""
        return replace(self, place=Place.of(self.type, self.place.mistake))

    def mistake(self, error: PolicyError) -> None:
        """Note what Custodian would take without a word, or raise it where it is not for Custodian's reading."""
        if self.mistakes is None:
            raise error
        self.mistakes.errors.append(error)

    def warning(self, error: PolicyError) -> None:
        """Note what may be meant so, but is likely to surprise."""
        if self.mistakes is not None:
            self.mistakes.warnings.append(error)

    def mark(self, key: str, when: Predicate) -> None:
        """Note a value filter's key, to be shown on the resources that match."""
        if self.marks is not None:
            self.marks.append(Mark(key, when))

    def column(self, name: str) -> Field:
        """Return a column of the row, by the name that the catalogue gives it (dotted below structures)."""
        value = value_at(Place.of(self.type), name, Located(name, _BUILT_IN))
        if not isinstance(value, Field):
            raise TypeError(f"{name} is no column of aws.{self.type.name}")
        return value

    def declared(self, spec: Located, word: str) -> Value:
        """Return the value that a declaration names under a word: a column of the row, or any JMESPath on it."""
        item = spec.mapping("a filter's declaration")[word]
        return value_at(Place.of(self.type), item.text(word), item)

    def asked(self, detail: Detail) -> Field:
        """Add a detail with this policy's own parameters to the type; returns its column."""
        self.catalog.add_detail(self.type.name, detail)
        kind = detail.columns[detail.name]
        return Field((detail.name,), kind)

    def scalar(self, item: Located) -> Plain:
        """Return a scalar of the policy, ``{params.x}`` replaced by the profile's parameter."""
        value = self.constant(item)
        if isinstance(value, tuple) or not isinstance(value, (str, int, float, bool, type(None))):
            raise item.error("a text, a number, true, false or null is expected here.")
        return value

    def constant(self, item: Located) -> Constant:
        """Return any value of the policy, ``{params.x}`` replaced by the profile's parameter."""
        return frozen(self.resolved(item).plain(), item)

    def boolean(self, item: Located) -> bool:
        """Return the true or false that this has to be: a text would count as true whatever it says."""
        value = self.scalar(item)
        if not isinstance(value, bool):
            raise item.error(f"true or false is expected here, not {told(value)}.")
        return value

    def resolved(self, item: Located) -> Located:
        """Return the value with ``{params.x}`` replaced by the profile's parameter."""
        if not isinstance(item.value, str):
            return item
        given = self._given(item)
        if isinstance(given, list):  # a parameter's; its items stand where the parameter is asked for
            given = [Located(each, item.where) for each in given]
        return Located(given, item.where, item.keys)

    def _given(self, item: Located) -> Any:  # noqa: ANN401 (any YAML value)
        value = item.value
        if isinstance(value, str) and (match := _PARAM.match(value)):
            if match[1] not in self.params:
                raise item.error(f'the policy has no parameter "{match[1]}".', did_you_mean(match[1], self.params))
            return self.params[match[1]]
        return value

    def value(self, key: Located) -> Value:
        """Return the value that a key of this place names."""
        return value_at(self.place, key.text("a key"), key)


Filter = Callable[[Context, Located], Predicate]
Form = Callable[[Context, Located, Located], Predicate]  # the third is the catalogue's declaration

__all__ = ["Context", "Filter", "Form", "Mark", "Mistakes", "Values", "stored"]
