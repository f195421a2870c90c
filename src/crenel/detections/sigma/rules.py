"""Rules: their searches and condition as one predicate over an event."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.detections.model import Detection
from crenel.detections.sigma import fields
from crenel.detections.sigma.condition import condition
from crenel.detections.sigma.detection import search
from crenel.detections.sigma.heads import Head, texts
from crenel.detections.sigma.told import File
from crenel.errors import PolicyError, PolicyFileError
from crenel.language.plan import Predicate, Value
from crenel.positions import Located

_OBSOLETE = "timeframe"


def detection(item: Located, told: Head, identity: str, file: File) -> Detection:
    """Return a rule as a detection. Raises `PolicyError`, or `PolicyFileError` for several mistakes."""
    given = item.child("detection")
    if given is None:
        raise item.error("a detection is missing.")
    if _OBSOLETE in given.mapping("detection"):
        hint = "It belongs to aggregations, which correlations replace."
        file.warn(given.key_error(_OBSOLETE, "timeframe is left out.", hint))
    return Detection(
        id=identity,
        name=told.title,
        language="sigma",
        level=told.level,
        condition=searched(given, file, beside=(_OBSOLETE,)),
        body=item,
        priority=told.level.value,
        description=told.description,
        tags=told.tags,
        fields=_shown(item, file),
        practices=told.practices,
        response=told.response,
        references=told.references,
        false_positives=told.false_positives,
    )


def searched(given: Located, file: File, beside: tuple[str, ...] = ()) -> Predicate:
    """Return what searches and their condition say. Raises as `detection` does."""
    searches, errors = searches_of(given, file, beside)
    found = given.child("condition")
    if found is None:
        errors.append(
            given.error("a condition is missing.", f"Such as: condition: {next(iter(searches), 'selection')}")
        )
    if errors:
        raise PolicyFileError(errors) if len(errors) > 1 else errors[0]
    used: set[str] = set()
    assert found is not None  # noqa: S101 (its lack is among the errors)
    whole = condition(found, searches, file, used.add)
    for name in searches:
        if name not in used:
            file.warn(given.key_error(name, f'the condition does not use the search "{name}".', code="unused"))
    return whole


def searches_of(
    given: Located, file: File, beside: tuple[str, ...] = ()
) -> tuple[dict[str, Predicate], list[PolicyError]]:
    """Return the searches by name, and what is wrong with the others."""
    searches: dict[str, Predicate] = {}
    errors: list[PolicyError] = []
    for name, item in given.mapping("detection").items():
        if name == "condition" or name in beside:
            continue
        try:
            searches[name] = search(item, file)
        except PolicyError as error:
            errors.append(error)
    if not searches and not errors:
        errors.append(given.error("there is no search.", "Such as: selection: {eventName: CreateUser}"))
    return searches, errors


def _shown(item: Located, file: File) -> Mapping[str, Value]:
    found = {}
    for name in texts(item, "fields"):
        told = fields.doubt(name)
        if told:
            file.warn(item.value["fields"].error(told[0], told[1], "unknown-field"))
        found[name] = fields.shown(name)
    return found
