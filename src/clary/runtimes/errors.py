"""What can go wrong when work is made ready to run, with the class that FailureReason begins with.

RuntimeFailure                 the unit cannot be started; the text is for the user
  UnsupportedImage             ClientError    no environment stands for this image
  UnknownInstanceType          ClientError    not an ml.* type
  InsufficientCapacity         CapacityError  this machine has no such device
  EnvironmentBuildError        InternalServerError  uv could not build the environment
  ArchiveError                 ClientError    a tar.gz is damaged or hostile
  StagingError                 ClientError    an S3 location or key cannot be placed
"""

from __future__ import annotations

from typing import ClassVar

from clary.base.errors import ClaryError


class RuntimeFailure(ClaryError):
    """The unit cannot be started. `str(error)` is one or two sentences for the user."""

    failure_class: ClassVar[str] = "InternalServerError"

    @property
    def reason(self) -> str:
        """The text for FailureReason."""
        return f"{self.failure_class}: {self}"[:1024]


class UnsupportedImage(RuntimeFailure):
    failure_class = "ClientError"


class UnknownInstanceType(RuntimeFailure):
    failure_class = "ClientError"


class InsufficientCapacity(RuntimeFailure):
    failure_class = "CapacityError"


class EnvironmentBuildError(RuntimeFailure):
    """`said` is the installer's own text, empty when it never ran."""

    failure_class = "InternalServerError"

    def __init__(self, message: str, said: str = "") -> None:
        super().__init__(message)
        self.said = said


class ArchiveError(RuntimeFailure):
    """`member` is the name inside the archive, empty when the archive as a whole is wrong."""

    failure_class = "ClientError"

    def __init__(self, reason: str, member: str = "") -> None:
        super().__init__(f"archive member {member[:200]!r}: {reason}" if member else f"archive: {reason}")
        self.member = member
        self.why = reason


class StagingError(RuntimeFailure):
    failure_class = "ClientError"
