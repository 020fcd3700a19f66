"""Lambda functions through boto3: they run in processes of their own, as their role, and fail as Lambda's do."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import urllib.request
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.server import Server, eventually, log_of

ECHO = """
import json, os, sys, time
import boto3

def handler(event, context):
    what = event.get("do")
    print("asked to", what)
    if what == "raise":
        raise ValueError("asked to fail")
    if what == "exit":
        os._exit(3)
    if what == "fill":
        return len(bytes(500 * 1024 * 1024).replace(b"\\0", b"1"))
    if what == "sleep":
        time.sleep(event["seconds"])
    if what == "s3":
        return boto3.client("s3").get_object(Bucket=event["bucket"], Key=event["key"])["Body"].read().decode()
    if what == "identity":
        return boto3.client("sts").get_caller_identity()["Arn"]
    if what == "environment":
        return dict(os.environ)
    return {
        "event": event,
        "id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "version": context.function_version,
        "left": context.get_remaining_time_in_millis(),
        "process": os.getpid(),
        "code": CODE,
    }

CODE = "first"
"""
NODE = """
exports.handler = async (event, context) => {
  console.log("hello from node");
  if (event.fail) throw new TypeError("asked to fail");
  if (event.exit) process.exit(5);
  return { event, version: process.versions.node, name: context.functionName };
};
"""


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in files.items():
            file.writestr(name.replace("__", "."), text)
    return buffer.getvalue()


def role(server: Server, name: str, *statements: dict[str, Any], service: str = "lambda.amazonaws.com") -> str:
    iam = server.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    }
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    if statements:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document)
    return str(arn)


@pytest.fixture(scope="module")
def any_role(server: Server) -> str:
    return role(server, "lambda-tests")


def create(server: Server, name: str, role_arn: str, code: str = ECHO, **changes: Any) -> dict[str, Any]:
    client = server.client("lambda")
    request = {
        "FunctionName": name,
        "Runtime": "python3.11",
        "Handler": "app.handler",
        "Role": role_arn,
        "Timeout": 20,
        "MemorySize": 256,
        "Code": {"ZipFile": zipped(app__py=code)},
        **changes,
    }
    created: dict[str, Any] = client.create_function(**request)
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    return created


def call(server: Server, name: str, event: Any = None, **arguments: Any) -> tuple[Any, dict[str, Any]]:
    """(the decoded payload, the rest of the answer)."""
    answer = server.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event or {}), **arguments)
    return json.loads(answer["Payload"].read() or b"null"), answer


def refused(code: str, function: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        function(**request)
    assert caught.value.response["Error"]["Code"] == code, caught.value
    return str(caught.value.response["Error"]["Message"])


def test_a_function_answers_and_its_log_can_be_read(server: Server, any_role: str) -> None:
    created = create(server, "echo", any_role, Environment={"Variables": {"COLOUR": "blue"}})
    assert created["State"] == "Active"
    assert created["Version"] == "$LATEST"
    location = server.client("lambda").get_function(FunctionName="echo")["Code"]["Location"]
    with urllib.request.urlopen(location) as archive:
        assert base64.b64encode(hashlib.sha256(archive.read()).digest()).decode() == created["CodeSha256"]
    payload, answer = call(server, "echo", {"a": [1, "ü"]}, LogType="Tail")
    assert "FunctionError" not in answer, payload
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert payload["event"] == {"a": [1, "ü"]}
    assert payload["arn"] == created["FunctionArn"]
    assert 0 < payload["left"] <= 20_000
    tail = base64.b64decode(answer["LogResult"]).decode().splitlines()
    assert tail[0] == f"START RequestId: {payload['id']} Version: $LATEST"
    assert tail[1] == "asked to None"
    assert tail[2] == f"END RequestId: {payload['id']}"
    assert tail[3].startswith(f"REPORT RequestId: {payload['id']}\tDuration: ")
    again, _ = call(server, "echo")
    assert again["process"] == payload["process"], "a process serves call after call"
    variables, _ = call(server, "echo", {"do": "environment"})
    assert variables["COLOUR"] == "blue"
    assert variables["AWS_LAMBDA_FUNCTION_NAME"] == "echo"
    assert "CLARY_SERVER_SOCKET" not in variables
    eventually(lambda: f"END RequestId: {again['id']}" in log_of(server, "/aws/lambda/echo", "20"))


def test_errors_are_told_as_lambda_tells_them(server: Server, any_role: str) -> None:
    create(server, "errors", any_role, Runtime="python3.8")  # what the SageMaker SDK asks for by itself
    payload, answer = call(server, "errors", {"do": "raise"})
    assert answer["FunctionError"] == "Unhandled"
    assert (payload["errorType"], payload["errorMessage"]) == ("ValueError", "asked to fail")
    assert "app.py" in payload["stackTrace"][-1]
    payload, answer = call(server, "errors", {"do": "exit"}, LogType="Tail")
    assert answer["FunctionError"] == "Unhandled"
    assert payload["errorType"] == "Runtime.ExitError"
    assert payload["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")
    assert "asked to exit" in base64.b64decode(answer["LogResult"]).decode()
    assert call(server, "errors")[0]["code"] == "first", "the next call works"
    payload, answer = call(server, "errors", {"do": "fill"})
    assert payload["errorType"] == "Runtime.ExitError", "more memory than it may use"
    assert call(server, "errors")[0]["code"] == "first", "the next call works"


def test_code_that_cannot_be_loaded(server: Server, any_role: str) -> None:
    create(server, "broken", any_role, "import a_module_that_is_not_there")
    for _ in range(2):
        payload, answer = call(server, "broken")
        assert answer["FunctionError"] == "Unhandled"
        assert payload["errorType"] == "Runtime.ImportModuleError"
        assert "a_module_that_is_not_there" in payload["errorMessage"]
    server.client("lambda").update_function_configuration(FunctionName="broken", Handler="app.nothing")
    server.client("lambda").update_function_code(FunctionName="broken", ZipFile=zipped(app__py=ECHO))
    assert call(server, "broken")[0]["errorType"] == "Runtime.HandlerNotFound"


def test_time_is_limited(server: Server, any_role: str) -> None:
    create(server, "slow", any_role, Timeout=1)
    payload, answer = call(server, "slow", {"do": "sleep", "seconds": 60})
    assert answer["FunctionError"] == "Unhandled"
    assert "Task timed out after 1.00 seconds" in payload["errorMessage"]
    assert call(server, "slow")[0]["code"] == "first"


def test_boto3_inside_acts_as_the_functions_role(server: Server) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="lambda-data")
    s3.put_object(Bucket="lambda-data", Key="open/a", Body=b"content")
    s3.put_object(Bucket="lambda-data", Key="closed/a", Body=b"secret")
    may = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lambda-data/open/*"}
    create(server, "reader", role(server, "lambda-reader", may))
    assert call(server, "reader", {"do": "s3", "bucket": "lambda-data", "key": "open/a"})[0] == "content"
    payload, answer = call(server, "reader", {"do": "s3", "bucket": "lambda-data", "key": "closed/a"})
    assert answer["FunctionError"] == "Unhandled"
    assert "AccessDenied" in payload["errorMessage"]
    assert ":assumed-role/lambda-reader/" in call(server, "reader", {"do": "identity"})[0]


def test_code_is_replaced_while_it_is_called(server: Server, any_role: str) -> None:
    create(server, "replaced", any_role)
    client = server.client("lambda")
    with ThreadPoolExecutor(4) as pool:
        running = pool.submit(call, server, "replaced", {"do": "sleep", "seconds": 1.5})
        before = client.get_function_configuration(FunctionName="replaced")["CodeSha256"]
        second = zipped(app__py=ECHO.replace('CODE = "first"', 'CODE = "second"'))
        changed = client.update_function_code(FunctionName="replaced", ZipFile=second)
        assert changed["CodeSha256"] != before
        client.get_waiter("function_updated_v2").wait(FunctionName="replaced")
        assert call(server, "replaced")[0]["code"] == "second"
        assert running.result()[1]["StatusCode"] == 200


def test_parallel_calls_and_reserved_concurrency(server: Server, any_role: str) -> None:
    create(server, "parallel", any_role)
    client = server.client("lambda")
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(call, server, "parallel", {"do": "sleep", "seconds": 1.5}) for _ in range(2)]
        assert len({item.result()[0]["process"] for item in calls}) <= 2
        assert all("FunctionError" not in item.result()[1] for item in calls)
    client.put_function_concurrency(FunctionName="parallel", ReservedConcurrentExecutions=0)
    refused("TooManyRequestsException", client.invoke, FunctionName="parallel")
    assert client.get_function(FunctionName="parallel")["Concurrency"] == {"ReservedConcurrentExecutions": 0}
    client.delete_function_concurrency(FunctionName="parallel")
    assert call(server, "parallel")[1]["StatusCode"] == 200


def test_versions_and_aliases(server: Server, any_role: str) -> None:
    client = server.client("lambda")
    put = {"Bucket": "lambda-code", "Key": "one.zip", "Body": zipped(app__py=ECHO)}
    server.client("s3").create_bucket(Bucket="lambda-code")
    server.client("s3").put_object(**put)
    created = create(
        server, "versioned", any_role, Code={"S3Bucket": "lambda-code", "S3Key": "one.zip"}, Publish=True
    )
    assert created["FunctionArn"].endswith(":versioned:1")
    assert client.publish_version(FunctionName="versioned")["Version"] == "1", "nothing has changed"
    client.update_function_code(
        FunctionName="versioned", ZipFile=zipped(app__py=ECHO.replace('"first"', '"second"')), Publish=True
    )
    client.create_alias(FunctionName="versioned", Name="live", FunctionVersion="1")
    payload, answer = call(server, "versioned", Qualifier="live")
    assert (payload["code"], payload["version"], answer["ExecutedVersion"]) == ("first", "1", "1")
    assert payload["arn"].endswith(":versioned:live")
    client.update_alias(FunctionName="versioned", Name="live", FunctionVersion="2")
    assert call(server, f"{created['FunctionArn'].rpartition(':')[0]}:live")[0]["code"] == "second"
    listed = client.list_versions_by_function(FunctionName="versioned", MaxItems=2)
    assert [item["Version"] for item in listed["Versions"]] == ["$LATEST", "1"]
    rest = client.list_versions_by_function(FunctionName="versioned", Marker=listed["NextMarker"])
    assert [item["Version"] for item in rest["Versions"]] == ["2"]
    assert "NextMarker" not in rest
    refused("ResourceConflictException", client.delete_function, FunctionName="versioned", Qualifier="2")
    client.delete_function(FunctionName="versioned", Qualifier="1")
    refused("ResourceNotFoundException", client.invoke, FunctionName="versioned", Qualifier="1")
    assert [item["Name"] for item in client.list_aliases(FunctionName="versioned")["Aliases"]] == ["live"]
    client.delete_alias(FunctionName="versioned", Name="live")
    refused("ResourceNotFoundException", client.get_alias, FunctionName="versioned", Name="live")


def test_who_may_invoke(server: Server, any_role: str) -> None:
    create(server, "guarded", any_role)
    client = server.client("lambda")
    caller = role(server, "lambda-caller", service="sagemaker.amazonaws.com")
    trust = {"Effect": "Allow", "Principal": {"AWS": server.installation.root_arn}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    server.client("iam").update_assume_role_policy(RoleName="lambda-caller", PolicyDocument=document)
    keys = server.client("sts").assume_role(RoleArn=caller, RoleSessionName="session")["Credentials"]
    theirs = server.client(
        "lambda",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    refused("AccessDeniedException", theirs.invoke, FunctionName="guarded")
    client.add_permission(
        FunctionName="guarded", StatementId="them", Action="lambda:InvokeFunction", Principal=caller
    )
    assert theirs.invoke(FunctionName="guarded", InvocationType="DryRun")["StatusCode"] == 204
    policy = json.loads(client.get_policy(FunctionName="guarded")["Policy"])
    assert [item["Sid"] for item in policy["Statement"]] == ["them"]
    client.remove_permission(FunctionName="guarded", StatementId="them")
    refused("ResourceNotFoundException", client.get_policy, FunctionName="guarded")
    refused("AccessDeniedException", theirs.invoke, FunctionName="guarded")


def test_what_is_refused(server: Server, any_role: str) -> None:
    client = server.client("lambda")
    create(server, "taken", any_role)
    good = {
        "FunctionName": "taken",
        "Runtime": "python3.11",
        "Handler": "app.handler",
        "Role": any_role,
        "Code": {"ZipFile": zipped(app__py=ECHO)},
    }
    assert refused("ResourceConflictException", client.create_function, **good) == "Function already exist: taken"
    other = {**good, "FunctionName": "other"}
    bad = [
        {"Code": {"ZipFile": b"no zip"}},
        {"Code": {"ZipFile": zipped(**{"../evil__py": "x"})}},
        {"Runtime": "ruby3.3"},
        {"Role": role(server, "lambda-no-trust", service="sagemaker.amazonaws.com")},
        {"Environment": {"Variables": {"AWS_REGION": "x"}}},
        {"Code": {"S3Bucket": "no-such-bucket-here", "S3Key": "k"}},
    ]
    for change in bad:
        refused("InvalidParameterValueException", client.create_function, **{**other, **change})
    for change in ({"PackageType": "Image"}, {"Layers": ["arn:aws:lambda:us-east-1:123456789012:layer:l:1"]}):
        refused("NotImplemented", client.create_function, **{**other, **change})
    refused("ResourceNotFoundException", client.invoke, FunctionName="other")
    refused("InvalidRequestContentException", client.invoke, FunctionName="taken", Payload=b"{")
    refused("RequestTooLargeException", client.invoke, FunctionName="taken", Payload=b'"' + b"x" * 6291456 + b'"')


def test_lists_tags_and_the_end(server: Server, any_role: str) -> None:
    client = server.client("lambda")
    arn = create(server, "brief", any_role, Tags={"team": "a"})["FunctionArn"]
    client.tag_resource(Resource=arn, Tags={"stage": "test"})
    client.untag_resource(Resource=arn, TagKeys=["team"])
    assert client.list_tags(Resource=arn)["Tags"] == {"stage": "test"}
    names = [
        item["FunctionName"]
        for page in client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 1})
        for item in page["Functions"]
    ]
    assert names == sorted(names)
    assert "brief" in names
    client.put_function_event_invoke_config(FunctionName="brief", MaximumRetryAttempts=1)
    assert client.get_function_event_invoke_config(FunctionName="brief")["MaximumRetryAttempts"] == 1
    client.delete_function_event_invoke_config(FunctionName="brief")
    refused("ResourceNotFoundException", client.get_function_event_invoke_config, FunctionName="brief")
    client.delete_function(FunctionName="brief")
    refused("ResourceNotFoundException", client.get_function, FunctionName="brief")


def test_node(server: Server, any_role: str) -> None:
    code = {"ZipFile": zipped(index__js=NODE)}
    changes = {"Runtime": "nodejs20.x", "Handler": "index.handler", "Code": code}
    missing = [name for name in ("node", "npm") if shutil.which(name, path="/usr/local/bin:/usr/bin:/bin") is None]
    if missing:
        with pytest.raises(ClientError, match=f"needs {' and '.join(missing)} on this machine"):
            create(server, "node", any_role, **changes)
        return
    create(server, "node", any_role, **changes)
    payload, answer = call(server, "node", {"n": 1}, LogType="Tail")
    assert payload["event"] == {"n": 1}, payload
    assert payload["name"] == "node"
    assert "hello from node" in base64.b64decode(answer["LogResult"]).decode()
    payload, answer = call(server, "node", {"fail": True})
    assert (payload["errorType"], payload["errorMessage"]) == ("TypeError", "asked to fail")
    assert answer["FunctionError"] == "Unhandled"
    assert call(server, "node", {"exit": True})[0]["errorType"] == "Runtime.ExitError"
    assert call(server, "node")[0]["name"] == "node"
