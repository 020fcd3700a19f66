from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.crt.auth import CrtSigV4AsymAuth
from hypothesis import given, settings
from hypothesis import strategies as st

from clary.base.errors import ApiError
from clary.wire import sigv4
from clary.wire.http import RequestHead
from clary.wire.sigv4 import Verifier, read_signature, scope_service
from tests.wire.mutants import harmless, mutants
from tests.wire.signing import KEY, NOW, SECRET, Signed, accept, refusal, sign

JSON = {"Content-Type": "application/x-amz-json-1.1"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
URL = "http://localhost:4600"
TOKEN = "FQoGZXIvYXdzEXAMPLE/token+with=signs"

BASE = {
    "json": sign("sagemaker", "POST", f"{URL}/", b"{}", {**JSON, "X-Amz-Target": "SageMaker.ListModels"}),
    "json with token": sign(
        "logs", "POST", f"{URL}/", b"{}", {**JSON, "X-Amz-Target": "Logs_20140328.DescribeLogGroups"}, token=TOKEN
    ),
    "cbor": sign(
        "monitoring",
        "POST",
        f"{URL}/service/GraniteServiceVersion20100801/operation/ListMetrics",
        b"\xa0",
        {"smithy-protocol": "rpc-v2-cbor"},
    ),
    "rest-json": sign(
        "sagemaker",
        "POST",
        f"{URL}/endpoints/e/invocations",
        b"1,2",
        {"Content-Type": "text/csv", "X-Amzn-SageMaker-Target-Variant": "v"},
    ),
    "rest-json with query": sign("sagemaker", "GET", f"{URL}/FeatureGroup/a%3Ab?FeatureName=x&FeatureName=a%20b"),
    "query": sign("sts", "POST", f"{URL}/", b"Action=GetCallerIdentity&Version=2011-06-15", FORM),
    "query with token": sign("iam", "POST", f"{URL}/", b"Action=ListRoles&Version=2010-05-08", FORM, token=TOKEN),
    "s3 get": sign("s3", "GET", f"{URL}/bucket/a%20b/c%2Bd?partNumber=1&versionId=x%2Fy"),
    "s3 put": sign("s3", "PUT", f"{URL}/bucket/k", b"hello", {"x-amz-meta-a": "b", "Content-MD5": "x"}),
    "s3 with token": sign("s3", "GET", f"{URL}/bucket?list-type=2&prefix=", token=TOKEN),
    "s3 unsigned body": sign(
        "s3", "PUT", "https://localhost/bucket/k", b"hello", context={"payload_signing_enabled": False}
    ),
    "s3 presigned": sign("s3", "GET", f"{URL}/bucket/k?response-content-type=a", presigned=True),
    "s3 presigned with token": sign("s3", "PUT", f"{URL}/bucket/k", presigned=True, token=TOKEN),
    "sts presigned": sign(
        "sts", "GET", f"{URL}/?Action=GetCallerIdentity&Version=2011-06-15", presigned=True, token=TOKEN
    ),
}
CASES = pytest.mark.parametrize("name", BASE)


def family(name: str) -> str:
    return "query" if name.startswith("sts") else name.split(maxsplit=1)[0]


@CASES
def test_requests_of_botocores_signers_are_accepted(name: str) -> None:
    accept(BASE[name])
    accept(BASE[name], NOW + timedelta(minutes=14))
    accept(BASE[name], NOW - timedelta(minutes=14))


MISMATCH = {
    "json": {"InvalidSignatureException"},
    "cbor": {"InvalidSignatureException"},
    "rest-json": {"InvalidSignatureException"},
    "query": {"SignatureDoesNotMatch"},
    "s3": {"SignatureDoesNotMatch"},
}
UNKNOWN_KEY = {"query": "InvalidClientTokenId", "s3": "InvalidAccessKeyId"}
SCOPE = {"s3": {"AuthorizationHeaderMalformed"}}
EXPIRED = {"s3": {"RequestTimeTooSkewed"}}
UNSIGNED = {"s3": {"AccessDenied"}}
INCOMPLETE = {
    "query": {"IncompleteSignature"},
    "s3": {"AuthorizationHeaderMalformed", "AuthorizationQueryParametersError"},
}
MISSING = {"query": {"MissingAuthenticationToken"}, "s3": {"AccessDenied"}}


def expected(kind: str, name: str) -> set[str]:
    """The codes a mutant of this kind may be refused with; presigned S3 URLs have words of their own."""
    family_name, presigned = family(name), "presigned" in name
    mismatch = MISMATCH[family_name]
    table: dict[str, set[str]] = {
        "mismatch": mismatch,
        "body": mismatch | {"XAmzContentSHA256Mismatch"} if family_name == "s3" else mismatch,
        "scope": SCOPE.get(family_name, mismatch),
        "time": EXPIRED.get(family_name, mismatch),
        "unsigned": UNSIGNED.get(family_name, mismatch),
        "incomplete": INCOMPLETE.get(family_name, {"IncompleteSignatureException"}),
        "missing": MISSING.get(family_name, {"MissingAuthenticationTokenException"}),
        "key": {UNKNOWN_KEY.get(family_name, "UnrecognizedClientException")},
    }
    if presigned and family_name == "s3":
        table["time"] = {"AccessDenied"}
    return table[kind]


@CASES
def test_every_mutant_is_refused_with_the_right_code(name: str) -> None:
    wrong = []
    for label, kind, mutant in mutants(BASE[name]):
        error = refusal(mutant)
        allowed = expected("scope", name) if kind == "service" else set()
        if kind == "service":
            # the caller worded by the operation's service, which is what the scope should have named
            allowed = allowed | {"InvalidSignatureException"}
        else:
            allowed = expected(kind, name)
            if label.startswith(("without header host", "header host")):
                allowed = allowed | expected("unsigned", name)
            if label == "without header smithy-protocol":
                # nothing says cbor any more, so it is worded as the service's query requests are
                allowed = {"SignatureDoesNotMatch"}
        if error is None or error.code not in allowed or not 400 <= error.status <= 403:
            wrong.append((label, kind, error and error.code, sorted(allowed)))
    assert wrong == []


def test_there_are_enough_mutants() -> None:
    found = [mutant for name in BASE for mutant in mutants(BASE[name])]
    assert len({(label, repr(signed)) for label, _, signed in found}) >= 1100


@CASES
def test_the_same_request_in_other_words_is_accepted(name: str) -> None:
    refused = []
    for label, variant in harmless(BASE[name]):
        error = refusal(variant)
        if error is not None:
            refused.append((label, error.code, error.message))
    assert refused == []


@CASES
def test_expired_and_future_requests(name: str) -> None:
    signed = BASE[name]
    presigned = "presigned" in name
    late = NOW + (timedelta(seconds=3601) if presigned else timedelta(minutes=15, seconds=1))
    for now in (late, NOW - timedelta(minutes=15, seconds=1), NOW + timedelta(days=400)):
        error = refusal(signed, now)
        assert error is not None
        assert error.code in expected("time", name)


@CASES
def test_the_edges_of_time(name: str) -> None:
    """Fifteen minutes either way are allowed to the second; a URL ends when it says, and not before."""
    signed, edge = BASE[name], timedelta(minutes=15)
    last = timedelta(seconds=3600) if "presigned" in name else edge
    second = timedelta(seconds=1)
    assert [refusal(signed, NOW + moved) for moved in (-edge, last)] == [None, None]
    for moved in (-edge - second, last + second):
        error = refusal(signed, NOW + moved)
        assert error is not None
        assert error.code in expected("time", name)


def test_what_is_said_of_a_request_that_comes_too_late() -> None:
    error = refusal(BASE["json"], NOW + timedelta(minutes=15, seconds=1))
    assert error is not None
    assert error.message == (
        "Signature expired: 20260304T050607Z is now earlier than 20260304T050608Z (20260304T052108Z - 15 min.)"
    )
    expired = refusal(BASE["s3 presigned"], NOW + timedelta(seconds=3601))
    assert expired is not None
    assert (expired.code, expired.message, expired.status) == ("AccessDenied", "Request has expired", 403)


@pytest.mark.parametrize(
    ("expires", "good_for", "over_after"),
    [(0, 0, 1), (1, 1, 2), (604800, 604800, 604801)],
)
def test_how_long_a_url_may_be_good(expires: int, good_for: int, over_after: int) -> None:
    url = sign("s3", "GET", f"{URL}/bucket/k", presigned=True, expires=expires)
    assert refusal(url, NOW + timedelta(seconds=good_for)) is None
    error = refusal(url, NOW + timedelta(seconds=over_after))
    assert error is not None
    assert error.message == "Request has expired"


def test_a_url_for_longer_than_a_week_is_refused_though_it_is_signed_well() -> None:
    error = refusal(sign("s3", "GET", f"{URL}/bucket/k", presigned=True, expires=604801))
    assert error is not None
    assert (error.code, error.status) == ("AuthorizationQueryParametersError", 400)
    assert "must be less than a week" in error.message


def test_of_two_dates_the_one_of_amazon_counts() -> None:
    """botocore signs the Date header when there is one; nobody may then add another moment."""
    headers = {**JSON, "X-Amz-Target": "SageMaker.ListModels", "Date": "set by botocore"}
    signed = sign("sagemaker", "POST", f"{URL}/", b"{}", headers)
    assert "x-amz-date" not in signed.head.headers
    accept(signed)
    for name, value in (
        ("date", "Wed, 04 Mar 2026 05:06:08 GMT"),
        ("date", "Wed, 04 Mar 2026 06:06:07 +0200"),
        ("date", "yesterday"),
        ("x-amz-date", "20260304T050607Z"),
        ("x-amz-date", "20260304T050608Z"),
    ):
        error = refusal(signed.with_header(name, value))
        assert error is not None
        assert error.code in ("InvalidSignatureException", "IncompleteSignatureException")


@pytest.mark.parametrize(
    ("service", "headers", "code"),
    [
        ("s3", {}, "InvalidRequest"),
        ("events", {"X-Amz-Target": "AWSEvents.PutEvents"}, "IncompleteSignatureException"),
        ("lambda", {}, "IncompleteSignatureException"),
        ("sts", {}, "IncompleteSignature"),
    ],
)
def test_signatures_for_several_regions_are_refused_by_name(service: str, headers: dict[str, str], code: str) -> None:
    request = AWSRequest("POST", f"{URL}/", headers=headers, data=b"{}")
    CrtSigV4AsymAuth(Credentials(KEY, SECRET), service, "*").add_auth(request)
    seen = {name.lower(): value for name, value in request.headers.items()}
    head = RequestHead("POST", "/", "", {"host": "localhost:4600", **seen})
    assert scope_service(head) == service
    with pytest.raises(ApiError, match=r"Signature Version 4A .* is not served") as caught:
        read_signature(head)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("name", "status"), [("json", 400), ("cbor", 400), ("rest-json", 403), ("query", 403), ("s3 get", 403)]
)
def test_the_status_of_a_wrong_signature(name: str, status: int) -> None:
    error = refusal(BASE[name].changed(path="/other"))
    assert error is not None
    assert error.status == status


@CASES
def test_without_signature(name: str) -> None:
    signed = BASE[name]
    anonymous = signed.without_header("authorization")
    query = "&".join(part for part in anonymous.head.query.split("&") if not part.startswith("X-Amz-"))
    error = refusal(anonymous.changed(query=query))
    assert error is not None
    assert error.code in expected("missing", name)


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=AKID/20260304/us-east-1/sagemaker/aws4_request",
        "AWS4-HMAC-SHA256 Credential=AKID, SignedHeaders=host, Signature=" + "0" * 64,
        "AWS4-HMAC-SHA256 Credential=/20260304/us-east-1/sagemaker/aws4_request, SignedHeaders=host, Signature="
        + "0" * 64,
        "AWS4-HMAC-SHA256 Credential=A/B/20260304/us-east-1/x/aws4_request, SignedHeaders=host, Signature="
        + "0" * 64,
        "AWS4-ECDSA-P256-SHA256 Credential=A/20260304/s3/aws4_request, SignedHeaders=host, Signature=00",
        "Bearer abc",
        "Basic dXNlcjpwYXNz",
        "AWS AKID:signature",
        "\udcff",
    ],
)
@pytest.mark.parametrize("target", [None, "SageMaker.ListModels"])
def test_malformed_authorization(authorization: str, target: str | None) -> None:
    headers = {"authorization": authorization, "host": "h", "x-amz-date": "20260304T050607Z"}
    if target:
        headers["x-amz-target"] = target
    with pytest.raises(ApiError) as caught:
        read_signature(RequestHead("POST", "/", "", headers))
    assert 400 <= caught.value.status <= 403
    if target:
        assert caught.value.code == "IncompleteSignatureException"


def test_a_bad_signature_text_is_a_mismatch() -> None:
    header = BASE["json"].head.headers["authorization"]
    error = refusal(BASE["json"].with_header("authorization", header[:-64] + "zz"))
    assert error is not None
    assert error.code == "InvalidSignatureException"


def test_parts_in_another_order_and_with_other_spaces_are_understood() -> None:
    signed = BASE["json"]
    start, _, rest = signed.head.headers["authorization"].partition(" ")
    credential, names, signature = rest.split(", ")
    for text in (f"{start} {signature},{names},{credential}", f"{start} {credential},{names},{signature}"):
        accept(signed.with_header("authorization", text))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (
            lambda query: query.replace("X-Amz-Expires=3600", "X-Amz-Expires=604801"),
            "AuthorizationQueryParametersError",
        ),
        (lambda query: query.replace("X-Amz-Expires=3600", "X-Amz-Expires=-1"), "AuthorizationQueryParametersError"),
        (lambda query: query.replace("X-Amz-Expires=3600", "X-Amz-Expires=x"), "AuthorizationQueryParametersError"),
        (lambda query: query.replace("&X-Amz-Expires=3600", ""), "AuthorizationQueryParametersError"),
        (lambda query: query.replace("X-Amz-Date=2026", "X-Amz-Date=x026"), "AuthorizationQueryParametersError"),
        (lambda query: query.replace("HMAC-SHA256", "ECDSA"), "AuthorizationQueryParametersError"),
        (lambda query: query + "&X-Amz-Expires=7200", "AuthorizationQueryParametersError"),
        (lambda query: query.replace("X-Amz-Signature=", "X-Amz-Other="), "AuthorizationQueryParametersError"),
    ],
)
def test_malformed_presigned_urls(change: object, code: str) -> None:
    signed = BASE["s3 presigned"]
    error = refusal(signed.changed(query=change(signed.head.query)))  # type: ignore[operator]  # parametrized
    assert error is not None
    assert (error.code, error.status) == (code, 400)


def test_header_and_query_together_are_refused() -> None:
    mixed = BASE["s3 presigned"].with_header("authorization", BASE["s3 get"].head.headers["authorization"])
    error = refusal(mixed)
    assert error is not None
    assert (error.code, error.status) == ("InvalidArgument", 400)


def test_s3_must_declare_its_body() -> None:
    error = refusal(BASE["s3 put"].without_header("x-amz-content-sha256"))
    assert error is not None
    assert (error.code, error.status) == ("InvalidRequest", 400)


def test_only_s3_may_leave_its_body_unsigned() -> None:
    signed = sign(
        "sagemaker", "POST", f"{URL}/endpoints/e/invocations", b"1", {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}
    )
    error = refusal(signed)
    assert error is not None
    assert error.code == "InvalidSignatureException"


def test_an_s3_body_may_be_checked_later() -> None:
    signed = BASE["s3 put"]
    signature = read_signature(signed.head)
    assert signature is not None
    Verifier().verify(signed.head, signature, SECRET, "", NOW)
    assert signature.declares_body_hash
    assert signature.payload_hash == hashlib.sha256(b"hello").hexdigest()


def test_a_date_header_will_do() -> None:
    """Clients that cannot set X-Amz-Date sign the Date header in its ISO form."""
    when = "Wed, 04 Mar 2026 05:06:07 GMT"
    headers = {"host": "localhost", "date": when}
    scope = "20260304/us-east-1/sagemaker/aws4_request"
    payload = hashlib.sha256(b"").hexdigest()
    canonical = f"GET\n/\n\ndate:{when}\nhost:localhost\n\ndate;host\n{payload}"
    to_sign = f"AWS4-HMAC-SHA256\n20260304T050607Z\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/{scope}, SignedHeaders=date;host, Signature="
    headers["authorization"] = text + hmac.digest(key, to_sign.encode(), "sha256").hex()
    accept(Signed(RequestHead("GET", "/", "", headers), b"", "sagemaker"))


SEGMENT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=8)


@settings(max_examples=150, deadline=None)
@given(key=st.lists(SEGMENT, min_size=1, max_size=3), values=st.lists(st.tuples(SEGMENT, SEGMENT), max_size=3))
def test_any_s3_key_and_query_that_botocore_signs_is_accepted(key: list[str], values: list[tuple[str, str]]) -> None:
    path = quote("/".join(key), safe="/-_.~")
    query = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in values)
    accept(sign("s3", "GET", f"{URL}/bucket/{path}?{query}"))


@settings(max_examples=100, deadline=None)
@given(label=SEGMENT, value=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20))
def test_any_label_and_header_that_botocore_signs_is_accepted(label: str, value: str) -> None:
    url = f"{URL}/endpoints/{quote(label, safe='-_.~')}/invocations"
    signed = sign("sagemaker", "POST", url, b"x", {"X-Amzn-SageMaker-Custom-Attributes": value})
    accept(signed)


def test_dot_segments_and_double_slashes() -> None:
    """S3 keeps them, every other service removes them before signing."""
    for path in ("/a/./b", "/a/../b", "//a//b/", "/..", "/a/b/.."):
        accept(sign("sagemaker", "GET", URL + path))
        accept(sign("s3", "GET", URL + path))


# The worked examples of the S3 documentation on Signature Version 4.
DOCUMENTED_DAY = datetime(2013, 5, 24, tzinfo=UTC)
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(
    ("path", "query", "extra", "signature"),
    [
        (
            "/test.txt",
            "",
            {"range": "bytes=0-9"},
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        ("/", "lifecycle", {}, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ("/", "max-keys=2&prefix=J", {}, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ],
)
def test_the_documented_examples(path: str, query: str, extra: dict[str, str], signature: str) -> None:
    names = ";".join(sorted(["host", "x-amz-content-sha256", "x-amz-date", *extra]))
    headers = {
        "host": "examplebucket.s3.amazonaws.com",
        "x-amz-content-sha256": EMPTY,
        "x-amz-date": "20130524T000000Z",
        "authorization": (
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
            f"SignedHeaders={names},Signature={signature}"
        ),
        **extra,
    }
    accept(Signed(RequestHead("GET", path, query, headers), b"", "s3"), DOCUMENTED_DAY)


def test_the_documented_presigned_url() -> None:
    query = (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )
    head = RequestHead("GET", "/test.txt", query, {"host": "examplebucket.s3.amazonaws.com"})
    accept(Signed(head, b"", "s3"), DOCUMENTED_DAY)


def test_the_cache_of_signing_keys_is_bounded_and_does_not_mix_callers() -> None:
    verifier = Verifier(cached_keys=3)
    signature = read_signature(BASE["json"].head)
    assert signature is not None
    keys = {verifier.signing_key(signature, f"secret-{number}") for number in range(10)}
    assert len(keys) == 10
    assert len(verifier._keys) == 3
    with pytest.raises(ApiError):
        verifier.verify(BASE["json"].head, signature, "another", hashlib.sha256(b"{}").hexdigest(), NOW)


def test_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    original = hmac.compare_digest

    def compare(first: str, second: str) -> bool:
        compared.append((first, second))
        return original(first, second)

    monkeypatch.setattr(sigv4.hmac, "compare_digest", compare)
    accept(BASE["json"])
    assert len(compared) == 1
    assert compared[0][0] == compared[0][1]


def test_the_scope_tells_the_service_before_anything_is_verified() -> None:
    assert scope_service(BASE["query"].head) == "sts"
    assert scope_service(BASE["s3 presigned"].head) == "s3"
    assert scope_service(RequestHead("GET", "/", "X-Amz-Credential=x", {})) == ""
    assert scope_service(RequestHead("GET", "/", "", {"authorization": "Bearer x"})) == ""


@settings(max_examples=200, deadline=None)
@given(
    authorization=st.none() | st.text(max_size=60).map(lambda text: "AWS4-HMAC-SHA256 " + text),
    query=st.text(max_size=40)
    | st.text(max_size=20).map(lambda text: "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + text),
    names=st.text(max_size=10),
    date=st.text(max_size=18),
    path=st.text(max_size=12).map(lambda text: "/" + text),
)
def test_invented_signatures_are_refused_with_4xx(
    authorization: str | None, query: str, names: str, date: str, path: str
) -> None:
    headers = {"host": "h", "x-amz-date": date}
    headers["authorization"] = authorization or (
        f"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260304/us-east-1/sagemaker/aws4_request,"
        f" SignedHeaders=host;{names}, Signature={'0' * 64}"
    )
    error = refusal(Signed(RequestHead("GET", path, query, headers), b"", "sagemaker"))
    assert error is not None
    assert 400 <= error.status <= 403
