"""What the headers of an invocation may look like, as the service model has it, and which of them are not served."""

from __future__ import annotations

import re
from dataclasses import dataclass

from clary.base.errors import ApiError, NotServed
from clary.door.exchange import Exchange
from clary.serving.errors import ValidationError

TARGET_MODEL = b"x-amzn-sagemaker-target-model"
TARGET_VARIANT = b"x-amzn-sagemaker-target-variant"
TARGET_CONTAINER = b"x-amzn-sagemaker-target-container-hostname"

_NAME_PATTERN = "^[a-zA-Z0-9](-*[a-zA-Z0-9])*"
_NAME = re.compile(r"[a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,62}")
_NOT_SERVED = {
    b"x-amzn-sagemaker-inference-component": "InferenceComponentName",
    b"x-amzn-sagemaker-enable-explanations": "EnableExplanations",
    b"x-amzn-sagemaker-prefix-aware-id": "PrefixAwareId",
}


@dataclass(frozen=True, slots=True)
class _Rule:
    member: str
    allowed: re.Pattern[bytes]
    longest: int
    pattern: str


_ASCII = re.compile(rb"[\x00-\x7f]*")
_VISIBLE = re.compile(rb"[\x20-\x7e]*")
_PRINTED = re.compile(rb"[^\s][\x20-\x7e]*")
_DASHED = re.compile(rb"[a-zA-Z0-9](?:-*[a-zA-Z0-9])*")
_SESSION = re.compile(rb"NEW_SESSION|[a-zA-Z0-9](?:-*[a-zA-Z0-9])*")
_RULES = {
    b"content-type": _Rule("contentType", _ASCII, 1024, "\\p{ASCII}*"),
    b"accept": _Rule("accept", _ASCII, 1024, "\\p{ASCII}*"),
    b"x-amzn-sagemaker-accept": _Rule("accept", _ASCII, 1024, "\\p{ASCII}*"),
    b"x-amzn-sagemaker-custom-attributes": _Rule("customAttributes", _VISIBLE, 1024, "\\p{ASCII}*"),
    TARGET_MODEL: _Rule("targetModel", _PRINTED, 1024, "\\A\\S[\\p{Print}]*\\z"),
    TARGET_VARIANT: _Rule("targetVariant", _DASHED, 63, _NAME_PATTERN),
    TARGET_CONTAINER: _Rule("targetContainerHostname", _DASHED, 63, _NAME_PATTERN),
    b"x-amzn-sagemaker-inference-id": _Rule("inferenceId", _PRINTED, 64, "\\A\\S[\\p{Print}]*\\z"),
    b"x-amzn-sagemaker-session-id": _Rule("sessionId", _SESSION, 256, f"^(NEW_SESSION)$|{_NAME_PATTERN}$"),
}

_LOOKED_AT = frozenset(_RULES) | frozenset(_NOT_SERVED)


def check(exchange: Exchange, endpoint_name: str, operation: str) -> None:
    """Raises ValidationError, or NotServed by name."""
    if _NAME.fullmatch(endpoint_name) is None:
        raise _refused("endpointName", endpoint_name, f"satisfy regular expression pattern: {_NAME_PATTERN}")
    for name in exchange.fields.keys() & _LOOKED_AT:  # most headers are none of these
        if name in _RULES:
            _check_value(_RULES[name], exchange.fields[name])
        else:
            raise NotServed(f"{operation} with {_NOT_SERVED[name]} is not served by this version of Clary.")


def _check_value(rule: _Rule, value: bytes) -> None:
    if len(value) > rule.longest:
        raise _refused(rule.member, value.decode("latin-1"), f"have length less than or equal to {rule.longest}")
    if rule.allowed.fullmatch(value) is None:
        raise _refused(rule.member, value.decode("latin-1"), f"satisfy regular expression pattern: {rule.pattern}")


def _refused(member: str, value: str, must: str) -> ApiError:
    shown = "" if member == "customAttributes" else f" '{value[:256]}'"  # the model marks them as sensitive
    return ValidationError(
        f"1 validation error detected: Value{shown} at '{member}' failed to satisfy constraint: Member must {must}"
    )
