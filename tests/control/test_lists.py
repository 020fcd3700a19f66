"""Every list that is served, page by page: nothing is lost or told twice, also while more is made; and its tokens are
good for nothing else. The operations come from the dispatch table, so that no new list can be forgotten.
"""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import boto3
import botocore
import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from clary.control.dispatch import OPERATIONS
from clary.services.cloudwatch import listing
from clary.services.sns import subscriptions, topics
from tests.control.in_process import ENDPOINT, HOME, OTHER, Control, control_in

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
CLUSTER = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
INPUTS = {"nexttoken", "marker", "continuationtoken", "keymarker", "partnumbermarker"}
SIZES = {"maxresults", "limit", "maxitems", "maxkeys", "maxuploads", "maxparts", "maxbuckets"}


def policy(action: str, **who: Any) -> str:
    statement = {"Effect": "Allow", "Action": action, **who}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@dataclass
class World:
    """Two accounts in one control that runs nothing; what is made here stays as it is."""

    control: Control
    session: boto3.session.Session = field(default_factory=boto3.session.Session)
    clients: dict[tuple[str, str], Any] = field(default_factory=dict)
    role: str = ""

    def client(self, service: str, account: str = HOME) -> Any:
        if (service, account) not in self.clients:
            client = self.session.client(
                service,
                endpoint_url=ENDPOINT,
                region_name="us-east-1",
                aws_access_key_id=f"AKIA{account}ROOT",
                aws_secret_access_key="secret",
                config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
            )
            self.control.attach(client)
            self.clients[service, account] = client
        return self.clients[service, account]

    def __getattr__(self, service: str) -> Any:
        return self.client(service)

    def arn(self, service: str, rest: str) -> str:
        return f"arn:aws:{service}:us-east-1:{HOME}:{rest}"


@dataclass(frozen=True)
class List:
    """How to make one item of a list (it gets a new name each time), and the request that lists them."""

    make: Callable[[World, str], object]
    request: Callable[[World], dict[str, Any]] = lambda _world: {}
    several: int = 3


def tag(name: str) -> list[dict[str, str]]:
    return [{"Key": name, "Value": ""}]


def job(w: World, kind: str, name: str) -> object:
    where = {"S3OutputPath": "s3://b/o"}
    training = {
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "RoleArn": w.role,
        "OutputDataConfig": where,
        "ResourceConfig": CLUSTER,
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    if kind == "training":
        return w.sagemaker.create_training_job(TrainingJobName=name, **training)
    if kind == "processing":
        return w.sagemaker.create_processing_job(
            ProcessingJobName=name,
            RoleArn=w.role,
            AppSpecification={"ImageUri": IMAGE},
            ProcessingResources={"ClusterConfig": CLUSTER},
        )
    if kind == "transform":
        source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/i"}}
        return w.sagemaker.create_transform_job(
            TransformJobName=name,
            ModelName="fixed",
            TransformInput={"DataSource": source},
            TransformOutput=where,
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        )
    metric = {"Name": "loss", "Regex": "loss=(.*)"}
    algorithm = {**training["AlgorithmSpecification"], "MetricDefinitions": [metric]}
    return w.sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name,
        HyperParameterTuningJobConfig={
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1},
            "ParameterRanges": {"IntegerParameterRanges": [{"Name": "n", "MinValue": "1", "MaxValue": "2"}]},
        },
        TrainingJobDefinition={**training, "AlgorithmSpecification": algorithm},
    )


def definition(*parameters: str) -> str:
    end = {"Name": "End", "Type": "Fail", "Arguments": {"ErrorMessage": "over"}}
    known = [{"Name": name, "Type": "String", "DefaultValue": "x"} for name in parameters]
    return json.dumps({"Version": "2020-12-01", "Parameters": known, "Steps": [end]})


def pipeline(w: World, name: str, text: str = "") -> object:
    body = {"PipelineName": name, "RoleArn": w.role, "PipelineDefinition": text or definition()}
    return w.sagemaker.create_pipeline(**body, ClientRequestToken=f"{name:x<40}")


def start(w: World, name: str, pipeline: str = "fixed") -> str:
    started = w.sagemaker.start_pipeline_execution(PipelineName=pipeline, ClientRequestToken=f"{name:x<40}")
    arn: str = started["PipelineExecutionArn"]
    return arn


def function(w: World, name: str) -> object:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("f.py", "def handler(event, context): pass\n")
    code = {"ZipFile": packed.getvalue()}
    options = {"Runtime": "python3.11", "Handler": "f.handler", "Role": w.role}
    return w.client("lambda").create_function(FunctionName=name, Code=code, **options)


def version_of_function(w: World, name: str) -> object:
    w.client("lambda").update_function_configuration(FunctionName="fixed", Environment={"Variables": {"NAME": name}})
    return w.client("lambda").publish_version(FunctionName="fixed")


def subscribe(w: World, name: str) -> object:
    queue = w.arn("sqs", f"to-{name}")
    w.sqs.create_queue(QueueName=f"to-{name}")
    return w.sns.subscribe(TopicArn=w.arn("sns", "fixed"), Protocol="sqs", Endpoint=queue)


def dead_letters(w: World, name: str) -> object:
    redrive = json.dumps({"deadLetterTargetArn": w.arn("sqs", "fixed"), "maxReceiveCount": 3})
    return w.sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": redrive})


def log_event(w: World, name: str) -> object:
    event = {"timestamp": int(datetime.now(UTC).timestamp() * 1000), "message": name}
    return w.logs.put_log_events(logGroupName="fixed", logStreamName="fixed", logEvents=[event])


def api_destination(w: World, name: str) -> object:
    return w.events.create_api_destination(
        Name=name,
        ConnectionArn=w.events.describe_connection(Name="fixed")["ConnectionArn"],
        InvocationEndpoint="https://example.invalid/",
        HttpMethod="POST",
    )


def connection(w: World, name: str) -> object:
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}}
    return w.events.create_connection(Name=name, AuthorizationType="API_KEY", AuthParameters=key)


def rule(w: World, name: str, target: str = "") -> object:
    w.events.put_rule(Name=name, EventPattern='{"source": ["x"]}')
    return target and w.events.put_targets(Rule=name, Targets=[{"Id": "t", "Arn": w.arn("sqs", target)}])


def put_target(w: World, name: str) -> object:
    """A rule holds five."""
    return w.events.put_targets(Rule="fixed", Targets=[{"Id": name, "Arn": w.arn("sqs", "fixed")}])


def schedule(w: World, name: str) -> object:
    target = {"Arn": w.arn("sqs", "fixed"), "RoleArn": w.role}
    window = {"Mode": "OFF"}
    return w.scheduler.create_schedule(
        Name=name, ScheduleExpression="rate(1 day)", FlexibleTimeWindow=window, Target=target
    )


def user_policy(w: World, name: str, holder: str) -> object:
    text = policy("s3:*", Resource="*")
    put: Callable[..., object] = getattr(w.iam, f"put_{holder}_policy")
    return put(**{f"{holder.title()}Name": "fixed"}, PolicyName=name, PolicyDocument=text)


def managed(w: World, name: str) -> str:
    arn: str = w.iam.create_policy(PolicyName=name, PolicyDocument=policy("s3:*", Resource="*"))["Policy"]["Arn"]
    return arn


def attach(w: World, name: str, holder: str) -> object:
    put: Callable[..., object] = getattr(w.iam, f"attach_{holder}_policy")
    return put(**{f"{holder.title()}Name": "fixed"}, PolicyArn=managed(w, name))


def policy_version(w: World, name: str) -> object:
    text = policy("s3:*", Resource=f"arn:aws:s3:::{name}")
    return w.iam.create_policy_version(PolicyArn=f"arn:aws:iam::{HOME}:policy/fixed", PolicyDocument=text)


def user(w: World, name: str, group: str = "") -> object:
    w.iam.create_user(UserName=name)
    return group and w.iam.add_user_to_group(GroupName=group, UserName=name)


def group(w: World, name: str) -> object:
    w.iam.create_group(GroupName=name)
    return w.iam.add_user_to_group(GroupName=name, UserName="fixed")


def profile(w: World, name: str) -> object:
    w.iam.create_instance_profile(InstanceProfileName=name)
    return w.iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName="fixed")


def entity(w: World, name: str) -> object:
    w.iam.create_user(UserName=name)
    return w.iam.attach_user_policy(UserName=name, PolicyArn=f"arn:aws:iam::{HOME}:policy/fixed")


def artifact(w: World, name: str) -> str:
    made = w.sagemaker.create_artifact(Source={"SourceUri": f"s3://b/{name}"}, ArtifactType="x")
    arn: str = made["ArtifactArn"]
    return arn


def association(w: World, name: str) -> object:
    to = w.sagemaker.describe_context(ContextName="fixed")["ContextArn"]
    return w.sagemaker.add_association(SourceArn=artifact(w, name), DestinationArn=to)


def of_context(w: World) -> dict[str, Any]:
    return {"DestinationArn": w.sagemaker.describe_context(ContextName="fixed")["ContextArn"]}


def lineage(w: World) -> dict[str, Any]:
    start = w.sagemaker.describe_context(ContextName="fixed")["ContextArn"]
    return {"StartArns": [start], "Direction": "Ascendants", "IncludeEdges": False}


def model(w: World, name: str) -> object:
    return w.sagemaker.create_model(ModelName=name, PrimaryContainer={"Image": IMAGE}, ExecutionRoleArn=w.role)


def endpoint(w: World, name: str) -> object:
    return w.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName="fixed")


def configuration(w: World, name: str) -> object:
    sizes = {"InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    variant = {"VariantName": "one", "ModelName": "fixed", **sizes}
    return w.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])


def bucket(w: World, name: str) -> object:
    return w.s3.create_bucket(Bucket=name)


def upload(w: World, name: str) -> object:
    return w.s3.create_multipart_upload(Bucket="uploads", Key=name)


def part(w: World, name: str) -> object:
    found = w.s3.list_multipart_uploads(Bucket="parts")["Uploads"]
    number = int(name.rpartition("-")[2]) + 1
    return w.s3.upload_part(Bucket="parts", Key="fixed", UploadId=found[0]["UploadId"], PartNumber=number, Body=b"x")


def parts(w: World) -> dict[str, Any]:
    (found,) = w.s3.list_multipart_uploads(Bucket="parts")["Uploads"]
    return {"Bucket": "parts", "Key": "fixed", "UploadId": found["UploadId"]}


def execution_of_many(w: World) -> dict[str, Any]:
    (found,) = w.sagemaker.list_pipeline_executions(PipelineName="many")["PipelineExecutionSummaries"]
    return {"PipelineExecutionArn": found["PipelineExecutionArn"]}


def tags_of(holder: str, name: str) -> Callable[[World, str], object]:
    return lambda w, n: getattr(w.iam, f"tag_{holder}")(**{name: "fixed"}, Tags=tag(n))


FIXED = f"arn:aws:iam::{HOME}:policy/fixed"
LISTS: dict[tuple[str, str], List] = {
    ("cloudwatch", "ListMetrics"): List(
        lambda w, n: w.cloudwatch.put_metric_data(Namespace="n", MetricData=[{"MetricName": n, "Value": 1.0}])
    ),
    ("events", "ListApiDestinations"): List(api_destination),
    ("events", "ListConnections"): List(connection),
    ("events", "ListEventBuses"): List(lambda w, n: w.events.create_event_bus(Name=n)),
    ("events", "ListRuleNamesByTarget"): List(
        lambda w, n: rule(w, n, "fixed"), lambda w: {"TargetArn": w.arn("sqs", "fixed")}
    ),
    ("events", "ListRules"): List(rule),
    ("events", "ListTargetsByRule"): List(put_target, lambda w: {"Rule": "fixed"}),
    ("iam", "GetAccountAuthorizationDetails"): List(user, lambda w: {"Filter": ["User"]}),
    ("iam", "GetGroup"): List(lambda w, n: user(w, n, "fixed"), lambda w: {"GroupName": "fixed"}),
    ("iam", "ListAttachedGroupPolicies"): List(lambda w, n: attach(w, n, "group"), lambda w: {"GroupName": "fixed"}),
    ("iam", "ListAttachedRolePolicies"): List(lambda w, n: attach(w, n, "role"), lambda w: {"RoleName": "fixed"}),
    ("iam", "ListAttachedUserPolicies"): List(lambda w, n: attach(w, n, "user"), lambda w: {"UserName": "fixed"}),
    ("iam", "ListEntitiesForPolicy"): List(entity, lambda w: {"PolicyArn": FIXED}),
    ("iam", "ListGroupPolicies"): List(lambda w, n: user_policy(w, n, "group"), lambda w: {"GroupName": "fixed"}),
    ("iam", "ListGroups"): List(group),
    ("iam", "ListGroupsForUser"): List(group, lambda w: {"UserName": "fixed"}),
    ("iam", "ListInstanceProfileTags"): List(
        tags_of("instance_profile", "InstanceProfileName"), lambda w: {"InstanceProfileName": "fixed"}
    ),
    ("iam", "ListInstanceProfiles"): List(profile),
    ("iam", "ListInstanceProfilesForRole"): List(profile, lambda w: {"RoleName": "fixed"}),
    ("iam", "ListPolicies"): List(managed, lambda w: {"Scope": "Local"}),
    ("iam", "ListPolicyTags"): List(
        lambda w, n: w.iam.tag_policy(PolicyArn=FIXED, Tags=tag(n)), lambda w: {"PolicyArn": FIXED}
    ),
    ("iam", "ListPolicyVersions"): List(policy_version, lambda w: {"PolicyArn": FIXED}, several=2),
    ("iam", "ListRolePolicies"): List(lambda w, n: user_policy(w, n, "role"), lambda w: {"RoleName": "fixed"}),
    ("iam", "ListRoleTags"): List(tags_of("role", "RoleName"), lambda w: {"RoleName": "fixed"}),
    ("iam", "ListRoles"): List(
        lambda w, n: w.iam.create_role(
            RoleName=n, AssumeRolePolicyDocument=policy("sts:AssumeRole", Principal={"AWS": HOME})
        )
    ),
    ("iam", "ListUserPolicies"): List(lambda w, n: user_policy(w, n, "user"), lambda w: {"UserName": "fixed"}),
    ("iam", "ListUserTags"): List(tags_of("user", "UserName"), lambda w: {"UserName": "fixed"}),
    ("iam", "ListUsers"): List(user),
    ("iam", "SimulateCustomPolicy"): List(
        lambda w, n: None,
        lambda w: {"PolicyInputList": [policy("s3:*", Resource="*")], "ActionNames": ["s3:a", "s3:b", "s3:c"]},
    ),
    ("iam", "SimulatePrincipalPolicy"): List(
        lambda w, n: None, lambda w: {"PolicySourceArn": w.role, "ActionNames": ["s3:a", "s3:b", "s3:c"]}
    ),
    ("lambda", "ListAliases"): List(
        lambda w, n: w.client("lambda").create_alias(FunctionName="fixed", Name=n, FunctionVersion="$LATEST"),
        lambda w: {"FunctionName": "fixed"},
    ),
    ("lambda", "ListFunctions"): List(function),
    ("lambda", "ListVersionsByFunction"): List(version_of_function, lambda w: {"FunctionName": "fixed"}),
    ("logs", "DescribeLogGroups"): List(lambda w, n: w.logs.create_log_group(logGroupName=n)),
    ("logs", "DescribeLogStreams"): List(
        lambda w, n: w.logs.create_log_stream(logGroupName="fixed", logStreamName=n),
        lambda w: {"logGroupName": "fixed"},
    ),
    ("logs", "FilterLogEvents"): List(log_event, lambda w: {"logGroupName": "fixed"}),
    ("organizations", "ListAccounts"): List(
        lambda w, n: w.organizations.create_account(Email=f"{n}@example.invalid", AccountName=n)
    ),
    ("s3", "ListBuckets"): List(bucket),
    ("s3", "ListMultipartUploads"): List(upload, lambda w: {"Bucket": "uploads"}),
    ("s3", "ListObjectVersions"): List(
        lambda w, n: w.s3.put_object(Bucket="versioned", Key="same", Body=n.encode()),
        lambda w: {"Bucket": "versioned"},
    ),
    ("s3", "ListObjects"): List(
        lambda w, n: w.s3.put_object(Bucket="fixed", Key=n, Body=b""), lambda w: {"Bucket": "fixed"}
    ),
    ("s3", "ListObjectsV2"): List(
        lambda w, n: w.s3.put_object(Bucket="fixed", Key=n, Body=b""), lambda w: {"Bucket": "fixed"}
    ),
    ("s3", "ListParts"): List(part, parts),
    ("sagemaker", "ListActions"): List(
        lambda w, n: w.sagemaker.create_action(ActionName=n, ActionType="x", Source={"SourceUri": f"s3://b/{n}"})
    ),
    ("sagemaker", "ListArtifacts"): List(artifact),
    ("sagemaker", "ListAssociations"): List(association, of_context),
    ("sagemaker", "ListContexts"): List(
        lambda w, n: w.sagemaker.create_context(ContextName=n, ContextType="x", Source={"SourceUri": f"s3://b/{n}"})
    ),
    ("sagemaker", "ListEndpointConfigs"): List(configuration),
    ("sagemaker", "ListEndpoints"): List(endpoint),
    ("sagemaker", "ListExperiments"): List(lambda w, n: w.sagemaker.create_experiment(ExperimentName=n)),
    ("sagemaker", "ListHyperParameterTuningJobs"): List(lambda w, n: job(w, "tuning", n)),
    ("sagemaker", "ListModelPackageGroups"): List(
        lambda w, n: w.sagemaker.create_model_package_group(ModelPackageGroupName=n)
    ),
    ("sagemaker", "ListModelPackages"): List(
        lambda w, n: w.sagemaker.create_model_package(ModelPackageGroupName="fixed", SourceUri=f"s3://b/{n}"),
        lambda w: {"ModelPackageGroupName": "fixed"},
    ),
    ("sagemaker", "ListModels"): List(model),
    ("sagemaker", "ListPipelineExecutions"): List(start, lambda w: {"PipelineName": "fixed"}),
    ("sagemaker", "ListPipelineParametersForExecution"): List(lambda w, n: None, execution_of_many),
    ("sagemaker", "ListPipelineVersions"): List(
        lambda w, n: w.sagemaker.update_pipeline(PipelineName="fixed", PipelineDefinition=definition(n)),
        lambda w: {"PipelineName": "fixed"},
    ),
    ("sagemaker", "ListPipelines"): List(pipeline),
    ("sagemaker", "ListProcessingJobs"): List(lambda w, n: job(w, "processing", n)),
    ("sagemaker", "ListTrainingJobs"): List(lambda w, n: job(w, "training", n)),
    ("sagemaker", "ListTransformJobs"): List(lambda w, n: job(w, "transform", n)),
    ("sagemaker", "ListTrialComponents"): List(lambda w, n: w.sagemaker.create_trial_component(TrialComponentName=n)),
    ("sagemaker", "ListTrials"): List(
        lambda w, n: w.sagemaker.create_trial(TrialName=n, ExperimentName="fixed"),
        lambda w: {"ExperimentName": "fixed"},
    ),
    ("sagemaker", "QueryLineage"): List(association, lineage),
    ("sagemaker", "Search"): List(
        lambda w, n: w.sagemaker.create_experiment(ExperimentName=n), lambda w: {"Resource": "Experiment"}
    ),
    ("scheduler", "ListScheduleGroups"): List(lambda w, n: w.scheduler.create_schedule_group(Name=n)),
    ("scheduler", "ListSchedules"): List(schedule),
    ("sns", "ListSubscriptions"): List(subscribe),
    ("sns", "ListSubscriptionsByTopic"): List(subscribe, lambda w: {"TopicArn": w.arn("sns", "fixed")}),
    ("sns", "ListTopics"): List(lambda w, n: w.sns.create_topic(Name=n)),
    ("sqs", "ListDeadLetterSourceQueues"): List(
        dead_letters, lambda w: {"QueueUrl": w.sqs.get_queue_url(QueueName="fixed")["QueueUrl"]}
    ),
    ("sqs", "ListQueues"): List(lambda w, n: w.sqs.create_queue(QueueName=n)),
    ("ssm", "DescribeParameters"): List(lambda w, n: w.ssm.put_parameter(Name=f"/p/{n}", Value="v", Type="String")),
    ("ssm", "GetParameterHistory"): List(
        lambda w, n: w.ssm.put_parameter(Name="/h/fixed", Value=n, Type="String", Overwrite=True),
        lambda w: {"Name": "/h/fixed"},
    ),
    ("ssm", "GetParametersByPath"): List(
        lambda w, n: w.ssm.put_parameter(Name=f"/p/{n}", Value="v", Type="String"), lambda w: {"Path": "/p"}
    ),
}
ELSEWHERE = {
    ("cloudtrail", "LookupEvents"): "tests/services/cloudtrail/test_lookup.py",
    ("cloudwatch", "GetMetricData"): "tests/services/cloudwatch/test_metrics.py",
    ("iam", "ListAccessKeys"): "tests/services/iam/test_users.py: a user has two at most",
    ("iam", "ListAccountAliases"): "tests/services/iam/test_users.py: an account has one at most",
    ("logs", "GetLogEvents"): "tests/services/logs/test_events.py: its tokens never end",
    ("s3", "GetObjectAttributes"): "tests/services/s3/test_multipart.py",
    ("sagemaker", "ListLineageGroups"): "tests/services/sagemaker/test_lineage.py: an account has one",
    ("sagemaker", "ListPipelineExecutionSteps"): "tests/system/test_pipeline_api.py",
    ("sagemaker", "ListTags"): "a resource has fifty at most, and so has a page at least",
    ("sagemaker", "ListTrainingJobsForHyperParameterTuningJob"): "tests/system/test_tuning.py",
    **{
        ("s3", f"ListBucket{kind}Configurations"): "always empty"
        for kind in ("Analytics", "IntelligentTiering", "Inventory", "Metrics")
    },
}
"""Lists that need what only an engine makes, or that have no second page."""
BY_NAME = {("s3", name) for name in ("ListMultipartUploads", "ListObjectVersions", "ListObjects", "ListParts")}
"""Their positions are names that clients may choose, as in S3."""


FIXED_PAGES = (topics, subscriptions, listing)
"""Lists whose pages have a size that no request can change: it would need hundreds of items."""


def fill(w: World) -> None:
    """What the lists hang on, each `fixed`."""
    trust = policy("sts:AssumeRole", Principal={"Service": ["sagemaker.amazonaws.com", "lambda.amazonaws.com"]})
    trust = trust.replace('"lambda.amazonaws.com"', '"lambda.amazonaws.com", "scheduler.amazonaws.com"')
    w.role = w.iam.create_role(RoleName="fixed", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    user(w, "fixed")
    w.iam.create_group(GroupName="fixed")
    managed(w, "fixed")
    w.iam.create_instance_profile(InstanceProfileName="fixed")
    for name in ("fixed", "versioned", "uploads", "parts"):
        bucket(w, name)
    w.s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    w.s3.create_multipart_upload(Bucket="parts", Key="fixed")
    w.sqs.create_queue(QueueName="fixed")
    w.sns.create_topic(Name="fixed")
    w.logs.create_log_group(logGroupName="fixed")
    w.logs.create_log_stream(logGroupName="fixed", logStreamName="fixed")
    connection(w, "fixed")
    rule(w, "fixed")
    function(w, "fixed")
    model(w, "fixed")
    model(w, "another")
    configuration(w, "fixed")
    pipeline(w, "fixed")
    pipeline(w, "many", definition("A", "B", "C"))
    start(w, "many", "many")
    w.sagemaker.create_model_package_group(ModelPackageGroupName="fixed")
    w.sagemaker.create_experiment(ExperimentName="fixed")
    w.sagemaker.create_context(ContextName="fixed", ContextType="x", Source={"SourceUri": "s3://b/fixed"})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("lists")
    (folder / "audit").mkdir()
    with control_in(folder) as control, pytest.MonkeyPatch.context() as patch:
        for module in FIXED_PAGES:
            patch.setattr(module, "_PAGE", 2)
        world = World(control)
        fill(world)
        yield world


@dataclass
class Pages:
    """One list as botocore's own paginator, or where it has none as its shapes, would follow it."""

    world: World
    service: str
    operation: str

    def __post_init__(self) -> None:
        client = self.world.client(self.service)
        shape = client.meta.service_model.operation_model(self.operation).input_shape
        self.request = LISTS[self.service, self.operation].request(self.world)
        self.sizes = [name for name in shape.members if name.lower() in SIZES]
        self.least = shape.members[self.sizes[0]].metadata.get("min", 1) if self.sizes else 0
        name = botocore.xform_name(self.operation)
        self.inputs = [name for name in shape.members if name.lower() in INPUTS]
        self.outputs = [f"Next{name}" for name in self.inputs]
        self.results: list[str] = []
        if client.can_paginate(name):
            paginator = client.get_paginator(name)
            inputs, outputs = paginator._pagination_cfg["input_token"], paginator._pagination_cfg["output_token"]
            self.inputs = inputs if isinstance(inputs, list) else [inputs]
            self.outputs = outputs if isinstance(outputs, list) else [outputs]
            self.results = [key.expression for key in paginator.result_keys]
        self.outputs = ["NextToken" if name == "NextNextToken" else name for name in self.outputs]
        output = client.meta.service_model.operation_model(self.operation).output_shape.members
        self.results = self.results or [name for name in output if name != "NextToken"]

    def ask(self, account: str = HOME, **more: Any) -> dict[str, Any]:
        client = self.world.client(self.service, account)
        answer: dict[str, Any] = getattr(client, botocore.xform_name(self.operation))(**self.request, **more)
        return answer

    def items(self, answer: dict[str, Any]) -> list[str]:
        found = [item for key in self.results for item in answer.get(key) or []]
        return [json.dumps(item, default=str, sort_keys=True) for item in found]

    def token(self, answer: dict[str, Any]) -> dict[str, Any]:
        if self.operation == "ListObjects":
            return {"Marker": answer["Contents"][-1]["Key"]} if answer["IsTruncated"] else {}
        given = {name: answer.get(out) for name, out in zip(self.inputs, self.outputs, strict=True)}
        return {name: value for name, value in given.items() if value} if any(given.values()) else {}

    def third(self, whole: list[str]) -> dict[str, Any]:
        """A page that holds about a third of these."""
        return {self.sizes[0]: max(self.least, len(whole) // 3)} if self.sizes else {}

    def all(self, after: dict[str, Any], **size: Any) -> list[str]:
        """The items of all pages from this token on, or from the start."""
        found, token = [], after
        for _ in range(1000):
            answer = self.ask(**token, **size)
            found += self.items(answer)
            token = self.token(answer)
            if not token:
                return found
        raise AssertionError("the list has no end")


def name_of(number: int) -> str:
    """Names that a list in order of names has before and behind those that are there."""
    return f"{'mza'[number % 3]}-{number}"


@pytest.mark.parametrize(("service", "operation"), LISTS)
def test_pages_are_the_list_and_tokens_fit_nowhere_else(world: World, service: str, operation: str) -> None:
    made, unique = LISTS[service, operation], operation.lower()[-24:]
    for number in range(made.several):
        made.make(world, f"{unique}-{name_of(number)}")
    pages = Pages(world, service, operation)
    whole = pages.all({})
    assert len(set(whole)) == len(whole) >= 3
    size = pages.third(whole)
    assert pages.all({}, **size) == whole

    first = pages.ask(**size)
    token = pages.token(first)
    assert token, "there is a second page"
    for number in range(made.several, made.several + 2):
        made.make(world, f"{unique}-{name_of(number)}")
    told = pages.items(first) + pages.all(token, **size)
    changed = {"QueryLineage"}  # what is behind an association that was made meanwhile may come in any order
    assert len(set(told)) == len(told)
    assert set(told) >= set(whole) or operation in changed

    if (service, operation) not in BY_NAME:
        refuse_other_tokens(pages, token)


def refuse_other_tokens(pages: Pages, token: dict[str, Any]) -> None:
    (name,) = token
    good = str(token[name])
    forged = {
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        good[: len(good) // 2],
        base64.urlsafe_b64encode(b'["a",1]').decode(),
        "☃" * 5000,
    }
    for text in forged:
        assert 400 <= refusal(pages, {name: text}) < 500, text
    assert 400 <= refusal(pages, token, OTHER) < 500, "a token of another account"
    other = Pages(pages.world, "sagemaker", "ListModels")
    if (pages.service, pages.operation) != (other.service, other.operation):
        assert 400 <= refusal(pages, {name: other.ask(MaxResults=1)["NextToken"]}) < 500, "a token of another list"


def refusal(pages: Pages, token: dict[str, Any], account: str = HOME) -> int:
    """The status of a page that there is not. Nobody looks at the token where nothing can be: that is a 404, too."""
    try:
        answer = pages.ask(account, **token)
    except ClientError as error:
        assert error.response["Error"]["Code"], error
        status: int = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return status
    return 200 if pages.items(answer) else 404


def test_every_list_is_followed_here_or_named() -> None:
    loader = botocore.session.get_session()
    lists = {
        (service, operation)
        for service, operations in OPERATIONS.items()
        for operation in operations
        for shape in [loader.get_service_model(service).operation_model(operation).input_shape]
        if shape and INPUTS & {name.lower() for name in shape.members}
    }
    assert lists == {*LISTS, *ELSEWHERE}
