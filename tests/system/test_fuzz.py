"""Served operations under strange parameters and bodies: always a client error with a code, never a 5xx or a hang."""

from __future__ import annotations

import random
from typing import Any
from xml.etree.ElementTree import ParseError

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.httpsession import URLLib3Session

from clary.control.dispatch import OPERATIONS
from tests.server import Server

SEED = 20260301
ROUNDS = 12
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
SERVED = [(service, operation) for service, operations in OPERATIONS.items() for operation in sorted(operations)]


@pytest.mark.parametrize(("service", "operation"), SERVED)
def test_strange_parameters_never_break_the_server(server: Server, service: str, operation: str) -> None:
    rng = random.Random(f"{SEED}/{service}/{operation}")
    client = server.client(
        service, config=Config(retries={"total_max_attempts": 1}, parameter_validation=False, read_timeout=10)
    )
    model = client.meta.service_model.operation_model(operation)
    for _ in range(ROUNDS):
        parameters = strange(model.input_shape, rng) if model.input_shape else {}
        try:
            getattr(client, botocore.xform_name(operation))(**parameters)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            assert status < 500 or status == 501, (parameters, error.response)
            assert error.response["Error"]["Code"]
        except (ParamValidationError, ValueError, TypeError, AttributeError, KeyError):
            continue  # botocore itself could not put it on the wire
        except ParseError:
            continue  # it was no HTTP (control characters in a header), so the refusal cannot know the protocol
        except BotoCoreError as error:
            assert "timed out" not in str(error).lower(), parameters
            assert "closed" not in str(error).lower(), (parameters, error)


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


def strange(shape: Any, rng: random.Random, depth: int = 0) -> Any:
    """Mostly well-formed values of a shape, some of them strange, missing, or of another type."""
    if depth > 4 or rng.random() < 0.08:
        return rng.choice([*STRANGE, 0, -1, 2**63, 1.5, True, [], {}, None])
    kind = shape.type_name
    if kind == "structure":
        chosen = [n for n in shape.members if n in shape.required_members or rng.random() < 0.3]
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
