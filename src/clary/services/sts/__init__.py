"""AWS Security Token Service: who am I, and temporary credentials. Sessions are stateless."""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.operation import Operation
from clary.services.sts import assume_role, federation, identity

OPERATIONS: Mapping[str, Operation] = {
    # The role's trust policy decides together with the caller's own, so the handler checks both.
    "AssumeRole": Operation(assume_role.assume_role, open_to_all=True),
    "GetAccessKeyInfo": Operation(identity.get_access_key_info),
    "GetCallerIdentity": Operation(identity.get_caller_identity, open_to_all=True),
    "GetFederationToken": Operation(federation.get_federation_token, federation.federated_arn),
    "GetSessionToken": Operation(identity.get_session_token, open_to_all=True),
}
