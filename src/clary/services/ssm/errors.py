"""The errors of the parameter store, in AWS's words."""

from __future__ import annotations

from clary.base.errors import ApiError


def ssm_error(code: str, message: str) -> ApiError:
    return ApiError(message, code=code, status=400)


def not_found(name: str) -> ApiError:
    return ssm_error("ParameterNotFound", f"Parameter {name} not found.")


def version_not_found(name: str, selector: str) -> ApiError:
    return ssm_error(
        "ParameterVersionNotFound",
        f"Systems Manager could not find version {selector} of {name}. Verify the version and try again.",
    )
