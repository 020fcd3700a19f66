"""A second account calls every served operation with the first one's names and ARNs: it learns and changes nothing.

What is there must not even be told apart from what is not: a request about something absent has the same answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import botocore
import pytest
from botocore.exceptions import ClientError
from sqlalchemy import select

from clary.control.dispatch import OPERATIONS
from clary.store.tables import METADATA
from tests.control.in_process import HOME, OTHER, control_in
from tests.control.test_lists import CLUSTER, LISTS, World, definition, fill
from tests.control.test_lists import IMAGE as IMAGE_URI
from tests.system.test_identity import LINKS, smallest_request

SECRET = "canary-of-the-first-account"
THERE, ABSENT = "fixed", "blank"
CALLED = [
    (service, name)
    for service, names in OPERATIONS.items()
    for name in sorted(names)
    if (service, name) not in LINKS  # whoever has the link may follow it
]
NAMES = ("xxx", "some")
"""What the smallest requests call things."""
KEPT = {"Key", "Value", "k", "Id", "Label", "message", "MessageBody", "Message", "TagKeys", "tagKeys"}
GLOBAL = {("s3", operation) for operation in OPERATIONS["s3"]}
"""The names of buckets are known to everybody, as in S3: a foreign bucket is refused, an absent one is absent."""


IMAGE = {"TrainingImage": IMAGE_URI, "TrainingInputMode": "File"}
SIZES = {"InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
SPAN = {"StartTime": 1_767_225_600, "EndTime": 1_767_229_200}
QUERY = {"Namespace": "n", "MetricName": "fixed"}
COMPLETED: dict[str, dict[str, Any]] = {
    "CreateEndpointConfig": {"ProductionVariants": [{"VariantName": "one", "ModelName": "fixed", **SIZES}]},
    "CreateModel": {"PrimaryContainer": {"ModelPackageName": "package"}, "ExecutionRoleArn": "role"},
    "CreateModelPackage": {"ModelPackageGroupName": "group", "SourceUri": "s3://fixed/m"},
    "CreatePipeline": {"PipelineName": "own", "PipelineDefinition": definition()},
    "CreateProcessingJob": {"ProcessingResources": {"ClusterConfig": CLUSTER}},
    "CreateSchedule": {"ScheduleExpression": "rate(1 day)"},
    "CreateTrainingJob": {"AlgorithmSpecification": IMAGE, "ResourceConfig": CLUSTER},
    "GetMetricData": {
        **SPAN,
        "MetricDataQueries": [{"Id": "m", "MetricStat": {"Metric": QUERY, "Period": 60, "Stat": "Sum"}}],
    },
    "GetMetricStatistics": {**SPAN, **QUERY, "Period": 60, "Statistics": ["Sum"]},
    "GetParametersByPath": {"Path": "/"},
    "ListAccessKeys": {"UserName": "fixed"},
    "ListPipelineExecutionSteps": {"PipelineExecutionArn": "execution"},
    "PutRule": {"EventPattern": '{"source": ["fixed"]}'},
    "QueryLineage": {"StartArns": ["context"]},
    "Search": {"Resource": "Experiment"},
    "Subscribe": {"Protocol": "sqs", "Endpoint": "queue", "ReturnSubscriptionArn": True},
    "UpdateSchedule": {"ScheduleExpression": "rate(1 day)"},
}
"""What makes a request go further than its smallest form; some words stand for ARNs."""
NAME_ONLY = {
    "CreateModelPackageGroup",
    "CreatePipeline",
    "DeleteModelPackageGroupPolicy",
    "DeletePipeline",
    "GetModelPackageGroupPolicy",
    "PutModelPackageGroupPolicy",
    "UpdatePipeline",
}


class First:
    """What the first account has, by the member of a request that could mean it."""

    def __init__(self, world: World) -> None:
        fill(world)
        for made in LISTS.values():
            try:
                made.make(world, f"{THERE}-0" if "part" in made.make.__name__ else THERE)
            except ClientError:
                continue  # it is there already
        sagemaker = world.sagemaker
        sagemaker.add_tags(
            ResourceArn=world.arn("sagemaker", "model/fixed"), Tags=[{"Key": "secret", "Value": SECRET}]
        )
        sagemaker.update_experiment(ExperimentName="fixed", Description=SECRET)
        world.ssm.put_parameter(Name="fixed", Value=SECRET, Type="SecureString", Overwrite=True)
        world.s3.put_object(Bucket="fixed", Key="fixed", Body=SECRET.encode())
        world.sqs.send_message(QueueUrl=self.url(world), MessageBody=SECRET)
        world.iam.update_role_description(RoleName="fixed", Description=SECRET)
        world.client("lambda").update_function_configuration(
            FunctionName="fixed", Environment={"Variables": {"SECRET": SECRET}}
        )
        world.logs.put_log_events(
            logGroupName="fixed",
            logStreamName="fixed",
            logEvents=[{"timestamp": 1_767_225_600_000 + 86_400_000 * 200, "message": SECRET}],
        )
        execution = sagemaker.list_pipeline_executions(PipelineName="fixed")["PipelineExecutionSummaries"][0]
        artifact = sagemaker.list_artifacts()["ArtifactSummaries"][0]["ArtifactArn"]
        subscription = world.sns.list_subscriptions()["Subscriptions"][0]["SubscriptionArn"]
        key = world.iam.create_access_key(UserName="fixed")["AccessKey"]["AccessKeyId"]
        package = world.arn("sagemaker", "model-package/fixed/1")
        self.arns: dict[tuple[str, str], str] = {
            ("events", "ConnectionArn"): world.events.describe_connection(Name="fixed")["ConnectionArn"],
            ("events", "ResourceARN"): world.arn("events", "rule/fixed"),
            ("events", "TargetArn"): world.arn("sqs", "fixed"),
            ("events", "Arn"): world.arn("sqs", "fixed"),
            ("iam", "AccessKeyId"): key,
            ("iam", "PolicyArn"): f"arn:aws:iam::{HOME}:policy/fixed",
            ("iam", "PermissionsBoundary"): f"arn:aws:iam::{HOME}:policy/fixed",
            ("iam", "PolicySourceArn"): f"arn:aws:iam::{HOME}:role/fixed",
            ("lambda", "FunctionName"): world.arn("lambda", "function:fixed"),
            ("lambda", "Resource"): world.arn("lambda", "function:fixed"),
            ("logs", "resourceArn"): world.arn("logs", "log-group:fixed"),
            ("s3", "CopySource"): "fixed/fixed",
            ("sagemaker", "ArtifactArn"): artifact,
            ("sagemaker", "DestinationArn"): world.arn("sagemaker", "context/fixed"),
            ("sagemaker", "SourceArn"): artifact,
            ("sagemaker", "ModelPackageArn"): package,
            ("sagemaker", "ModelPackageArnList"): package,
            ("sagemaker", "ModelPackageGroupName"): world.arn("sagemaker", "model-package-group/fixed"),
            ("sagemaker", "ModelPackageName"): package,
            ("sagemaker", "PipelineArn"): world.arn("sagemaker", "pipeline/fixed"),
            ("sagemaker", "PipelineExecutionArn"): execution["PipelineExecutionArn"],
            ("sagemaker", "PipelineName"): world.arn("sagemaker", "pipeline/fixed"),
            ("sagemaker", "ResourceArn"): world.arn("sagemaker", "model/fixed"),
            ("sagemaker-metrics", "ResourceArn"): world.arn("sagemaker", "experiment-trial-component/fixed"),
            ("scheduler", "Arn"): world.arn("sqs", "fixed"),
            ("scheduler", "ResourceArn"): world.arn("scheduler", "schedule-group/fixed"),
            ("sns", "ResourceArn"): world.arn("sns", "fixed"),
            ("sns", "SubscriptionArn"): subscription,
            ("sns", "TopicArn"): world.arn("sns", "fixed"),
            ("sqs", "QueueUrl"): self.url(world),
        }

        self.words = {
            "package": package,
            "role": world.role,
            "group": self.arns["sagemaker", "ModelPackageGroupName"],
            "execution": execution["PipelineExecutionArn"],
            "context": world.arn("sagemaker", "context/fixed"),
            "queue": world.arn("sqs", "fixed"),
        }

    def request(self, client: Any, service: str, operation: str) -> dict[str, Any]:
        smallest = {**smallest_request(client, operation, HOME), **COMPLETED.get(operation, {})}
        request: dict[str, Any] = self.named(service, "", smallest)
        if operation in NAME_ONLY:
            request |= {name: THERE for name in request if name in {"PipelineName", "ModelPackageGroupName"}}
        return request

    @staticmethod
    def url(world: World) -> str:
        found: str = world.sqs.get_queue_url(QueueName="fixed")["QueueUrl"]
        return found

    def named(self, service: str, member: str, value: Any) -> Any:
        """The request's value with something of the first account where it names anything."""
        if isinstance(value, dict):
            return {name: self.named(service, name, item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.named(service, member, item) for item in value]
        if value in self.words:
            return self.words[value]
        if (service, member) in self.arns and value not in {THERE, "own"}:
            return self.arns[service, member]
        if member.lower().endswith("rolearn") or member == "Role":
            return f"arn:aws:iam::{HOME}:role/fixed"
        if str(value).startswith("s3://"):
            return "s3://fixed/key"
        return THERE if value in NAMES and member not in KEPT else value

    def absent(self, value: Any) -> Any:
        """The same with names of nothing."""
        if isinstance(value, dict):
            return {name: self.absent(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.absent(item) for item in value]
        return self.forget(value) if isinstance(value, str) else value

    def forget(self, text: str) -> str:
        for arn in self.arns.values():
            if THERE not in arn:
                text = text.replace(arn, arn[:-4] + ("1111" if arn[-4:] != "1111" else "2222"))
        return text.replace(THERE, ABSENT)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("accounts")
    (folder / "audit").mkdir()
    with control_in(folder) as control:
        yield World(control)


def rows(world: World) -> dict[str, set[str]]:
    """Everything kept of the first account, and all rows that say of no account that they are its own."""
    found = {}
    with world.control.database.read() as tx:
        for table in METADATA.sorted_tables:
            query = select(table)
            if "account" in table.c:
                query = query.where(table.c.account == HOME)
            found[table.name] = {repr(tuple(row)) for row in tx.execute(query)}
    return found


def answer(world: World, service: str, operation: str, request: dict[str, Any]) -> tuple[int, str, str]:
    """Status, code and message, or the whole answer where it is one."""
    try:
        done = getattr(world.client(service, OTHER), botocore.xform_name(operation))(**request)
    except ClientError as error:
        told = error.response["Error"]
        return error.response["ResponseMetadata"]["HTTPStatusCode"], told["Code"], told.get("Message", "")
    done.pop("ResponseMetadata")
    body = done.pop("Body", None)
    return 200, "", json.dumps(done, default=str) + (str(body.read()) if body is not None else "")


def test_a_second_account_learns_and_changes_nothing(world: World) -> None:
    first = First(world)
    before, wrong, answered = rows(world), [], 0
    for service, operation in CALLED:
        client = world.client(service, OTHER)
        request = first.request(client, service, operation)
        of_absent = answer(world, service, operation, first.absent(request))
        told = answer(world, service, operation, request)
        answered += told[0] == 200
        if SECRET in str(told):
            wrong.append((operation, "the secret", told))
        if told[0] != 200 or of_absent[0] != 200:
            same = (told[0], told[1], first.forget(told[2])) == of_absent
            if not same and (service, operation) not in GLOBAL:
                wrong.append((operation, told, of_absent))
    assert wrong == [], "\n".join(map(str, wrong))
    assert answered > 80, "its own lists and whatever it may make are its own"
    after = rows(world)
    for table, kept in before.items():
        assert kept <= after[table], (table, sorted(kept - after[table])[:3])
        if "account" in METADATA.tables[table].c:
            assert kept == after[table], (table, sorted(after[table] - kept)[:3])
