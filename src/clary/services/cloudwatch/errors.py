"""The errors of CloudWatch, in AWS's words; the shapes' names, which wire turns into the codes of each protocol."""

from __future__ import annotations

from clary.base.errors import ApiError, NotServed


def invalid(message: str) -> ApiError:
    return ApiError(message, code="InvalidParameterValueException", status=400)


def missing(message: str) -> ApiError:
    return ApiError(message, code="MissingRequiredParameterException", status=400)


def contradiction(message: str) -> ApiError:
    return ApiError(message, code="InvalidParameterCombinationException", status=400)


def validation(message: str) -> ApiError:
    return ApiError(message, code="ValidationError", status=400)


def not_served(what: str) -> ApiError:
    return NotServed(f"{what} is not served by this version of Clary.")
