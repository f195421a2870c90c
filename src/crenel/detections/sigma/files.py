"""Sigma's files: several are one set of rules, with correlations and filters over it.

Several documents in a file are read with the old `action`: what a `global` one says counts for all after it, until a
`reset`; a `repeat` is the rule before it with something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from crenel.detections.changes import Change
from crenel.detections.model import Correlation, Detection, Rules
from crenel.detections.sigma import edits
from crenel.detections.sigma.correlation import Given, correlations
from crenel.detections.sigma.filters import Filter, filtered, read_filter, warn_of_strangers
from crenel.detections.sigma.heads import Head, head, other_source
from crenel.detections.sigma.placeholders import Placeholders, are_placeholders, read_placeholders
from crenel.detections.sigma.rules import detection
from crenel.detections.sigma.told import File
from crenel.errors import PolicyError, did_you_mean
from crenel.positions import Located, load_documents, read_text
from crenel.positions.edited import swapped

_KINDS = ("detection", "correlation", "filter")
_ACTIONS = ("global", "reset", "repeat")


def read_sigma(paths: Sequence[Path | tuple[str, str]]) -> Rules:
    """Return the rules of files, given as paths or as pairs of a name and a text, read as one set in their order.

    What does not load stands in `Rules.errors`, the rest beside it.
    """
    return sigma_of(paths).rules


def sigma_of(paths: Sequence[Path | tuple[str, str]]) -> Reading:
    """Return files as `read_sigma` reads them, with what their rules may be changed to."""
    reading = Reading()
    documents: list[tuple[Located, File]] = []
    placeholders: Placeholders = {}
    for path in paths:
        try:
            name, text = (str(path), read_text(path)) if isinstance(path, Path) else path
            file = File(text)
            reading.files.append(file)
            for item in _documents(load_documents(text, name)):
                if are_placeholders(item):
                    placeholders = read_placeholders(item, placeholders)
                else:
                    documents.append((item, file))
        except PolicyError as error:
            reading.rules.errors += error.all()
    for item, file in documents:
        file.placeholders = placeholders
        reading.attempt(item, file)
    reading.finish()
    return reading


@dataclass(slots=True)
class Reading:
    """Files that were read: their rules, and what these may be changed to."""

    rules: Rules = field(default_factory=Rules)
    files: list[File] = field(default_factory=list)
    detections: list[tuple[Detection, Head]] = field(default_factory=list)
    sources: dict[str, File] = field(default_factory=dict)  # of detections, by id
    correlations: list[Given] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)
    places: dict[str, Located] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)  # what can't be referred to, and why

    def attempt(self, item: Located, file: File) -> None:
        """Read a document, or note why it can't be."""
        try:
            self.read(item, file)
        except PolicyError as error:
            self.rules.errors += error.all()
            for key in ("id", "name"):
                word = item.value.get(key) if isinstance(item.value, dict) else None
                if word is not None and isinstance(word.value, str):
                    self.lost.setdefault(word.value, "has an error")

    def read(self, item: Located, file: File) -> None:
        """Read a document. Raises `PolicyError`, or `PolicyFileError` for several mistakes."""
        keys = item.mapping("a Sigma document")
        kind = next((each for each in _KINDS if each in keys), "")
        if not kind:
            hint = next((hint for key in keys if (hint := did_you_mean(key, _KINDS))), "")
            raise item.error("this is neither a rule nor a correlation nor a filter: it has no detection.", hint)
        told = head(item, file, levelled=kind != "filter")
        if kind != "correlation" and (reason := other_source(item, file)):
            what = "filter" if kind == "filter" else "rule"
            self.rules.skipped.append(item.error(f'the {what} "{told.title}" is left out: {reason}.', code="skipped"))
            self.lost.update(dict.fromkeys(told.called, "is for another log"))
            return
        if kind == "filter":
            self.filters.append(read_filter(item, file))
            return
        identity = self.identity(told, item)
        if kind == "correlation":
            self.correlations.append(Given(identity, told, item, file))
        else:
            self.detections.append((detection(item, told, identity, file), told))
            self.sources[identity] = file

    def identity(self, told: Head, item: Located) -> str:
        """Return a document's id, or without one its name or title. Raises `PolicyError` for one that is taken."""
        for word in dict.fromkeys(told.called):
            if word in self.places:
                key = "id" if word == told.id else "name"
                other = self.places[word].where
                raise item.value[key].error(f'"{word}" is taken by the rule at {other}.', code="duplicate")
        self.places.update(dict.fromkeys(told.called, item))
        if told.called:
            return told.called[0]
        number, identity = 1, told.title
        while identity in self.places:
            number += 1
            identity = f"{told.title} ({number})"
        self.places[identity] = item
        return identity

    def finish(self) -> None:
        """Make of what was read the rules, filtered, and the correlations over them."""
        found = self.rules
        known = {told.called: each for each, told in self.detections}
        warn_of_strangers(self.filters, [*self.lost, *(word for words in known for word in words)])
        rules = [(filtered(each, told.called, self.filters), told) for each, told in self.detections]
        made = correlations(rules, self.correlations, self.lost)
        found.detections = made.detections
        found.correlations = made.correlations
        found.errors += made.errors
        found.warnings += [warning for file in self.files for warning in file.warnings]

    def changes(self, rule: Detection | Correlation) -> Iterator[Change]:
        """Yield a rule with one small change each; those that are no rule are left out."""
        if isinstance(rule, Correlation):
            file = next(each.file for each in self.correlations if each.id == rule.id)
            for old, new, words, where in edits.of_correlation(rule.body, file):
                made = self._recorrelated(rule, swapped(rule.body, old, new))
                if made is not None:
                    yield Change(made, words, where)
            return
        source = self.sources[rule.id]
        told = next(told for each, told in self.detections if each.id == rule.id)
        for old, new, words, where in edits.of_rule(rule.body, source):
            try:
                changed = detection(swapped(rule.body, old, new), told, rule.id, File(source.text, source.placeholders))
            except PolicyError:
                continue
            yield Change(replace(filtered(changed, told.called, self.filters), silent=rule.silent), words, where)

    def _recorrelated(self, rule: Correlation, body: Located) -> Correlation | None:
        """Return a correlation as another body has it, None where that is none."""
        given = [replace(each, item=body) if each.id == rule.id else each for each in self.correlations]
        made = correlations(self.detections, given, self.lost)
        return next((replace(each, silent=rule.silent) for each in made.correlations if each.id == rule.id), None)


# --- documents


def _documents(items: Sequence[Located]) -> Iterator[Located]:
    """Yield a file's documents as their actions make them."""
    shared: Located | None = None
    before: Located | None = None
    for item in items:
        if item.value is None:
            continue
        action = item.child("action") if isinstance(item.value, dict) else None
        if action is None:
            plain = isinstance(item.value, dict) and not {"correlation", "filter"} & item.value.keys()
            before = _over(shared, item) if plain else item
            yield before
            continue
        match action.value:
            case "global":
                shared = _without(item)
            case "reset":
                shared = None
            case "repeat" if before is not None:
                before = _over(before, _without(item))
                yield before
            case "repeat":
                raise action.error("there is no rule before this that it could repeat.")
            case _:
                hint = did_you_mean(str(action.value), _ACTIONS) or f"There are {', '.join(_ACTIONS)}."
                raise action.error(f'"{action.value}" is no action.', hint)


def _without(item: Located) -> Located:
    keys = {key: each for key, each in item.value.items() if key != "action"}
    return Located(keys, item.where, item.keys)


def _over(below: Located | None, item: Located) -> Located:
    """Return a mapping with what another has beside it; where both have a value, the first's counts."""
    if below is None:
        return item
    merged = dict(below.value)
    for key, each in item.value.items():
        other = merged.get(key)
        both = other is not None and isinstance(other.value, dict) and isinstance(each.value, dict)
        merged[key] = _over(other, each) if both else each
    return Located(merged, item.where, {**below.keys, **item.keys})
