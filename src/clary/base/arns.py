"""Amazon Resource Names: `arn:partition:service:region:account:resource`."""

from __future__ import annotations

from dataclasses import dataclass

from clary.base.errors import ValidationException


@dataclass(frozen=True, slots=True)
class Arn:
    """One parsed ARN. `resource` is everything after the fifth colon, for example `training-job/x`."""

    service: str
    region: str
    account: str
    resource: str
    partition: str = "aws"

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"

    @property
    def resource_type(self) -> str:
        """`training-job` of `training-job/x`; empty when the resource has no type part."""
        head, separator, _ = self.resource.partition("/")
        return head if separator else ""

    @property
    def resource_name(self) -> str:
        """`x` of `training-job/x`; paths keep their last part (`role/service-role/x` gives `x`)."""
        return self.resource.rpartition("/")[2]


def parse_arn(text: str) -> Arn:
    """Parse an ARN or raise ValidationException."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or not parts[2] or not parts[5]:
        raise ValidationException(f"{text!r} is not a valid ARN.")
    return Arn(partition=parts[1], service=parts[2], region=parts[3], account=parts[4], resource=parts[5])


def sagemaker_arn(region: str, account: str, resource_type: str, name: str) -> str:
    """ARNs carry names in lower case, while the resource keeps its case (as SageMaker does)."""
    return f"arn:aws:sagemaker:{region}:{account}:{resource_type}/{name.lower()}"
