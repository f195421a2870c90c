"""Filters: exceptions that a site adds to rules without changing them.

https://sigmahq.io/sigma-specification/specification/sigma-filters-specification.html

What a filter's condition describes is left out. The specification's example says `condition: selection` for that, and
pySigma takes `condition: not selection`; both mean the same here. Which of them a condition is shows at an event that
fits none of the searches: a filter never leaves that out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from crenel.detections.model import Detection
from crenel.detections.sigma.condition import condition
from crenel.detections.sigma.heads import texts
from crenel.detections.sigma.rules import searched
from crenel.detections.sigma.told import File
from crenel.errors import did_you_mean
from crenel.language.plan import FALSE, TRUE, Predicate, conjunction, negation
from crenel.positions import Located

_ANY = "any"
_BESIDE = ("rules",)


@dataclass(frozen=True, slots=True)
class Filter:
    """What has to hold beside the condition of the rules that `rules` names; None stands for all of them."""

    rules: tuple[str, ...] | None
    holds: Predicate
    item: Located
    file: File


def read_filter(item: Located, file: File) -> Filter:
    """Return a filter. Raises `PolicyError`, or `PolicyFileError` for several mistakes."""
    given = item.value["filter"]
    rules = given.mapping("filter").get("rules")
    if rules is None:
        raise given.error("a filter names the rules that it is for.", "rules: any stands for all.")
    named = texts(given, "rules")
    found = searched(given, file, beside=_BESIDE)
    names = [name for name in given.value if name not in ("condition", *_BESIDE)]
    kept = condition(given.value["condition"], dict.fromkeys(names, FALSE), file) == TRUE
    holds = found if kept else negation(found)
    everything = not named or tuple(each.lower() for each in named) == (_ANY,)
    return Filter(None if everything else named, holds, item, file)


def filtered(detection: Detection, called: tuple[str, ...], filters: Iterable[Filter]) -> Detection:
    """Return a detection with the filters that name it, by one of the words by which it is called, or all rules."""
    parts = [each.holds for each in filters if each.rules is None or set(each.rules) & set(called)]
    return replace(detection, condition=conjunction([detection.condition, *parts])) if parts else detection


def warn_of_strangers(filters: Iterable[Filter], known: Iterable[str]) -> None:
    """Warn of names in filters that no rule has."""
    names = tuple(known)
    for each in filters:
        for name in each.rules or ():
            if name not in names:
                at = each.item.value["filter"].value["rules"]
                places = at.value if isinstance(at.value, list) else [at]
                place = next(one for one in places if one.value == name)
                each.file.warn(place.error(f'no rule is called "{name}".', did_you_mean(name, names), "unknown-rule"))
