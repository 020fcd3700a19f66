"""All waiters of boto3 for the services that Clary speaks: each goes on while it must, and ends as it must.

No engine runs here: the statuses are written as an engine would write them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from clary.control.dispatch import OPERATIONS
from clary.store import resources
from tests.control.in_process import control_in
from tests.control.test_lists import HOME, World, endpoint, fill, job, managed, policy, profile, user

POLLS = 3
JOBS = ("training", "processing", "transform")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("waiters")
    (folder / "audit").mkdir()
    with control_in(folder) as control:
        world = World(control)
        fill(world)
        yield world


def enter(world: World, arn: str, *statuses: str) -> None:
    with world.control.database.write() as tx:
        for status in statuses:
            row = resources.find_by_arn(tx, arn)
            assert row is not None
            resources.save(tx, row, status=status, now=row.updated_at)


def remove(world: World, arn: str) -> None:
    with world.control.database.write() as tx:
        row = resources.find_by_arn(tx, arn)
        assert row is not None
        resources.remove(tx, row)


def wait(world: World, service: str, name: str, **request: Any) -> str:
    """How the waiter ends: "" is well."""
    try:
        world.client(service).get_waiter(name).wait(**request, WaiterConfig={"Delay": 0, "MaxAttempts": POLLS})
    except WaiterError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("kind", JOBS)
def test_waiters_of_jobs(world: World, kind: str) -> None:
    ends: dict[str, tuple[tuple[str, ...], str]] = {
        "completed": (("Completed",), ""),
        "stopped": (("Stopping", "Stopped"), ""),
        "failed": (("Failed",), "matched expected path"),
    }
    for name, (statuses, told) in ends.items():
        job(world, kind, name)
        request = {f"{kind.title()}JobName": name}
        waiter = f"{kind}_job_completed_or_stopped"
        assert "Max attempts exceeded" in wait(world, "sagemaker", waiter, **request)
        enter(world, world.arn("sagemaker", f"{kind}-job/{name}"), *statuses)
        ended = wait(world, "sagemaker", waiter, **request)
        assert told in ended
        assert bool(told) == bool(ended)
    assert "Requested resource not found" in wait(world, "sagemaker", waiter, **{f"{kind.title()}JobName": "absent"})


def test_waiters_of_endpoints(world: World) -> None:
    def await_end(waiter: str, name: str) -> str:
        return wait(world, "sagemaker", f"endpoint_{waiter}", EndpointName=name)

    for name, status in (("good", "InService"), ("bad", "Failed")):
        endpoint(world, name)
        arn = world.arn("sagemaker", f"endpoint/{name}")
        assert "Max attempts exceeded" in await_end("in_service", name)
        enter(world, arn, status)
        assert ("Failed" in await_end("in_service", name)) == (name == "bad")
    assert "Max attempts exceeded" in await_end("deleted", "good")
    assert "Failed" in await_end("deleted", "bad")
    world.sagemaker.delete_endpoint(EndpointName="good")
    assert "Max attempts exceeded" in await_end("deleted", "good"), "the engine has not ended its replicas yet"
    remove(world, world.arn("sagemaker", "endpoint/good"))
    assert await_end("deleted", "good") == ""
    assert "ValidationException" in await_end("in_service", "good")


APPEARING: dict[tuple[str, str], tuple[dict[str, Any], Callable[[World], object]]] = {
    ("iam", "instance_profile_exists"): ({"InstanceProfileName": "n"}, lambda w: profile(w, "n")),
    ("iam", "policy_exists"): (
        {"PolicyArn": f"arn:aws:iam::{HOME}:policy/n"},
        lambda w: managed(w, "n"),
    ),
    ("iam", "role_exists"): (
        {"RoleName": "n"},
        lambda w: w.iam.create_role(
            RoleName="n", AssumeRolePolicyDocument=policy("sts:AssumeRole", Principal={"AWS": HOME})
        ),
    ),
    ("iam", "user_exists"): ({"UserName": "n"}, lambda w: user(w, "n")),
    ("s3", "bucket_exists"): ({"Bucket": "new"}, lambda w: w.s3.create_bucket(Bucket="new")),
    ("s3", "object_exists"): (
        {"Bucket": "fixed", "Key": "n"},
        lambda w: w.s3.put_object(Bucket="fixed", Key="n", Body=b""),
    ),
    ("s3", "object_not_exists"): (
        {"Bucket": "fixed", "Key": "n"},
        lambda w: w.s3.delete_object(Bucket="fixed", Key="n"),
    ),
    ("s3", "bucket_not_exists"): ({"Bucket": "new"}, lambda w: w.s3.delete_bucket(Bucket="new")),
}


@pytest.mark.parametrize(("service", "waiter"), APPEARING)
def test_waiters_for_what_appears_and_disappears(world: World, service: str, waiter: str) -> None:
    request, happen = APPEARING[service, waiter]
    assert "Max attempts exceeded" in wait(world, service, waiter, **request)
    happen(world)
    assert wait(world, service, waiter, **request) == ""


@pytest.mark.parametrize(
    "waiter",
    [
        "function_active",
        "function_active_v2",
        "function_exists",
        "function_updated",
        "function_updated_v2",
        "published_version_active",
    ],
)
def test_waiters_of_functions(world: World, waiter: str) -> None:
    """They are ready, or changed, when the call that made or changed them is answered."""
    assert wait(world, "lambda", waiter, FunctionName="fixed") == ""
    told = "Max attempts exceeded" if waiter == "function_exists" else "ResourceNotFoundException"
    assert told in wait(world, "lambda", waiter, FunctionName="absent")


TEXTS = {"CommandId": "0" * 36, "InstanceId": "i-00000000"}


def test_waiters_for_what_is_not_served_end_at_once_and_say_so(world: World) -> None:
    """And there is no waiter that is tested nowhere."""
    tried = {("sagemaker", f"{kind}_job_completed_or_stopped") for kind in JOBS} | set(APPEARING)
    tried |= {("sagemaker", "endpoint_in_service"), ("sagemaker", "endpoint_deleted")}
    for service in OPERATIONS:
        client = world.client(service)
        for name in client.waiter_names:
            waiter = client.get_waiter(name)
            if (service, name) in tried or service == "lambda":
                assert waiter.config.operation in OPERATIONS[service]
                continue
            assert waiter.config.operation not in OPERATIONS[service], (service, name)
            shape = client.meta.service_model.operation_model(waiter.config.operation).input_shape
            request = {member: TEXTS.get(member, "x") for member in shape.required_members}
            told = wait(world, service, name, **request)
            assert "not served" in told, (service, name, told)
    assert len(world.sagemaker.waiter_names) == 13
