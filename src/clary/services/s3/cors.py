"""CORS rules of buckets: PutBucketCors and its like, and what a rule says to a browser.

`grant` is asked by control for every request of S3 that has an Origin: preflights (OPTIONS) and real ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from clary.base.errors import ApiError
from clary.services.context import Context
from clary.services.s3 import errors
from clary.services.s3.names import own_bucket
from clary.store import buckets

CORS = "cors"
_MOST = 100
_METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "HEAD"})

Rule = Mapping[str, Any]


def put_bucket_cors(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    rules = request["CORSConfiguration"]["CORSRules"]
    if not 1 <= len(rules) <= _MOST:
        raise errors.malformed_xml()
    for rule in rules:
        _check(rule)
    with context.database.write() as tx:
        buckets.set_setting(tx, own_bucket(context, tx, request), CORS, rules)
    return {}


def get_bucket_cors(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        rules = buckets.setting(tx, own_bucket(context, tx, request), CORS)
    if rules is None:
        message = "The CORS configuration does not exist"
        raise ApiError(message, code="NoSuchCORSConfiguration", status=404, BucketName=request["Bucket"])
    return {"CORSRules": rules}


def delete_bucket_cors(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        buckets.set_setting(tx, own_bucket(context, tx, request), CORS, None)
    return {}


def grant(rules: Sequence[Rule], origin: str, method: str, headers: Sequence[str] = ()) -> dict[str, str] | None:
    """Headers that let a browser of this origin see the answer, by the first rule that fits; None if none does.

    `headers` are those that a preflight announces.
    """
    for rule in rules:
        origins = [pattern for pattern in rule["AllowedOrigins"] if _fits(pattern, origin)]
        allowed = rule.get("AllowedHeaders") or []
        known = all(any(_fits(pattern.lower(), name.lower()) for pattern in allowed) for name in headers)
        if origins and method in rule["AllowedMethods"] and known:
            return _granted(rule, "*" if "*" in origins else origin, headers)
    return None


def _granted(rule: Rule, origin: str, headers: Sequence[str]) -> dict[str, str]:
    granted = {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": ", ".join(rule["AllowedMethods"]),
        "vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
    }
    if origin != "*":
        granted["access-control-allow-credentials"] = "true"
    if headers:
        granted["access-control-allow-headers"] = ", ".join(name.lower() for name in headers)
    if rule.get("ExposeHeaders"):
        granted["access-control-expose-headers"] = ", ".join(rule["ExposeHeaders"])
    if "MaxAgeSeconds" in rule:
        granted["access-control-max-age"] = str(rule["MaxAgeSeconds"])
    return granted


def _fits(pattern: str, text: str) -> bool:
    """Patterns have at most one `*`."""
    start, star, end = pattern.partition("*")
    if not star:
        return pattern == text
    return len(text) >= len(start) + len(end) and text.startswith(start) and text.endswith(end)


def _check(rule: Rule) -> None:
    methods, origins = rule["AllowedMethods"], rule["AllowedOrigins"]
    if not methods or not origins:
        raise errors.malformed_xml()
    for method in methods:
        if method not in _METHODS:
            message = f"Found unsupported HTTP method in CORS config. Unsupported method is {method[:100]}"
            raise errors.invalid_request(message)
    for name, texts in (("AllowedOrigin", origins), ("AllowedHeader", rule.get("AllowedHeaders") or [])):
        for text in texts:
            if text.count("*") > 1:
                raise errors.invalid_request(f'{name} "{text[:100]}" can not have more than one wildcard.')
            if not _VISIBLE.fullmatch(text):
                raise errors.invalid_request(f"{name} has characters that no header can have.")
    for text in rule.get("ExposeHeaders") or []:
        if "*" in text:
            raise errors.invalid_request(
                f'ExposeHeader "{text[:100]}" contains wildcard. We currently do not support'
                " wildcard for ExposeHeader"
            )
        if not _VISIBLE.fullmatch(text):
            raise errors.invalid_request("ExposeHeader has characters that no header can have.")


_VISIBLE = re.compile(r"[\x21-\x7e]{1,1000}")
