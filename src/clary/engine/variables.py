"""Environment variables that every unit gets: where Clary is, which region, and how to act as its role."""

from __future__ import annotations

from clary.access.unit_tokens import mint_unit_token
from clary.engine.surroundings import Surroundings


def platform_variables(around: Surroundings, unit: str, region: str, role_arn: str | None) -> dict[str, str]:
    """AWS SDKs inside the unit find Clary and fetch short-lived credentials of the role by themselves."""
    url = around.endpoint_url()
    variables = {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": url,
        "S3_ENDPOINT_URL": url,
        "SAGEMAKER_REGION": region,
    }
    if role_arn:
        variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"{url}/clary/credentials"
        variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = mint_unit_token(
            around.installation.master_key, unit, role_arn
        )
    return variables
