"""Answers in XML read by a plan made once a shape, where botocore looks at the shape again for every element.

It takes half to two thirds of the time, and reading such answers is most of what reading an account costs. What is rare
(maps, unions, attributes, errors) stays botocore's; a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.parsers import BaseXMLResponseParser

if TYPE_CHECKING:
    from botocore.model import Shape

Node = Any  # an element, or a list of elements of one name
Read = Callable[[Node], Any]
_APART = ("map", "blob", "document")
_WHOLE = ("integer", "long")


class Planned(BaseXMLResponseParser):  # type: ignore[misc]  # botocore has no types
    """Goes before one of botocore's XML parsers, and reads structures and lists by plans."""

    def __init__(self, *given: Any, **settings: Any) -> None:  # noqa: ANN401 (botocore's arguments)
        super().__init__(*given, **settings)
        self._readers: dict[Shape, Read] = {}

    def _handle_structure(self, shape: Shape, node: Node) -> Any:  # noqa: ANN401 (botocore's name and form)
        return self._reader(shape)(node)

    def _reader(self, shape: Shape) -> Read:
        found = self._readers.get(shape)
        if found is None:
            found = self._readers[shape] = self._made(shape)
        return found

    def _made(self, shape: Shape) -> Read:
        """Return what reads an element of a shape."""
        match shape.type_name:
            case "structure" if _is_plain(shape):
                return self._structure(shape)
            case "structure":
                return lambda node: super(Planned, self)._handle_structure(shape, node)
            case "list":
                return self._list(shape)
            case kind if kind in _APART:
                return lambda node: self._parse_shape(shape, node)
            case "boolean":
                return lambda node: _text(node) == "true"
            case kind if kind in _WHOLE:
                return lambda node: int(_text(node))
            case "float" | "double":
                return lambda node: float(_text(node))
            case "timestamp":
                return lambda node: self._timestamp_parser(_text(node))
        return _text

    def _structure(self, shape: Shape) -> Read:
        members: dict[str, tuple[str, Shape, bool]] = {}
        for name, member in shape.members.items():
            if member.serialization.get("location") not in self.KNOWN_LOCATIONS:
                many = member.type_name in ("list", "map") and bool(member.serialization.get("flattened"))
                members[self._member_key_name(member, name)] = (name, member, many)
        readers: dict[str, tuple[str, Read, bool]] = {}

        def read(node: Node) -> dict[str, Any]:
            found: dict[str, Any] = {}
            gathered: dict[str, list[Node]] = {}
            for child in node[0] if isinstance(node, list) else node:
                tag = child.tag.rpartition("}")[2]
                known = readers.get(tag)
                if known is None:
                    if tag not in members:
                        continue
                    name, member, many = members[tag]
                    known = readers[tag] = (name, self._reader(member), many)
                if known[2]:
                    gathered.setdefault(tag, []).append(child)
                else:
                    found[known[0]] = known[1](child)
            for tag, nodes in gathered.items():
                name, reader, _ = readers[tag]
                found[name] = reader(nodes)
            return found

        return read

    def _list(self, shape: Shape) -> Read:
        each = self._reader(shape.member)
        return lambda node: [each(item) for item in node]


def _is_plain(shape: Shape) -> bool:
    """Return whether a structure is read from its child elements alone."""
    if shape.metadata.get("exception") or getattr(shape, "is_tagged_union", False):
        return False
    return not any(
        member.serialization.get("xmlAttribute") or member.serialization.get("eventheader")
        for member in shape.members.values()
    )


def _text(node: Node) -> str:
    return node.text or ""
