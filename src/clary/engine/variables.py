"""Environment variables that every unit gets: where Clary is, which region, and how to act as its role."""

from __future__ import annotations

from clary.access.unit_tokens import mint_unit_token
from clary.engine.surroundings import Surroundings
from clary.store import principals, resources


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
    role_id = _role_id(around, role_arn) if role_arn else None
    if role_arn and role_id:
        variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"{url}/clary/credentials"
        variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = mint_unit_token(
            around.installation.master_key, unit, role_arn, role_id
        )
    return variables


def _role_id(around: Surroundings, role_arn: str) -> str | None:
    """None when the role has gone meanwhile: the unit then has no credentials, and clients in it say so."""
    with around.database.read() as tx:
        role = resources.find_by_arn(tx, role_arn)
    return str(role.document["RoleId"]) if role is not None and role.kind == principals.ROLE else None
