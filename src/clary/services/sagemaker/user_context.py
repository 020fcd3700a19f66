"""Who made a call, in the form in which SageMaker shows it (CreatedBy, LastModifiedBy)."""

from __future__ import annotations

from typing import Any

from clary.services.context import Context


def user_context(context: Context) -> dict[str, Any]:
    who = context.principal
    return {"IamIdentity": {"Arn": who.arn, "PrincipalId": who.user_id}}
