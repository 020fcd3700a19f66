"""AWS Security Token Service: who am I, and temporary credentials of a role. Sessions are stateless."""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.operation import Operation
from clary.services.sts import identity

OPERATIONS: Mapping[str, Operation] = {
    # The role's trust policy decides together with the caller's own, so the handler checks both.
    "AssumeRole": Operation(identity.assume_role, open_to_all=True),
    "GetCallerIdentity": Operation(identity.get_caller_identity, open_to_all=True),
}
