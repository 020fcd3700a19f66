"""Idempotency tokens: a request that comes again is answered as it was; a token with another request is refused.

The rows keep the fingerprint of the request that made them. AWS names no time after which these tokens could be
used anew, so they never can. Calls that change or delete a row keep their answers aside for a day (`once`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from clary.base.errors import ApiError, ConflictException
from clary.services.context import Context
from clary.store import client_tokens
from clary.store.client_tokens import Answered
from clary.store.database import Transaction


def fingerprint(request: dict[str, Any], *aside: str) -> str:
    """What a request says, but for the members that may differ in spelling only."""
    said = {name: value for name, value in request.items() if name not in aside and value is not None}
    text = json.dumps(said, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def check_repeat(
    known: str | None, given: str, token: str, refusal: Callable[[str], ApiError] = ConflictException
) -> None:
    """Raises when the token came with another request before. Rows of older versions know no fingerprint."""
    if known is not None and known != given:
        raise refusal(f"The client token {token} was used before, in a request with other parameters.")


def once(
    context: Context,
    tx: Transaction,
    operation: str,
    token: str | None,
    request: dict[str, Any],
    act: Callable[[], dict[str, Any]],
    refusal: Callable[[str], ApiError] = ConflictException,
) -> dict[str, Any]:
    """The answer of `act`, which is not called where the same request was answered before under this token."""
    if not token:
        return act()
    said = fingerprint(request)
    known = client_tokens.find(tx, context.account, context.region, operation, token, context.now)
    if known is not None:
        check_repeat(known.said, said, token, refusal)
        return known.answer
    answer = act()
    answered = Answered(said, answer)
    client_tokens.remember(tx, context.account, context.region, operation, token, answered, context.now)
    return answer
