"""Whether well-formed parameters keep the rules of the model: required, length, range, pattern, enum.

The texts are AWS's own, since clients and people read them. Called by control between `parsing` and the handler.
What the model cannot say (does the role exist, may the two be combined) is the services' business. S3 has rules and
errors of its own; of its model only required members and enums count.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clary.base.errors import ApiError, ValidationException
from clary.wire.catalog import Shape
from clary.wire.error_codes import validation_code
from clary.wire.patterns import pattern
from clary.wire.routing import Target

_MAX_ERRORS = 50
_MAX_SHOWN = 1024
_NOT_NULL = "Member must not be null"

# S3 checks the region of a new bucket itself: installations may have names AWS does not know
_S3_FREE = {"BucketLocationConstraint"}
_S3_ENUM_CODES = {"StorageClass": ("InvalidStorageClass", "The storage class you specified is not valid")}


def validate(target: Target, params: dict[str, Any]) -> None:
    """Return when the parameters keep the rules; raise one error that names every rule broken (up to 50)."""
    shape = target.operation.input_shape
    if shape is None:
        return
    if target.service == "s3":
        _validate_s3(shape, params)
        return
    errors: list[str] = []
    for error in _structure(shape, params, ""):
        errors.append(error)
        if len(errors) == _MAX_ERRORS:
            break
    if errors:
        plural = "error" if len(errors) == 1 else "errors"
        text = f"{len(errors)} validation {plural} detected: {'; '.join(errors)}"
        raise ValidationException(text, code=validation_code(target.service))


def _structure(shape: Shape, value: dict[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"Value null at '{_join(path, name)}' failed to satisfy constraint: {_NOT_NULL}"
    if shape.is_tagged_union and len(value) != 1:
        yield f"Value at '{path}' failed to satisfy constraint: Exactly one member must be set"
    members = shape.members
    for name, inner in value.items():
        if name in members and inner is not None:
            yield from _value(members[name], inner, _join(path, name))


def _join(path: str, name: str) -> str:
    own = name[:1].lower() + name[1:]
    return f"{path}.{own}" if path else own


def _value(shape: Shape, value: Any, path: str) -> Iterator[str]:
    kind = shape.type_name
    broken = _broken(shape, value)
    if broken:
        shown = _shown(shape, value)
        for constraint in broken:
            yield f"Value {shown}at '{path}' failed to satisfy constraint: {constraint}"
    if kind == "structure":
        if not shape.is_document_type:
            yield from _structure(shape, value, path)
    elif kind == "list":
        yield from _list(shape, value, path)
    elif kind == "map":
        yield from _map(shape, value, path)


def _list(shape: Shape, value: list[Any], path: str) -> Iterator[str]:
    member = shape.member
    if member.type_name in ("structure", "list", "map"):
        for number, item in enumerate(value, 1):
            inner = f"{path}.{number}.member"
            if item is None:
                yield f"Value null at '{inner}' failed to satisfy constraint: {_NOT_NULL}"
            else:
                yield from _value(member, item, inner)
    elif any(item is None or _broken(member, item) for item in value):
        shown = _shown(shape, value)
        yield (
            f"Value {shown}at '{path}' failed to satisfy constraint:"
            f" Member must satisfy constraint: [{', '.join([*_constraints(member), _NOT_NULL])}]"
        )


def _map(shape: Shape, value: dict[str, Any], path: str) -> Iterator[str]:
    if any(_broken(shape.key, key) for key in value):
        yield (
            f"Value {_shown(shape, value)}at '{path}' failed to satisfy constraint:"
            f" Map keys must satisfy constraint: [{', '.join(_constraints(shape.key))}]"
        )
    member = shape.value
    if member.type_name in ("structure", "list", "map"):
        for key, item in value.items():
            if item is not None:
                yield from _value(member, item, f"{path}.{key[:_MAX_SHOWN]}.member")
    elif any(item is None or _broken(member, item) for item in value.values()):
        yield (
            f"Value {_shown(shape, value)}at '{path}' failed to satisfy constraint:"
            f" Map value must satisfy constraint: [{', '.join([*_constraints(member), _NOT_NULL])}]"
        )


def _broken(shape: Shape, value: Any) -> list[str]:
    """The constraints of the shape itself that the value breaks. Length comes first, and alone when it is broken:
    no pattern ever sees a text longer than the model allows."""
    rules = shape.metadata
    if not rules:
        return []
    kind = shape.type_name
    low, high = rules.get("min"), rules.get("max")
    if low is not None or high is not None:
        numeric = kind in ("integer", "long", "float", "double")
        if numeric or kind in ("string", "blob", "list", "map"):
            size, word = (value, "value") if numeric else (len(value), "length")
            if low is not None and size < low:
                return [f"Member must have {word} greater than or equal to {low}"]
            if high is not None and size > high:
                return [f"Member must have {word} less than or equal to {high}"]
    if kind != "string":
        return []
    return _broken_text_rules(shape, value)


# SQS takes attributes of messages under this name as well, and has an error of its own for those it does not know.
_OPEN_ENUMS = frozenset({"QueueAttributeName"})
# Queries of lineage may start at a job or an endpoint, which the pattern of their ARNs does not know.
_OPEN_PATTERNS = frozenset({"AssociationEntityArn"})


def _broken_text_rules(shape: Shape, value: str) -> list[str]:
    broken = []
    source = shape.metadata.get("pattern")
    if source and shape.name not in _OPEN_PATTERNS and not pattern(source).matches(value):
        broken.append(f"Member must satisfy regular expression pattern: {source}")
    if shape.enum and value not in shape.enum and shape.name not in _OPEN_ENUMS:
        broken.append(f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
    return broken


def _constraints(shape: Shape) -> list[str]:
    """Every constraint of a shape, for lists and maps, where AWS names them all."""
    rules = shape.metadata
    word = "value" if shape.type_name in ("integer", "long", "float", "double") else "length"
    texts = []
    if "max" in rules:
        texts.append(f"Member must have {word} less than or equal to {rules['max']}")
    if "min" in rules:
        texts.append(f"Member must have {word} greater than or equal to {rules['min']}")
    if "pattern" in rules:
        texts.append(f"Member must satisfy regular expression pattern: {rules['pattern']}")
    if shape.type_name == "string" and shape.enum:
        texts.append(f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
    return texts


def _shown(shape: Shape, value: Any) -> str:
    """The value in quotes, as Java prints it; nothing for secrets and blobs."""
    if _is_secret(shape) or shape.type_name in ("blob", "structure"):
        return ""
    text = _java(value)
    return f"'{text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + '...'}' "


def _is_secret(shape: Shape) -> bool:
    if shape.metadata.get("sensitive"):
        return True
    if shape.type_name == "list":
        return _is_secret(shape.member)
    return shape.type_name == "map" and (_is_secret(shape.key) or _is_secret(shape.value))


def _java(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(_java(item) for item in value[:_MAX_SHOWN])}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}={_java(item)}' for key, item in list(value.items())[:_MAX_SHOWN])}}}"
    return "null" if value is None else str(value)


def _validate_s3(shape: Shape, value: Any, *, in_body: bool = False) -> None:
    kind = shape.type_name
    if kind == "structure":
        for name in shape.required_members:
            if value.get(name) is None:
                raise _s3_missing(shape.members[name], name, in_body=in_body)
        for name, inner in value.items():
            if name in shape.members:
                bound = "location" in shape.members[name].serialization
                _validate_s3(shape.members[name], inner, in_body=not bound)
    elif kind == "list":
        for item in value:
            _validate_s3(shape.member, item, in_body=in_body)
    elif kind == "string" and shape.enum and value not in shape.enum and shape.name not in _S3_FREE:
        raise _s3_enum(shape, value, in_body=in_body)


def _malformed_xml() -> ApiError:
    text = "The XML you provided was not well-formed or did not validate against our published schema"
    return ApiError(text, code="MalformedXML", status=400)


def _s3_missing(member: Shape, name: str, *, in_body: bool) -> ApiError:
    location = member.serialization.get("location")
    if in_body:
        return _malformed_xml()
    key = member.serialization.get("name", name)
    if location in ("header", "querystring"):
        text = f"Missing required {'header' if location == 'header' else 'parameter'} for this request: {key}"
        return ApiError(text, code="InvalidArgument", status=400, ArgumentName=key)
    return ApiError("Request Body is empty", code="MissingRequestBodyError", status=400)


def _s3_enum(shape: Shape, value: str, *, in_body: bool) -> ApiError:
    if shape.name in _S3_ENUM_CODES:
        code, text = _S3_ENUM_CODES[shape.name]
        return ApiError(text, code=code, status=400)
    if in_body:
        return _malformed_xml()
    return ApiError("Invalid Argument", code="InvalidArgument", status=400, ArgumentValue=value[:_MAX_SHOWN])
