"""What the rows of the golden table presuppose: one resource of each kind, most named `golden`, and callers."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import boto3
from botocore.config import Config

from tests.server import INSTANCE, SKLEARN, Server, archive, put

SLOW_MODEL = "import time\n\ndef model_fn(model_dir):\n    time.sleep(600)\n"
CHOICE = {
    "Conditions": [{"Type": "Equals", "LeftValue": "a", "RightValue": "a"}],
    "IfSteps": [],
    "ElseSteps": [],
}
PIPELINE = {
    "Version": "2020-12-01",
    "Parameters": [],
    "Steps": [{"Name": "Choice", "Type": "Condition", "Arguments": CHOICE}],
}
JOB = {
    "RoleArn": "<role>",
    "OutputDataConfig": {"S3OutputPath": "s3://golden/output"},
    "ResourceConfig": {"InstanceType": INSTANCE, "InstanceCount": 1, "VolumeSizeInGB": 1},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}
NOWHERE = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://golden/absent/"}}}


def allow(effect: str, action: str, principal: dict[str, str] | None = None) -> str:
    """A policy of one statement: for a role's trust with a principal, otherwise for all resources."""
    who = {"Principal": principal} if principal else {"Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": action, **who}]})


class World:
    """Makes everything at once; `places` are the words between angle brackets in the table."""

    def __init__(self, server: Server) -> None:
        self.server = server
        installation = server.installation
        self.places: dict[str, Any] = {
            "account": installation.account,
            "region": installation.region,
            "role": server.role,
            "url": server.url,
            "definition": json.dumps(PIPELINE),
        }
        self.callers: dict[str, dict[str, str]] = {"owner": {}}
        self._session = boto3.session.Session()
        self._clients: dict[tuple[str, str], Any] = {}
        self._identities()
        self._storage()
        self._queues_and_rules()
        self._function()
        self._hosting()
        self._jobs()
        self._pipeline()
        self._records()

    def client(self, service: str, caller: str = "owner") -> Any:
        """Checks nothing by itself and does not try again. All share one session, which reads each model once."""
        if (service, caller) not in self._clients:
            arguments = {
                "endpoint_url": self.server.url,
                "region_name": self.places["region"],
                "aws_access_key_id": self.server.installation.access_key_id,
                "aws_secret_access_key": self.server.installation.secret_access_key,
                "config": Config(retries={"total_max_attempts": 1}, parameter_validation=False, read_timeout=25),
                **self.callers[caller],
            }
            self._clients[service, caller] = self._session.client(service, **arguments)
        return self._clients[service, caller]

    def arn(self, rest: str, service: str = "sagemaker") -> str:
        return f"arn:aws:{service}:{self.places['region']}:{self.places['account']}:{rest}"

    def _identities(self) -> None:
        iam = self.client("iam")
        account = self.places["account"]
        self.places["trust"] = allow("Allow", "sts:AssumeRole", {"AWS": f"arn:aws:iam::{account}:root"})
        for name, policy in {
            "nobody": "",
            "denied": allow("Deny", "*"),
            "passer": json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "NotAction": "iam:PassRole", "Resource": "*"}],
                }
            ),
        }.items():
            self._caller(name, policy)
        self.callers["forger"] = {"aws_secret_access_key": "x" * 40}
        self.callers["stranger"] = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE"}
        own = f"arn:aws:iam::{account}:policy/golden"
        for name in ("golden", "golden-loose"):
            iam.create_policy(PolicyName=name, PolicyDocument=allow("Allow", "s3:*"))
        closed = allow("Allow", "sts:AssumeRole", {"Service": "lambda.amazonaws.com"})
        iam.create_role(RoleName="golden-closed", AssumeRolePolicyDocument=closed)
        iam.create_role(RoleName="golden-held", AssumeRolePolicyDocument=self.places["trust"])
        iam.attach_role_policy(RoleName="golden-held", PolicyArn=own)
        iam.create_role(RoleName="golden-machines", AssumeRolePolicyDocument=self.places["trust"])
        iam.create_instance_profile(InstanceProfileName="golden")
        iam.add_role_to_instance_profile(InstanceProfileName="golden", RoleName="golden-machines")
        iam.create_user(UserName="golden-held")
        iam.attach_user_policy(UserName="golden-held", PolicyArn=own)
        iam.create_group(GroupName="golden-held")
        iam.attach_group_policy(GroupName="golden-held", PolicyArn=own)
        iam.create_user(UserName="golden-member")
        iam.create_group(GroupName="golden-full")
        iam.add_user_to_group(GroupName="golden-full", UserName="golden-member")
        iam.create_user(UserName="golden-joined")
        iam.add_user_to_group(GroupName="golden-full", UserName="golden-joined")
        for _ in range(2):
            iam.create_access_key(UserName="golden-member")

    def _caller(self, name: str, policy: str) -> None:
        iam = self.client("iam")
        role = iam.create_role(RoleName=f"golden-{name}", AssumeRolePolicyDocument=self.places["trust"])["Role"]
        if policy:
            iam.put_role_policy(RoleName=role["RoleName"], PolicyName="p", PolicyDocument=policy)
        given = self.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName=name)["Credentials"]
        self.callers[name] = {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }

    def _storage(self) -> None:
        s3 = self.client("s3")
        put(self.server, "golden", "there", b"content")
        self.places["upload"] = s3.create_multipart_upload(Bucket="golden", Key="upload")["UploadId"]
        for number in (1, 2):
            part = {"Bucket": "golden", "Key": "upload", "UploadId": self.places["upload"], "PartNumber": number}
            self.places["etag"] = s3.upload_part(**part, Body=b"part")["ETag"].strip('"')
        logs = self.client("logs")
        logs.create_log_group(logGroupName="golden")
        logs.create_log_stream(logGroupName="golden", logStreamName="golden")
        self.client("ssm").put_parameter(Name="golden", Value="x", Type="String")

    def _queues_and_rules(self) -> None:
        sqs, events, scheduler = (self.client(name) for name in ("sqs", "events", "scheduler"))
        sqs.create_queue(QueueName="golden")
        sqs.create_queue(QueueName="golden.fifo", Attributes={"FifoQueue": "true"})
        self.client("sns").create_topic(Name="golden")
        queue = self.arn("golden", "sqs")
        events.create_event_bus(Name="golden")
        events.put_rule(Name="golden", EventPattern='{"source": ["golden"]}')
        events.put_targets(Rule="golden", Targets=[{"Id": "queue", "Arn": queue}])
        scheduler.create_schedule_group(Name="golden")
        scheduler.create_schedule(
            Name="golden",
            ScheduleExpression="rate(1 day)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": queue, "RoleArn": self.server.role},
        )

    def _function(self) -> None:
        functions = self.client("lambda")
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as file:
            file.writestr("golden.py", "def handler(event, context):\n    return event\n")
        self.places["zip"] = packed.getvalue()
        functions.create_function(
            FunctionName="golden",
            Role=self.server.role,
            Runtime="python3.11",
            Handler="golden.handler",
            Code={"ZipFile": packed.getvalue()},
            Publish=True,
        )
        functions.create_alias(FunctionName="golden", Name="live", FunctionVersion="1")

    def _hosting(self) -> None:
        """`golden-creating` stays in Creating: its model takes minutes to load."""
        sagemaker = self.client("sagemaker")
        data = put(self.server, "golden", "slow.tar.gz", archive({"code/inference.py": SLOW_MODEL}))
        container = {"Image": SKLEARN, "ModelDataUrl": data, "Environment": {"SAGEMAKER_PROGRAM": "inference.py"}}
        variant = {"VariantName": "one", "ModelName": "golden", "InitialInstanceCount": 1, "InstanceType": INSTANCE}
        sagemaker.create_model(
            ModelName="golden",
            PrimaryContainer=container,
            ExecutionRoleArn=self.server.role,
            Tags=[{"Key": f"tag-{number}", "Value": ""} for number in range(30)],
        )
        sagemaker.create_endpoint_config(EndpointConfigName="golden", ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName="golden-creating", EndpointConfigName="golden")

    def _jobs(self) -> None:
        """They all end at once: what they are to read is not there."""
        sagemaker = self.client("sagemaker")
        job = {**JOB, "RoleArn": self.server.role}
        algorithm = {"TrainingImage": SKLEARN, "TrainingInputMode": "File"}
        channels = [{"ChannelName": "train", **NOWHERE}]
        sagemaker.create_training_job(
            TrainingJobName="golden-done", AlgorithmSpecification=algorithm, InputDataConfig=channels, **job
        )
        sagemaker.create_processing_job(
            ProcessingJobName="golden-done",
            RoleArn=self.server.role,
            AppSpecification={"ImageUri": "golden/absent:1"},
            ProcessingResources={"ClusterConfig": JOB["ResourceConfig"]},
        )
        sagemaker.create_transform_job(
            TransformJobName="golden-done",
            ModelName="golden",
            TransformInput={**NOWHERE, "ContentType": "text/csv"},
            TransformOutput={"S3OutputPath": "s3://golden/output"},
            TransformResources={"InstanceType": INSTANCE, "InstanceCount": 1},
        )
        metric = {"Name": "loss", "Regex": "loss=(.*)"}
        number = {"Name": "n", "MinValue": "1", "MaxValue": "2"}
        sagemaker.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName="golden-done",
            HyperParameterTuningJobConfig={
                "Strategy": "Random",
                "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
                "ResourceLimits": {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1},
                "ParameterRanges": {"IntegerParameterRanges": [number]},
            },
            TrainingJobDefinition={
                **job,
                "AlgorithmSpecification": {**algorithm, "MetricDefinitions": [metric]},
                "InputDataConfig": channels,
            },
        )

    def _pipeline(self) -> None:
        sagemaker = self.client("sagemaker")
        sagemaker.create_pipeline(
            PipelineName="golden",
            RoleArn=self.server.role,
            ClientRequestToken="t" * 32,
            PipelineDefinition=self.places["definition"],
        )
        started = sagemaker.start_pipeline_execution(PipelineName="golden", ClientRequestToken="s" * 32)
        self.places["execution"] = started["PipelineExecutionArn"]

    def _records(self) -> None:
        sagemaker = self.client("sagemaker")
        sagemaker.create_model_package_group(ModelPackageGroupName="golden")
        specification = {
            "Containers": [{"Image": SKLEARN}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        }
        for name in ({"ModelPackageGroupName": "golden"}, {"ModelPackageName": "golden-single"}):
            sagemaker.create_model_package(**name, InferenceSpecification=specification)
        sagemaker.create_experiment(ExperimentName="golden")
        sagemaker.create_trial(TrialName="golden", ExperimentName="golden")
        sagemaker.create_trial_component(TrialComponentName="golden")
        source = {"SourceUri": "s3://golden/source"}
        sagemaker.create_artifact(Source=source, ArtifactType="x")
        action = sagemaker.create_action(ActionName="golden", ActionType="x", Source=source)["ActionArn"]
        context = sagemaker.create_context(ContextName="golden", ContextType="x", Source=source)["ContextArn"]
        sagemaker.add_association(SourceArn=action, DestinationArn=context)

    def ended(self) -> bool:
        """Whether all jobs and the execution have come to an end."""
        sagemaker = self.client("sagemaker")
        statuses = [
            sagemaker.describe_training_job(TrainingJobName="golden-done")["TrainingJobStatus"],
            sagemaker.describe_processing_job(ProcessingJobName="golden-done")["ProcessingJobStatus"],
            sagemaker.describe_transform_job(TransformJobName="golden-done")["TransformJobStatus"],
            sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="golden-done")[
                "HyperParameterTuningJobStatus"
            ],
            sagemaker.describe_pipeline_execution(PipelineExecutionArn=self.places["execution"])[
                "PipelineExecutionStatus"
            ],
        ]
        return all(status in {"Completed", "Succeeded", "Failed"} for status in statuses)
