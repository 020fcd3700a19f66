"""Attributes of messages: checking, keeping, choosing, and the MD5 digests by which clients check them."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from clary.base.errors import ApiError
from clary.services.sqs import names

Attributes = Mapping[str, Mapping[str, Any]]

_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_TYPE = re.compile(r"(String|Number|Binary)(\.[^\x00-\x1f]{1,240})?")
_NUMBER = re.compile(r"[+-]?([0-9]{1,100}\.?[0-9]{0,100}|\.[0-9]{1,100})([eE][+-]?[0-9]{1,3})?")
_MOST = 10
_NOT_TEXT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def is_text(body: str) -> bool:
    """Only characters that XML can carry."""
    return _NOT_TEXT.search(body) is None


def check(attributes: Attributes) -> None:
    """The attributes a sender gives."""
    if len(attributes) > _MOST:
        raise _invalid(f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [{_MOST}].")
    for name, attribute in attributes.items():
        reserved = name.lower().startswith(("aws.", "amazon."))
        if reserved or len(name) > 256 or not _NAME.fullmatch(name):
            raise _invalid(f"The message attribute name '{name[:256]}' is invalid.")
        _check_value(name, attribute)


def _check_value(name: str, attribute: Mapping[str, Any]) -> None:
    if not _TYPE.fullmatch(attribute["DataType"]):
        raise _invalid(
            f"The message attribute '{name}' has an invalid message attribute type, the set of supported type"
            " prefixes is Binary, Number, and String."
        )
    binary = attribute["DataType"].startswith("Binary")
    value = attribute.get("BinaryValue" if binary else "StringValue")
    if not value or attribute.get("StringValue" if binary else "BinaryValue"):
        raise _invalid(
            f"The message attribute '{name}' must contain non-empty message attribute value for message attribute"
            f" type '{attribute['DataType']}'."
        )
    if not binary and not is_text(value):
        raise _invalid(f"The message attribute '{name}' has characters that are not allowed.")
    if attribute["DataType"].startswith("Number") and not _NUMBER.fullmatch(value):
        raise _invalid(f"Could not cast message attribute '{name}' value to number.")


def size(attributes: Attributes) -> int:
    """Bytes that count against the size of the message."""
    return sum(
        len(name.encode()) + len(attribute["DataType"].encode()) + len(_bytes(attribute))
        for name, attribute in attributes.items()
    )


def digest(attributes: Attributes) -> str:
    """MD5 over names, types and values in the order of the names, each with its length."""
    md5 = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        attribute = attributes[name]
        for part in (name.encode(), attribute["DataType"].encode()):
            md5.update(len(part).to_bytes(4, "big") + part)
        value = _bytes(attribute)
        kind = b"\x02" if attribute["DataType"].startswith("Binary") else b"\x01"
        md5.update(kind + len(value).to_bytes(4, "big") + value)
    return md5.hexdigest()


def digest_of_text(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def to_document(attributes: Attributes) -> dict[str, dict[str, str]]:
    """For the store, which keeps no bytes."""
    kept = {}
    for name, attribute in attributes.items():
        binary = attribute["DataType"].startswith("Binary")
        value = base64.b64encode(attribute["BinaryValue"]).decode() if binary else attribute["StringValue"]
        kept[name] = {"DataType": attribute["DataType"], "Value": value}
    return kept


def from_document(kept: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, Any]]:
    attributes: dict[str, dict[str, Any]] = {}
    for name, item in kept.items():
        attributes[name] = {"DataType": item["DataType"]}
        if item["DataType"].startswith("Binary"):
            attributes[name]["BinaryValue"] = base64.b64decode(item["Value"])
        else:
            attributes[name]["StringValue"] = item["Value"]
    return attributes


def choose(attributes: Attributes, wanted: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Those a receiver asks for: by name, by prefix (`app.*`), or all."""
    if "All" in wanted or ".*" in wanted:
        return dict(attributes)
    prefixes = tuple(name[:-1] for name in wanted if name.endswith(".*"))
    return {
        name: attribute
        for name, attribute in attributes.items()
        if name in wanted or (prefixes and name.startswith(prefixes))
    }


def _bytes(attribute: Mapping[str, Any]) -> bytes:
    if attribute["DataType"].startswith("Binary"):
        return bytes(attribute["BinaryValue"])
    return str(attribute["StringValue"]).encode()


def _invalid(message: str) -> ApiError:
    return names.failure("InvalidParameterValue", message)
