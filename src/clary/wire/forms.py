"""Form bodies of the query protocol: `Tags.member.1.Key=a` to the values of a shape.

The flat names become a tree first, so that the depth of the work follows the request's, never the model's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clary.wire.catalog import Shape
from clary.wire.scalars import MAX_DEPTH, Malformed, check_text, read_text


@dataclass(slots=True)
class Node:
    """One level of a dotted name."""

    value: str | None = None
    children: dict[str, Node] = field(default_factory=dict)

    def items(self) -> list[Node]:
        """The numbered children in the order of their numbers."""
        numbered = [
            (int(name), child)
            for name, child in self.children.items()
            if name.isascii() and name.isdigit() and len(name) < 10
        ]
        return [child for _, child in sorted(numbered, key=lambda pair: pair[0])]


def form_tree(fields: Mapping[str, str]) -> Node:
    root = Node()
    for name, value in fields.items():
        parts = name.split(".", MAX_DEPTH)
        if len(parts) > MAX_DEPTH:
            raise Malformed("A parameter name is nested too deeply")
        node = root
        for part in parts:
            node = node.children.setdefault(part, Node())
        node.value = value
    return root


def read_form(shape: Shape, node: Node) -> Any:
    """A node as the value of a shape."""
    kind = shape.type_name
    if kind == "structure":
        return _read_structure(shape, node)
    if kind == "list":
        return [read_form(shape.member, item) for item in _elements(shape, node, _member_name(shape))]
    if kind == "map":
        return _read_map(shape, node)
    if node.value is None:
        raise Malformed("A structure was found where a value was expected")
    return read_text(shape, node.value)


def _member_name(shape: Shape) -> str:
    return str(shape.member.serialization.get("name", "member"))


def _elements(shape: Shape, node: Node, wrapper: str) -> list[Node]:
    """The numbered nodes of a list or map; unless it is flattened they lie one level deeper."""
    if shape.serialization.get("flattened"):
        return node.items()
    inner = node.children.get(wrapper)
    return inner.items() if inner else []


def _read_structure(shape: Shape, node: Node) -> dict[str, Any]:
    result = {}
    for name, member in shape.members.items():
        key = member.serialization.get("name", name)
        child = node.children.get(key)
        if member.type_name == "list" and member.serialization.get("flattened"):
            # botocore calls the items by the name that the list gives them, other clients by the member's own
            child = node.children.get(member.member.serialization.get("name", key), child)
        if child is not None:
            result[name] = read_form(member, child)
    return result


def _read_map(shape: Shape, node: Node) -> dict[str, Any]:
    key_name = shape.key.serialization.get("name", "key")
    value_name = shape.value.serialization.get("name", "value")
    result = {}
    for entry in _elements(shape, node, "entry"):
        key, value = entry.children.get(key_name), entry.children.get(value_name)
        if key is None or key.value is None or value is None:
            raise Malformed("A map entry lacks its key or its value")
        result[check_text(key.value)] = read_form(shape.value, value)
    return result
