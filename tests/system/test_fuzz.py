"""Served operations under strange parameters and bodies: always a client error with a code, never a 5xx or a hang."""

from __future__ import annotations

import random
from typing import Any
from xml.etree.ElementTree import ParseError

import botocore.session
import pytest
from botocore import exceptions
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    ParamValidationError,
)
from botocore.httpsession import URLLib3Session

from clary.control.dispatch import OPERATIONS
from tests.server import Server, eventually
from tests.system.test_identity import smallest_request

SEED = 20260301
ROUNDS = 12  # the even ones differ from a correct request in one or two members
STRANGE: list[Any] = [
    "",
    "x" * 5000,
    "../../etc/passwd",
    "\u0000\u0007",
    "☃" * 50,
    "arn:aws:sagemaker:us-east-1:1:model/x",
    "-1",
    "${jndi:x}",
    "s3://",
    "s3://b",
    "null",
    "a/b//c",
]
UNSERIALISABLE = (ParamValidationError, ValueError, TypeError, AttributeError, KeyError, RuntimeError)
SERVED = [(service, operation) for service, operations in OPERATIONS.items() for operation in sorted(operations)]


@pytest.mark.parametrize(("service", "operation"), SERVED)
def test_strange_parameters_never_break_the_server(server: Server, service: str, operation: str) -> None:
    """Every answer's status is looked at before botocore parses it. What botocore cannot serialise is not sent."""
    rng = random.Random(f"{SEED}/{service}/{operation}")
    config = Config(retries={"total_max_attempts": 1}, parameter_validation=False, read_timeout=25)
    client = server.client(service, config=config)
    answers: list[tuple[int, bytes]] = []
    client.meta.events.register("before-parse", lambda response_dict, **_: answers.append(_seen(response_dict)))
    shape = client.meta.service_model.operation_model(operation).input_shape
    sent = 0
    for number in range(ROUNDS):
        parameters: Any = strange(shape, rng) if shape else {}
        if shape and number % 2 == 0:
            parameters = nearly_correct(client, operation, server.installation.account, rng)
        answers.clear()
        try:
            getattr(client, botocore.xform_name(operation))(**parameters)
        except ClientError as error:
            assert error.response["Error"]["Code"], parameters
        except (exceptions.ConnectionError, HTTPClientError) as error:
            raise AssertionError(f"{parameters}: {error!r}") from error  # closed, refused or timed out
        except (*UNSERIALISABLE, ParseError, BotoCoreError):
            # Before sending: botocore could not put it on the wire. Afterwards: only a refusal of what was no HTTP
            # (control characters in a header) may be unreadable, since it cannot know the protocol.
            assert all(status in {400, 501} for status, _ in answers), (parameters, answers)
        for status, body in answers:
            assert status < 500 or status == 501, (parameters, status, body[:500])
        sent += bool(answers)
    assert sent or not shape or shape.type_name != "structure" or service == "s3", "nothing reached the server"


def _seen(response: dict[str, Any]) -> tuple[int, bytes]:
    body = response["body"]
    return response["status_code"], body if isinstance(body, bytes) else b""


def test_no_strange_job_is_left_in_progress(server: Server) -> None:
    """Jobs that the calls above have made must all come to an end."""
    sagemaker = server.client("sagemaker")

    def unfinished() -> list[str]:
        found = sagemaker.list_training_jobs(StatusEquals="InProgress", MaxResults=100)["TrainingJobSummaries"]
        more = sagemaker.list_processing_jobs(StatusEquals="InProgress", MaxResults=100)["ProcessingJobSummaries"]
        return [job["TrainingJobName"] for job in found] + [job["ProcessingJobName"] for job in more]

    eventually(lambda: not unfinished(), 60)


@pytest.mark.parametrize(
    ("target", "content_type"),
    [
        ("SageMaker.ListModels", "application/x-amz-json-1.1"),
        ("SageMaker.CreateTrainingJob", "application/x-amz-json-1.1"),
        ("Logs_20140328.PutLogEvents", "application/x-amz-json-1.1"),
    ],
)
def test_raw_bytes_never_break_the_server(server: Server, target: str, content_type: str) -> None:
    rng = random.Random(f"{SEED}/{target}")
    bodies = [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"{}" * 3,
        b"[" * 100_000,
        b'{"a":' * 20_000,
        b"\xff\xfe\x00",
        b"1e999",
    ]
    bodies += [bytes(rng.randrange(256) for _ in range(rng.randrange(200))) for _ in range(40)]
    session = URLLib3Session(timeout=10)
    installation = server.installation
    signer = "sagemaker" if target.startswith("SageMaker") else "logs"
    for body in bodies:
        headers = {"X-Amz-Target": target, "Content-Type": content_type}
        request = AWSRequest("POST", f"{server.url}/", headers=headers, data=body)
        credentials = Credentials(installation.access_key_id, installation.secret_access_key)
        SigV4Auth(credentials, signer, installation.region).add_auth(request)
        answer = session.send(request.prepare())
        assert answer.status_code < 500, (body[:80], answer.content)


def nearly_correct(client: Any, operation: str, account: str, rng: random.Random) -> dict[str, Any]:
    """The smallest correct request with one or two members, wanted or not, made strange: this goes past the models'
    own rules and into the handlers."""
    members = client.meta.service_model.operation_model(operation).input_shape.members
    request = smallest_request(client, operation, account)
    names = [name for name in members if name != "ContentLength"]
    for name in rng.sample(names, min(len(names), rng.choice([1, 1, 2]))):
        request[name] = strange(members[name], rng, depth=1)
    return request


def strange(shape: Any, rng: random.Random, depth: int = 0) -> Any:
    """Mostly well-formed values of a shape, some of them strange, missing, or of another type."""
    if depth > 4 or rng.random() < 0.08:
        return rng.choice([*STRANGE, 0, -1, 2**63, 1.5, True, [], {}, None])
    kind = shape.type_name
    if kind == "structure":
        # A length that the body does not have makes any server wait for the rest; tests/door has that case.
        members = [name for name in shape.members if name != "ContentLength"]
        chosen = [n for n in members if n in shape.required_members or rng.random() < 0.3]
        return {name: strange(shape.members[name], rng, depth + 1) for name in chosen if rng.random() > 0.05}
    if kind == "list":
        return [strange(shape.member, rng, depth + 1) for _ in range(rng.randrange(3))]
    if kind == "map":
        return {f"k{i}": strange(shape.value, rng, depth + 1) for i in range(rng.randrange(3))}
    if kind in {"integer", "long"}:
        return rng.choice([0, 1, -1, 100, 101, 2**31, 2**63])
    if kind in {"float", "double"}:
        return rng.choice([0.0, -1.5, 1e308, float("inf")])
    if kind == "boolean":
        return rng.random() < 0.5
    if kind == "blob":
        return rng.choice([b"", b"x", b"\x00\xff" * 10])
    if kind == "timestamp":
        return rng.choice([0, 1767225600])
    if shape.enum and rng.random() < 0.7:
        return rng.choice(shape.enum)
    return rng.choice([*STRANGE, "good-name", "tests"])
