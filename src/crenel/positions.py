"""YAML that remembers where everything stands, so that an error can point at the very words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from crenel.errors import PolicyError, Where, did_you_mean, underline

_MAX_NODES = 500_000  # of one document with its aliases written out: stops alias bombs
_MAX_BYTES = 8 * 1024 * 1024
_NOWHERE: Mapping[str, Where] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Located:
    """A YAML value and its place. A mapping holds `Located` values by text key, a sequence `Located` items.

    Scalars are what PyYAML's safe loader makes of them (str, int, float, bool, None, date, datetime).
    """

    value: Any
    where: Where
    keys: Mapping[str, Where] = field(default_factory=lambda: _NOWHERE)

    def plain(self) -> Any:  # noqa: ANN401 (any YAML value)
        """Return the value without places: dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        return self.value

    def error(self, message: str, suggestion: str = "") -> PolicyError:
        """Return (for the caller to raise) an error that points at this value."""
        return PolicyError(message, where=self.where, suggestion=suggestion)

    def key_error(self, key: str, message: str, suggestion: str = "") -> PolicyError:
        """Return an error that points at one of this mapping's keys."""
        return PolicyError(message, where=self.keys.get(key, self.where), suggestion=suggestion)

    def mapping(self, what: str) -> dict[str, Located]:
        """Return the mapping that this has to be; raises `PolicyError` naming `what` where it is none."""
        if not isinstance(self.value, dict):
            raise self.error(f"{what} must be a mapping, not {_kind(self.value)}.")
        return self.value

    def sequence(self, what: str) -> list[Located]:
        """Return the sequence that this has to be; raises `PolicyError` naming `what` where it is none."""
        if not isinstance(self.value, list):
            raise self.error(f"{what} must be a list, not {_kind(self.value)}.")
        return self.value

    def text(self, what: str) -> str:
        """Return the text that this has to be; raises `PolicyError` naming `what` where it is none."""
        if not isinstance(self.value, str):
            raise self.error(f"{what} must be a text, not {_kind(self.value)}.")
        return self.value

    def only(self, what: str, known: tuple[str, ...]) -> dict[str, Located]:
        """Return the mapping; raises `PolicyError` at the first key that is not among the known ones."""
        items = self.mapping(what)
        for key in items:
            if key not in known:
                hint = did_you_mean(key, known) or f"Known here: {', '.join(sorted(known))}."
                raise self.key_error(key, f'{what} has no key "{key}".', hint)
        return items

    def child(self, key: str) -> Located | None:
        """Return the value under a key of this mapping, or None where it has none or has null."""
        item: Located | None = self.mapping("this").get(key)
        return None if item is None or item.value is None else item


def _kind(value: object) -> str:
    names = {dict: "a mapping", list: "a list", str: "a text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), f"{value!r}")


def load_file(path: Path, shown: str | None = None) -> Located:
    """Read one YAML (or JSON) document from a file.

    Returns its root; `shown` is the file's name in errors (default: the path as given). Raises `PolicyError` where the
    file can't be read, is no UTF-8, is larger than 8 MiB or is no single YAML document.
    """
    name = shown or str(path)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise PolicyError(f"{name} is larger than 8 MiB.", suggestion="Split it.")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PolicyError(f"can't read {name}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise PolicyError(f"{name} is not UTF-8 text (byte {error.start}).") from error
    return load_text(text, name)


def load_text(text: str, name: str) -> Located:
    """Read one YAML document from a text that errors call `name`; an empty one gives None. Raises `PolicyError`."""
    try:
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = Where(name, mark.line + 1, mark.column + 1) if mark else Where(name, 1, 1)
        raise PolicyError(f"this is no YAML: {error.problem or error.context}.", where=where) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise PolicyError(f"{name} is no YAML that can be read: {error}") from error
    if node is None:
        return Located(None, Where(name, 1, 1))
    return _Builder(name).build(node, 0)


class _Builder:
    """Turns PyYAML's nodes into `Located` values; refuses duplicate and non-text keys, and alias bombs."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = 0
        self.scalars = yaml.constructor.SafeConstructor()

    def build(self, node: yaml.Node, depth: int) -> Located:
        self.count += 1
        where = self.place(node)
        if self.count > _MAX_NODES or depth > 100:
            raise PolicyError("this document is too deep, or its aliases write out too large.", where=where)
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, where, depth)
        if isinstance(node, yaml.SequenceNode):
            return Located([self.build(item, depth + 1) for item in node.value], where)
        try:
            value = self.scalars.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            raise PolicyError(f"can't read this value: {error}", where=where) from error
        return Located(_in_utc(value), where)

    def mapping(self, node: yaml.MappingNode, where: Where, depth: int) -> Located:
        items: dict[str, Located] = {}
        keys: dict[str, Where] = {}
        for key_node, value_node in self.pairs(node):
            key, key_where = str(key_node.value), self.place(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                raise PolicyError("a key must be a plain text.", where=key_where)
            if key in items:
                raise PolicyError(f'the key "{key}" stands here twice.', where=key_where)
            keys[key] = key_where
            items[key] = self.build(value_node, depth + 1)
        return Located(items, where, keys)

    def pairs(self, node: yaml.MappingNode) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """Yield a mapping's pairs with `<<` merges written out, own keys first."""
        own = [(key, value) for key, value in node.value if key.tag != "tag:yaml.org,2002:merge"]
        seen = {key.value for key, _ in own}
        yield from own
        for key, value in node.value:
            if key.tag != "tag:yaml.org,2002:merge":
                continue
            for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                if not isinstance(source, yaml.MappingNode):
                    raise PolicyError("<< takes a mapping.", where=self.place(key))
                for pair in self.pairs(source):
                    if pair[0].value not in seen:
                        seen.add(pair[0].value)
                        yield pair

    def place(self, node: yaml.Node) -> Where:
        start, end = node.start_mark, node.end_mark
        length = end.column - start.column if end.line == start.line else 1
        return Where(self.name, start.line + 1, start.column + 1, max(1, length))


def _in_utc(value: object) -> object:
    """YAML's naive times are UTC."""
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    return value


def describe(error: PolicyError) -> str:
    """Return the error as a person reads it: place and message, and the line with the offending words underlined."""
    if error.where is None:
        return str(error)
    try:
        text = Path(error.where.file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return str(error)
    shown = underline(text, error.where)
    return f"{error}\n{shown}" if shown else str(error)
