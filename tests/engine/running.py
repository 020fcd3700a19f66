"""Rows of jobs and endpoints, and a loop over one controller until a row is as it should be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clary.engine.controller import Controller
from clary.engine.loop import Loop
from clary.engine.surroundings import Surroundings
from clary.store import resources, work
from clary.store.resources import Resource
from tests.engine.conftest import ACCOUNT, REGION
from tests.server import eventually

CLUSTER = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
VARIANT: dict[str, Any] = {
    "VariantName": "all",
    "InitialInstanceCount": 1,
    "InitialVariantWeight": 1.0,
    "InstanceType": "ml.m5.large",
    "Container": {"Image": IMAGE},
    "Isolated": False,
    "RoleArn": None,
}
REQUESTS: dict[str, dict[str, Any]] = {
    "training-job": {"ResourceConfig": CLUSTER, "AlgorithmSpecification": {"TrainingImage": IMAGE}},
    "processing-job": {
        "ProcessingResources": {"ClusterConfig": CLUSTER},
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["true"]},
    },
    "transform-job": {"TransformResources": CLUSTER},
}


def make(around: Surroundings, kind: str, status: str, document: dict[str, Any]) -> Resource:
    now = around.clock.now()
    with around.database.write() as tx:
        row = resources.create(
            tx,
            account=ACCOUNT,
            region=REGION,
            kind=kind,
            name="x",
            arn=f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/x",
            document=document,
            status=status,
            now=now,
        )
        work.enqueue(tx, row, now)
    return row


def job(around: Surroundings, kind: str, **request: Any) -> Resource:
    started = {"Status": "Starting", "StartTime": around.clock.now(), "StatusMessage": ""}
    document = {"request": {**REQUESTS[kind], **request}, "role": f"arn:aws:iam::{ACCOUNT}:role/r"}
    model = {"Container": {"Image": IMAGE}}
    return make(around, kind, "InProgress", {**document, "model": model, "transitions": [started]})


def run(around: Surroundings, controller: Controller, row: Resource, until: Callable[[Resource], bool]) -> Resource:
    loop = Loop(around.database, [controller], around.clock, 2, back_off=0.005)
    loop.start()

    def look() -> Resource | None:
        with around.database.read() as tx:
            found = resources.find_by_id(tx, row.id)
        return found if found is not None and until(found) else None

    try:
        return eventually(look)
    finally:
        loop.stop()
