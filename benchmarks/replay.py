"""The rate at which a server answers one signed request, without the cost of a client that signs and parses.

boto3 itself needs 2 to 4 ms a call, more than the servers that are compared here.
"""

from __future__ import annotations

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest


def sagemaker_rate(client: Any, operation: str, parameters: dict[str, Any], seconds: float = 2.0) -> float:
    """Answers per second to one operation, one after the other, on one connection (as far as the server keeps it)."""
    url = client.meta.endpoint_url
    headers = {"X-Amz-Target": f"SageMaker.{operation}", "Content-Type": "application/x-amz-json-1.1"}
    body = json.dumps(parameters).encode()
    request = AWSRequest("POST", f"{url}/", headers=headers, data=body)
    credentials = client._request_signer._credentials.get_frozen_credentials()
    SigV4Auth(credentials, "sagemaker", client.meta.region_name).add_auth(request)
    signed = dict(request.headers.items())
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    try:
        _ask(connection, body, signed)
        begun, count = time.perf_counter(), 0
        while time.perf_counter() - begun < seconds:
            _ask(connection, body, signed)
            count += 1
        return count / (time.perf_counter() - begun)
    finally:
        connection.close()


def _ask(connection: http.client.HTTPConnection, body: bytes, headers: dict[str, str]) -> None:
    connection.request("POST", "/", body, headers)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"status {answer.status}: {content[:200]!r}")
