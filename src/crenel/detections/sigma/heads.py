"""What rules, correlations and filters say of themselves: title, id, level, tags, and the log they are for."""

from __future__ import annotations

from dataclasses import dataclass

from crenel.detections.sigma.told import File
from crenel.errors import did_you_mean
from crenel.model import Level
from crenel.positions import Located

_STATUS = ("stable", "test", "experimental", "deprecated", "unsupported")
_LOGSOURCE = ("category", "product", "service", "definition")
# `practices`, `response` and `examples` are Crenel's own.
_KNOWN = (
    "title", "id", "name", "related", "taxonomy", "status", "description", "license", "author", "date", "modified",
    "references", "tags", "logsource", "detection", "fields", "falsepositives", "level", "scope", "correlation",
    "filter", "action", "practices", "response", "examples",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Head:
    """What a document says of itself. `name` is the word by which others refer to it, beside its id."""

    id: str
    name: str
    title: str
    level: Level
    description: str
    tags: tuple[str, ...]
    references: tuple[str, ...]
    false_positives: tuple[str, ...]
    practices: tuple[int, ...]
    response: str

    @property
    def called(self) -> tuple[str, ...]:
        """The words by which others refer to it."""
        return tuple(each for each in (self.id, self.name) if each)


def head(item: Located, file: File, *, levelled: bool = True) -> Head:
    """Return what a document says of itself; `levelled`: it should say how much it matters. Raises `PolicyError`."""
    for key in item.mapping("a Sigma document"):
        if key not in _KNOWN:
            hint = did_you_mean(key, _KNOWN) or "Crenel leaves it out."
            file.warn(item.key_error(key, f'Sigma has no key "{key}".', hint, "unknown-key"))
    title = item.child("title")
    if title is None:
        raise item.error("a title is missing.", "Such as: title: Root user signs in")
    status = _word(item, "status")
    if status and status not in _STATUS:
        file.warn(item.value["status"].error(f'"{status}" is no status.', did_you_mean(status, _STATUS)))
    return Head(
        _word(item, "id"), _word(item, "name"), title.text("title"), _level(item, file, levelled=levelled),
        _word(item, "description").strip(), texts(item, "tags"), texts(item, "references"),
        texts(item, "falsepositives"), _practices(item), _word(item, "response").strip(),
    )  # fmt: skip


def other_source(item: Located, file: File) -> str:
    """Return why a document is not for CloudTrail's events, nothing where it is. Raises `PolicyError`."""
    source = item.child("logsource")
    if source is None:
        raise item.error("a logsource is missing.", "For CloudTrail: logsource: {product: aws, service: cloudtrail}")
    for key in source.mapping("logsource"):
        if key not in _LOGSOURCE:
            hint = did_you_mean(key, _LOGSOURCE)
            file.warn(source.key_error(key, f'logsource has no key "{key}".', hint, "unknown-key"))
    category, product, service = (_word(source, key).lower() for key in _LOGSOURCE[:3])
    if not (category or product or service):
        raise source.error("logsource names no log.", "For CloudTrail: {product: aws, service: cloudtrail}")
    taxonomy = _word(item, "taxonomy")
    if taxonomy and taxonomy.lower() != "sigma":
        return f"its fields are those of the taxonomy {taxonomy}, not CloudTrail's own"
    if category or product not in ("", "aws") or service not in ("", "cloudtrail"):
        named = " ".join(each for each in (product, service, category) if each)
        return f"it is for the log {named}, not for aws cloudtrail"
    return ""


def texts(item: Located, key: str) -> tuple[str, ...]:
    """Return the texts under a key, one or a list of them; none where it is missing."""
    found = item.child(key)
    if found is None:
        return ()
    items = found.value if isinstance(found.value, list) else [found]
    return tuple(each.text(key) for each in items)


def _word(item: Located, key: str) -> str:
    found = item.child(key)
    return "" if found is None else found.text(key)


def _level(item: Located, file: File, *, levelled: bool) -> Level:
    found = item.child("level")
    if found is None:
        if levelled:
            file.warn(item.error("this has no level, and counts as medium.", f"Levels are {', '.join(Level)}."))
        return Level.MEDIUM
    text = found.text("level").lower()
    if text not in list(Level):
        hint = did_you_mean(text, Level) or f"Levels are {', '.join(Level)}."
        raise found.error(f'"{text}" is no level.', hint)
    return Level(text)


def _practices(item: Located) -> tuple[int, ...]:
    found = item.child("practices")
    if found is None:
        return ()
    numbers = []
    for each in found.sequence("practices"):
        if not isinstance(each.value, int) or isinstance(each.value, bool):
            raise each.error("practices are numbers.", "Such as: practices: [3]")
        numbers.append(each.value)
    return tuple(numbers)
