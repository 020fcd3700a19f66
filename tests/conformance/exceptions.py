"""The cases that Clary does not pass, each by name and with its reason.

A case that is named here and passes is an error too: the name has to go.
"""

from __future__ import annotations

UTC_ONLY = "Clary writes every moment in UTC, with a Z"
TOLERANCE = "shows what clients must tolerate in a response; Clary does not write it"
QUERY_MAP = "a map of query parameters does not repeat what other members are named after, as with botocore"
BY_MEMBER = "element names come from the member, as botocore and S3 have them; the case takes the shape's own"
FLAT_NAME = "botocore reads the items of a flattened list by the list's name for them, the case by the member's"
JSON_VALUE = "the case gives a header's JSON as text, botocore and Clary as the value it means"
BOTOCORE_HEADERS = "botocore cannot read a header list whose items have commas; Clary writes what the case shows"
NO_BODY = "botocore takes an empty body for an empty payload, or for one it cannot read"
BASE_PATH = "the address of the service has a path; Clary's has none"
CLIENT_DEFAULT = "the client's default content type is what the server sees"
LOWER_CASE = "Clary writes names of headers in lower case"
REQUEST_HEADER = "the case shows a header of requests in its response"
ONE_NAMESPACE = "the one service with this protocol is S3: its namespace is on every root element"
UNSIGNED_TOKEN = "the session token is not among the signed headers; Clary wants every x-amz- header signed"

EXCEPTIONS: dict[tuple[str, str], dict[str, str]] = {
    ("json", "output"): {
        "AwsJson11DateTimeWithNegativeOffset": UTC_ONLY,
        "AwsJson11DateTimeWithPositiveOffset": UTC_ONLY,
        "handles_unexpected_json_output": TOLERANCE,
        "AwsJson11IntEnums": REQUEST_HEADER,
        "AwsJson11DeserializeIgnoreType": TOLERANCE,
        "AwsJson11StructuresDontDeserializeNullValues": TOLERANCE,
    },
    ("json_1_0", "output"): {
        "AwsJson10DeserializeIgnoreType": TOLERANCE,
        "AwsJson10DeserializeAllowNulls": TOLERANCE,
        "AwsJson10HandlesUnexpectedJsonOutput": TOLERANCE,
    },
    ("query", "output"): {
        "AwsQueryDateTimeWithNegativeOffset": UTC_ONLY,
        "AwsQueryDateTimeWithPositiveOffset": UTC_ONLY,
        "QueryXmlLists": FLAT_NAME,
    },
    ("rest-json", "input"): {
        "RestJsonAllQueryStringTypes": QUERY_MAP,
        "RestJsonQueryStringEscaping": QUERY_MAP,
        "RestJsonSupportsNaNFloatQueryValues": QUERY_MAP,
        "RestJsonSupportsInfinityFloatQueryValues": QUERY_MAP,
        "RestJsonSupportsNegativeInfinityFloatQueryValues": QUERY_MAP,
        "RestJsonZeroAndFalseQueryValues": QUERY_MAP,
        "RestJsonQueryPrecedence": QUERY_MAP,
        "RestJsonHostWithPath": BASE_PATH,
        "MediaTypeHeaderInputBase64": JSON_VALUE,
    },
    ("rest-json", "output"): {
        "RestJsonDateTimeWithNegativeOffset": UTC_ONLY,
        "RestJsonDateTimeWithPositiveOffset": UTC_ONLY,
        "RestJsonHttpPayloadTraitsWithNoBlobBody": NO_BODY,
        "RestJsonHttpPayloadWithUnsetUnion": NO_BODY,
        "RestJsonInputAndOutputWithQuotedStringHeaders": BOTOCORE_HEADERS,
        "RestJsonInputAndOutputWithTimestampHeaders": BOTOCORE_HEADERS,
        "RestJsonDeserializesDenseSetMapAndSkipsNull": TOLERANCE,
        "RestJsonDeserializeIgnoreType": TOLERANCE,
        "RestJsonDoesntDeserializeNullStructureValues": TOLERANCE,
        "MediaTypeHeaderOutputBase64": JSON_VALUE,
    },
    ("rest-xml", "input"): {
        "BodyWithXmlName": BY_MEMBER,
        "RestXmlHttpPayloadWithUnion": BY_MEMBER,
        "HttpPayloadWithXmlName": BY_MEMBER,
        "HttpPayloadWithXmlNamespace": BY_MEMBER,
        "HttpPayloadWithXmlNamespaceAndPrefix": BY_MEMBER,
        "XmlAttributesOnPayload": BY_MEMBER,
        "RestXmlQueryPrecedence": QUERY_MAP,
    },
    ("rest-xml", "output"): {
        "BodyWithXmlName": BY_MEMBER,
        "RestXmlDateTimeWithNegativeOffset": UTC_ONLY,
        "RestXmlDateTimeWithPositiveOffset": UTC_ONLY,
        "HttpPayloadTraitsWithNoBlobBody": NO_BODY,
        "RestXmlHttpPayloadWithUnsetUnion": NO_BODY,
        "HttpPayloadWithXmlNamespaceAndPrefix": ONE_NAMESPACE,
        "InputAndOutputWithTimestampHeaders": BOTOCORE_HEADERS,
        "XmlLists": FLAT_NAME,
    },
    ("smithy-rpc-v2-cbor", "output"): {
        "RpcV2CborDeserializesDenseSetMapAndSkipsNull": TOLERANCE,
        "RpcV2CborClientDoesntDeserializeNullStructureValues": TOLERANCE,
        "RpcV2CborExtraFieldsInTheBodyShouldBeSkippedByClients": TOLERANCE,
        "RpcV2CborPayloadWithUnsetUnion": TOLERANCE,
    },
    ("legacy rest-json", "input"): {"Content-Type and JSON body (7)": CLIENT_DEFAULT},
    ("legacy json", "output"): {"Timestamp members (0)": UTC_ONLY, "Ignores extra data (0)": TOLERANCE},
    ("legacy query", "output"): {"Timestamp members (0)": UTC_ONLY},
    ("legacy rest-json", "output"): {
        "Timestamp members (0)": UTC_ONLY,
        "Ignores extra data (0)": TOLERANCE,
        "Ignores undefined output (0)": TOLERANCE,
        "Supports header maps (0)": LOWER_CASE,
        "Tagged Unions (2)": TOLERANCE,
        "List in header (0)": TOLERANCE,
    },
    ("legacy rest-xml", "output"): {
        "Timestamp members (0)": UTC_ONLY,
        "Unions (2)": TOLERANCE,
        "List in header (0)": TOLERANCE,
    },
    ("sigv4", "suite"): {"post-sts-token/post-sts-header-after": UNSIGNED_TOKEN},
}
NOT_SPOKEN = frozenset({"ec2"})
"""Protocols that none of the known services speaks."""
