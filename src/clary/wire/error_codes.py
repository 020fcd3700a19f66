"""How each service words the errors that are not its own: who are you, may you, is the request well formed.

Everything that differs between services is in the tables of this file. Raised by routing, parsing, validation and
sigv4; control and doors use `credential_error` and `localize` for what they find out themselves.
"""

from __future__ import annotations

import enum
from typing import Literal

from clary.base.errors import AccessDenied, ApiError, ValidationException
from clary.wire.facts import FACTS
from clary.wire.http import RequestHead
from clary.wire.paging import InvalidToken

Family = Literal["json", "rest", "query", "s3"]


class CredentialFault(enum.Enum):
    """Everything that can be wrong with a caller's credentials."""

    MISSING = "missing"  # no signature where one is needed
    INCOMPLETE = "incomplete"  # an Authorization header that lacks a part
    MALFORMED = "malformed"  # a part that makes no sense
    UNKNOWN_KEY = "unknown key"
    BAD_TOKEN = "bad token"  # noqa: S105 - the name of a fault, not a token
    EXPIRED_TOKEN = "expired token"  # noqa: S105 - the name of a fault, not a token
    MISMATCH = "mismatch"  # the signature is not the one we compute
    BAD_SCOPE = "bad scope"  # signed for another date, region or service
    SKEWED = "skewed"  # signed too long ago, or in the future
    EXPIRED = "expired"  # a presigned URL after its end
    UNSIGNED_HEADER = "unsigned header"  # a header that must be signed is not
    BODY_MISMATCH = "body mismatch"  # the declared hash is not the body's


_F = CredentialFault
_MISMATCH_TEXT = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key"
    " and signing method. Consult the service documentation for details."
)
_TEXT = {
    _F.MISSING: "Missing Authentication Token",
    _F.INCOMPLETE: "The request signature is incomplete.",
    _F.MALFORMED: "The request signature does not conform to AWS standards.",
    _F.UNKNOWN_KEY: "The security token included in the request is invalid.",
    _F.BAD_TOKEN: "The security token included in the request is invalid.",
    _F.EXPIRED_TOKEN: "The security token included in the request is expired",
    _F.MISMATCH: _MISMATCH_TEXT,
    _F.BAD_SCOPE: "Credential should be scoped to a valid region and service.",
    _F.SKEWED: "Signature expired.",
    _F.EXPIRED: "Signature expired.",
    _F.UNSIGNED_HEADER: "A header that must be signed is not in the signed headers.",
    _F.BODY_MISMATCH: _MISMATCH_TEXT,
}
_S3_TEXT = {
    _F.MISSING: "Access Denied",
    _F.UNKNOWN_KEY: "The AWS Access Key Id you provided does not exist in our records.",
    _F.BAD_TOKEN: "The provided token is malformed or otherwise invalid.",
    _F.EXPIRED_TOKEN: "The provided token has expired.",
    _F.MISMATCH: (
        "The request signature we calculated does not match the signature you provided. Check your key and signing"
        " method."
    ),
    _F.SKEWED: "The difference between the request time and the current time is too large.",
    _F.EXPIRED: "Request has expired",
    _F.UNSIGNED_HEADER: "There were headers present in the request which were not signed",
    _F.BODY_MISMATCH: "The provided 'x-amz-content-sha256' header does not match what was computed.",
}

_JSON_CODES = {
    _F.MISSING: "MissingAuthenticationTokenException",
    _F.INCOMPLETE: "IncompleteSignatureException",
    _F.MALFORMED: "IncompleteSignatureException",
    _F.UNKNOWN_KEY: "UnrecognizedClientException",
    _F.BAD_TOKEN: "UnrecognizedClientException",
    _F.EXPIRED_TOKEN: "ExpiredTokenException",
    _F.MISMATCH: "InvalidSignatureException",
    _F.BAD_SCOPE: "InvalidSignatureException",
    _F.SKEWED: "InvalidSignatureException",
    _F.EXPIRED: "InvalidSignatureException",
    _F.UNSIGNED_HEADER: "InvalidSignatureException",
    _F.BODY_MISMATCH: "InvalidSignatureException",
}
_QUERY_CODES = {
    _F.MISSING: "MissingAuthenticationToken",
    _F.INCOMPLETE: "IncompleteSignature",
    _F.MALFORMED: "IncompleteSignature",
    _F.UNKNOWN_KEY: "InvalidClientTokenId",
    _F.BAD_TOKEN: "InvalidClientTokenId",
    _F.EXPIRED_TOKEN: "ExpiredToken",
    _F.MISMATCH: "SignatureDoesNotMatch",
    _F.BAD_SCOPE: "SignatureDoesNotMatch",
    _F.SKEWED: "SignatureDoesNotMatch",
    _F.EXPIRED: "SignatureDoesNotMatch",
    _F.UNSIGNED_HEADER: "SignatureDoesNotMatch",
    _F.BODY_MISMATCH: "SignatureDoesNotMatch",
}
_S3_CODES = {
    _F.MISSING: "AccessDenied",
    _F.INCOMPLETE: "AuthorizationHeaderMalformed",
    _F.MALFORMED: "AuthorizationHeaderMalformed",
    _F.UNKNOWN_KEY: "InvalidAccessKeyId",
    _F.BAD_TOKEN: "InvalidToken",
    _F.EXPIRED_TOKEN: "ExpiredToken",
    _F.MISMATCH: "SignatureDoesNotMatch",
    _F.BAD_SCOPE: "AuthorizationHeaderMalformed",
    _F.SKEWED: "RequestTimeTooSkewed",
    _F.EXPIRED: "AccessDenied",
    _F.UNSIGNED_HEADER: "AccessDenied",
    _F.BODY_MISMATCH: "XAmzContentSHA256Mismatch",
}
_CODES: dict[Family, dict[CredentialFault, str]] = {
    "json": _JSON_CODES,
    "rest": _JSON_CODES,
    "query": _QUERY_CODES,
    "s3": _S3_CODES,
}
# json services answer 400 for everything; the others 403 except where the request cannot even be read
_BAD_REQUEST = {
    "query": {_F.INCOMPLETE, _F.MALFORMED},
    "s3": {_F.INCOMPLETE, _F.MALFORMED, _F.BAD_SCOPE, _F.BAD_TOKEN, _F.EXPIRED_TOKEN, _F.BODY_MISMATCH},
    "rest": set[CredentialFault](),
}

_DEFAULT_VALIDATION = "ValidationException"
_VALIDATION_CODES = {
    "sagemaker-runtime": "ValidationError",
    "sagemaker-featurestore-runtime": "ValidationError",
    "s3": "InvalidArgument",
    "sts": "ValidationError",
    "iam": "ValidationError",
    "cloudformation": "ValidationError",
    "cloudwatch": "ValidationError",
    "sns": "InvalidParameter",
    "sqs": "InvalidParameterValue",
    "logs": "InvalidParameterException",
    "ecr": "InvalidParameterException",
    "codebuild": "InvalidInputException",
    "apigateway": "BadRequestException",
    "organizations": "InvalidInputException",
}
# Where a forged token has a code of its own.
_TOKEN_CODES = {
    "cloudtrail": "InvalidNextTokenException",
    "lambda": "InvalidParameterValueException",
    "ssm": "InvalidNextToken",
}

# Where a denial has a code of its own; its status is 403.
_DENIALS = {"sns": "AuthorizationError", "cloudwatch": "AccessDenied"}

# The codes of the query protocol that the models do not have, by the name of the error's shape.
QUERY_CODES = {
    "sqs": {
        "BatchEntryIdsNotDistinct": "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
        "BatchRequestTooLong": "AWS.SimpleQueueService.BatchRequestTooLong",
        "EmptyBatchRequest": "AWS.SimpleQueueService.EmptyBatchRequest",
        "InvalidBatchEntryId": "AWS.SimpleQueueService.InvalidBatchEntryId",
        "MessageNotInflight": "AWS.SimpleQueueService.MessageNotInflight",
        "PurgeQueueInProgress": "AWS.SimpleQueueService.PurgeQueueInProgress",
        "QueueDeletedRecently": "AWS.SimpleQueueService.QueueDeletedRecently",
        "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
        "QueueNameExists": "QueueAlreadyExists",
        "TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        "UnsupportedOperation": "AWS.SimpleQueueService.UnsupportedOperation",
    }
}


def family_of(service: str) -> Family:
    """How the service words errors, by its first protocol."""
    if service == "s3":
        return "s3"
    protocols = FACTS[service].protocols if service in FACTS else ("json",)
    if protocols == ("query",):
        return "query"
    return "rest" if protocols[0] == "rest-json" else "json"


def family_of_request(head: RequestHead, signing_name: str) -> Family:
    """The same for a request that is not identified yet: by its headers and the name it was signed with."""
    headers = head.headers
    if "x-amz-target" in headers or "smithy-protocol" in headers:
        return "json"
    if signing_name == "s3":
        return "s3"
    # cloudwatch and sqs speak query too: without a target header it can be nothing else
    speaks_query = any(facts.speaks_query for facts in FACTS.values() if facts.signing_name == signing_name)
    return "query" if speaks_query else "rest"


def fault(family: Family, kind: CredentialFault, message: str = "") -> ApiError:
    """The error of a family of services for a fault; `message` replaces the usual text."""
    usual = _S3_TEXT.get(kind, _TEXT[kind]) if family == "s3" else _TEXT[kind]
    bad_request = family == "json" or kind in _BAD_REQUEST[family]
    return ApiError(message or usual, code=_CODES[family][kind], status=400 if bad_request else 403)


def credential_error(
    kind: CredentialFault, head: RequestHead, signing_name: str = "s3", message: str = ""
) -> ApiError:
    """The right error for a caller whose credentials are at fault (unknown key, expired token, none at all)."""
    return fault(family_of_request(head, signing_name), kind, message)


def validation_code(service: str) -> str:
    """The code for a parameter that breaks a rule of the model."""
    return _VALIDATION_CODES.get(service, _DEFAULT_VALIDATION)


def serialization_error(protocol: str, message: str) -> ApiError:
    """A body that cannot be read as its protocol says."""
    if protocol == "rest-xml":
        code = "MalformedXML"
        message = "The XML you provided was not well-formed or did not validate against our published schema"
    elif protocol == "query":
        code = "MalformedInput"
    else:
        code = "SerializationException"
    return ApiError(message, code=code, status=400)


class BodyTooLarge(ApiError):
    """A body beyond what the service takes, in the words of the query protocol."""

    def __init__(self) -> None:
        super().__init__("The request body is too large.", code="RequestEntityTooLarge", status=413)


def localize(service: str, error: ApiError) -> ApiError:
    """The error as the service words it; errors that are the service's own come back unchanged."""
    family = family_of(service)
    if isinstance(error, AccessDenied):
        code = "AccessDenied" if family in ("query", "s3") else "AccessDeniedException"
        code = _DENIALS.get(service, code)
        status = 400 if family == "json" and service not in _DENIALS else 403
    elif isinstance(error, BodyTooLarge):
        return _too_large(family)
    elif isinstance(error, InvalidToken):
        code, status = _TOKEN_CODES.get(service, validation_code(service)), error.status
    elif type(error) is ValidationException and error.code == _DEFAULT_VALIDATION:
        code, status = validation_code(service), error.status
    else:
        return error
    return ApiError(error.message, code=code, status=status, **error.members)


def _too_large(family: Family) -> ApiError:
    if family == "s3":
        return ApiError("Your request was too big.", code="MaxMessageLengthExceeded", status=400)
    if family == "query":
        return BodyTooLarge()
    return ApiError("The request body is too large.", code="RequestEntityTooLargeException", status=413)
