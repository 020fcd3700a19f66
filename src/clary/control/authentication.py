"""Who sends this request: signature, credentials, time.

Nobody gets past here unsigned but as what they are: nobody. Only buckets can be open to those, and two links are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import unquote

from clary.access import callers
from clary.access.callers import Caller
from clary.access.evaluation import PolicySet
from clary.access.principals import ANONYMOUS
from clary.access.sessions import ExpiredToken, InvalidClientTokenId
from clary.base.clock import Clock
from clary.base.installation import Installation
from clary.base.snapshots import Access
from clary.control.call import Call
from clary.wire.error_codes import CredentialFault, credential_error
from clary.wire.sigpost import read_form_signature, verify_form
from clary.wire.sigv2 import read_presigned, verify_presigned
from clary.wire.sigv4 import Signature, Verifier, read_signature

_UNSIGNED = frozenset({("sns", "ConfirmSubscription"), ("sns", "Unsubscribe")})
"""Links in messages to subscribers, who need no credentials; the handlers know what they may do."""
_NOBODY = Caller(ANONYMOUS, "", PolicySet(), {})


class Authentication:
    """Checks signatures against the current credentials (the same records the doors read)."""

    def __init__(self, access: Callable[[], Access], installation: Installation, clock: Clock) -> None:
        self._access = access
        self._master_key = installation.master_key
        self._region = installation.region
        self._clock = clock
        self._verifier = Verifier()

    def check(self, call: Call, payload_sha256: str) -> None:
        """Fill in `signature` and `caller`, or raise the error AWS answers.

        `payload_sha256` is the body's hash, or empty while a streamed body is still unread.
        """
        signing_name = call.known_target.signing_name
        if signing_name == "s3" and (presigned := read_presigned(call.head, self._region)):
            self._check_presigned(call, presigned)
            return
        signature = read_signature(call.head)
        if signature is None and (call.known_target.service, call.known_target.operation.name) in _UNSIGNED:
            call.caller = _NOBODY
            return
        if signature is None and signing_name == "s3":
            call.caller, call.at = _NOBODY, self._clock.now()
            return
        if signature is None:
            raise credential_error(CredentialFault.MISSING, call.head, signing_name)
        caller = self._find(call, signature)
        now = call.at = self._clock.now()
        self._verifier.verify(call.head, signature, caller.secret, payload_sha256, now, service=signing_name)
        call.signature, call.caller = signature, caller
        call.signing_key = self._verifier.signing_key(signature, caller.secret)

    def check_form(self, call: Call, fields: Mapping[str, str]) -> None:
        """The same for a form upload, which is signed in its fields."""
        call.at = self._clock.now()
        signature = read_form_signature(fields, self._region)
        if signature is None:
            call.caller = _NOBODY
            return
        caller = self._find(call, signature)
        verify_form(fields, signature, caller.secret, self._verifier.signing_key(signature, caller.secret))
        call.signature, call.caller = signature, caller

    def _check_presigned(self, call: Call, signature: Signature) -> None:
        caller = self._find(call, signature)
        bucket = call.known_target.path_parameters.get("Bucket", "")
        bucket_host = "" if unquote(call.head.path).split("/")[1:2] == [bucket] else bucket
        call.at = self._clock.now()
        verify_presigned(call.head, signature, caller.secret, bucket_host, call.at)
        call.signature, call.caller = signature, caller

    def _find(self, call: Call, signature: Signature) -> Caller:
        token = signature.session_token or None
        try:
            return callers.identify(
                self._access(), self._master_key, signature.access_key_id, token, self._clock.now()
            )
        except ExpiredToken as error:
            raise credential_error(CredentialFault.EXPIRED_TOKEN, call.head, signature.service) from error
        except InvalidClientTokenId as error:
            fault = CredentialFault.BAD_TOKEN if token else CredentialFault.UNKNOWN_KEY
            raise credential_error(fault, call.head, signature.service) from error
