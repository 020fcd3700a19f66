"""XML bodies (S3, and the answers of query services): bytes to a tree, and trees to and from the values of a shape.

The parser refuses document types, so there are no entities but the five of XML itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NoReturn
from xml.parsers import expat
from xml.sax.saxutils import escape

from clary.wire.catalog import Shape
from clary.wire.scalars import MAX_DEPTH, Malformed, read_text, write_text

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
# characters that XML 1.0 cannot hold, not even as a reference
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
MOST_ELEMENTS = 100_000  # ten thousand parts of an upload with a checksum each have half as many
# where members of a response may be, other than its body
OUTSIDE_BODY = frozenset({"header", "headers", "statusCode"})
_QUOTES = {'"': "&quot;", "\n": "&#10;", "\t": "&#9;", "\r": "&#13;"}


@dataclass(slots=True)
class Element:
    """One element; names and attribute names are without their namespace prefix."""

    name: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.texts)


def _local(name: str) -> str:
    return name.rpartition(":")[2]


class _TreeBuilder:
    """Handlers for expat."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        element = Element(_local(name), {_local(key): value for key, value in attributes.items()})
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)
        if len(self._open) > MAX_DEPTH:
            raise Malformed("The XML is nested too deeply")
        self._count += 1
        if self._count > MOST_ELEMENTS:
            raise Malformed("The XML has too many elements")

    def end(self, _: str) -> None:
        self._open.pop()

    def text(self, text: str) -> None:
        if self._open:
            self._open[-1].texts.append(text)


def _refuse_doctype(*_: Any) -> NoReturn:
    raise Malformed("The XML has a document type")


def load_xml(body: bytes) -> Element:
    """The root element of an XML body."""
    builder = _TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError):
        raise Malformed("The XML is not well-formed") from None
    if builder.root is None:
        raise Malformed("The XML is empty")
    return builder.root


def read_xml(shape: Shape, element: Element) -> Any:
    """An element as the value of a shape. Members bound to the HTTP message are left to `parsing`."""
    kind = shape.type_name
    if kind == "structure":
        return _read_structure(shape, element)
    if kind == "list":
        name = shape.member.serialization.get("name", "member")
        return [read_xml(shape.member, child) for child in element.children if child.name == name]
    if kind == "map":
        return _read_map(shape, (child for child in element.children if child.name == "entry"))
    if element.children:
        raise Malformed("An element was found where text was expected")
    return read_text(shape, element.text)


def _read_structure(shape: Shape, element: Element) -> dict[str, Any]:
    children: dict[str, list[Element]] = {}
    for child in element.children:
        children.setdefault(child.name, []).append(child)
    result = {}
    for name, member in shape.members.items():
        binding = member.serialization
        if "location" in binding:
            continue
        key = _local(binding.get("name", name))
        if binding.get("xmlAttribute"):
            if key in element.attributes:
                result[name] = read_text(member, element.attributes[key])
        elif binding.get("flattened") and member.type_name == "list":
            # botocore calls the items by the name that the list gives them, other clients by the member's own
            found = children.get(member.member.serialization.get("name", key)) or children.get(key)
            if found:
                result[name] = [read_xml(member.member, child) for child in found]
        elif key in children:
            flat_map = binding.get("flattened") and member.type_name == "map"
            result[name] = _read_map(member, children[key]) if flat_map else read_xml(member, children[key][0])
    return result


def _read_map(shape: Shape, entries: Iterable[Element]) -> dict[str, Any]:
    key_name = shape.key.serialization.get("name", "key")
    value_name = shape.value.serialization.get("name", "value")
    result = {}
    for entry in entries:
        parts = {child.name: child for child in entry.children}
        if key_name not in parts or value_name not in parts:
            raise Malformed("A map entry lacks its key or its value")
        result[parts[key_name].text] = read_xml(shape.value, parts[value_name])
    return result


def escape_text(text: str) -> str:
    """Text for an element; a carriage return must survive the reader's normalisation of line ends."""
    return escape(_UNWRITABLE.sub("\ufffd", text), {"\r": "&#13;"})


def _escape_attribute(text: str) -> str:
    return escape(_UNWRITABLE.sub("\ufffd", text), _QUOTES)


def write_xml(shape: Shape, value: Any, name: str, namespace: str = "") -> str:
    """The value of a shape as an element called `name`. `namespace` is for the root only."""
    attributes = f' xmlns="{namespace}"' if namespace else _declared_namespace(shape)
    kind = shape.type_name
    if kind == "structure":
        return _write_structure(shape, value, name, attributes)
    if kind == "list":
        flat = shape.serialization.get("flattened")
        item_name = shape.member.serialization.get("name", name if flat else "member")
        items = "".join([write_xml(shape.member, item, item_name) for item in value])
        return items if flat else f"<{name}{attributes}>{items}</{name}>"
    if kind == "map":
        return _write_map(shape, value, name, attributes)
    return f"<{name}{attributes}>{escape_text(write_text(shape, value))}</{name}>"


def _declared_namespace(shape: Shape) -> str:
    declared = shape.serialization.get("xmlNamespace")
    if not declared or not isinstance(declared, dict):
        return ""
    prefix = f":{declared['prefix']}" if declared.get("prefix") else ""
    return f' xmlns{prefix}="{declared["uri"]}"'


def _write_structure(shape: Shape, value: Any, name: str, attributes: str) -> str:
    inner = []
    for member_name, member in shape.members.items():
        member_value = value.get(member_name)
        binding = member.serialization
        if member_value is None or binding.get("location") in OUTSIDE_BODY:
            continue
        key = binding.get("name", member_name)
        if binding.get("xmlAttribute"):
            attributes += f' {key}="{_escape_attribute(write_text(member, member_value))}"'
        else:
            inner.append(write_xml(member, member_value, key))
    return f"<{name}{attributes}>{''.join(inner)}</{name}>"


def _write_map(shape: Shape, value: Any, name: str, attributes: str) -> str:
    key_name = shape.key.serialization.get("name", "key")
    value_name = shape.value.serialization.get("name", "value")
    flat = shape.serialization.get("flattened")
    entry = name if flat else "entry"
    entries = "".join(
        f"<{entry}>{write_xml(shape.key, key, key_name)}{write_xml(shape.value, item, value_name)}</{entry}>"
        for key, item in value.items()
    )
    return entries if flat else f"<{name}{attributes}>{entries}</{name}>"
