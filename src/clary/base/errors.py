"""The one error tree.

    ClaryError                    anything Clary raises on purpose
      ApiError                    crosses the wire: code, message, HTTP status
        ValidationException       400  the request is wrong (also: entity "Could not find ...")
        ResourceNotFound          400  a job, pipeline ... does not exist
        ResourceInUse             400  the name is taken, or the resource is busy
        ResourceLimitExceeded     400  a quota or the machine is full
        ConflictException         400  a concurrent change won
        AccessDenied              403  a policy does not allow it (each protocol has its own word for it)
        NotServed                 501  the operation exists at AWS but not here
      ConfigurationError          the operator's settings are wrong; ends the process with one line

Only `ApiError`s are shown to clients; everything else becomes an InternalFailure with a request id.
"""

from __future__ import annotations

from typing import Any

HOPELESS = 78
"""Exit status of a process whose ConfigurationError no second try would mend; its last line says what it is."""


class ClaryError(Exception):
    """Anything Clary raises on purpose."""


class ConfigurationError(ClaryError):
    """A setting or the machine does not allow Clary to start; the text says what to do."""


class ApiError(ClaryError):
    """An error a client sees.

    `code` is AWS's error code, `status` the HTTP status, `members` further members of the error shape
    (for example OriginalStatusCode of ModelError).
    """

    code = "InternalFailure"
    status = 500

    def __init__(self, message: str, *, code: str | None = None, status: int | None = None, **members: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.status = status or type(self).status
        self.members = members


class ValidationException(ApiError):
    code = "ValidationException"
    status = 400


class ResourceNotFound(ApiError):
    code = "ResourceNotFound"
    status = 400


class ResourceInUse(ApiError):
    code = "ResourceInUse"
    status = 400


class ResourceLimitExceeded(ApiError):
    code = "ResourceLimitExceeded"
    status = 400


class ConflictException(ApiError):
    code = "ConflictException"
    status = 400


class AccessDenied(ApiError):
    code = "AccessDeniedException"
    status = 403


class NotServed(ApiError):
    code = "NotImplemented"
    status = 501
