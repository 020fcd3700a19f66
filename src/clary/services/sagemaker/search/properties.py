"""The properties of each kind that Search knows, and where they are kept.

All of the model's are here: what is not is refused as unknown. Those of a few kinds are only known by rendering a row
(`rendered` in kinds.py); there are never many rows of these kinds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.services.sagemaker.pipelines.executions import parameter_texts, selective_member
from clary.services.sagemaker.pipelines.pipelines import parallelism_member
from clary.services.sagemaker.registry.packages import version_name
from clary.services.sagemaker.search.places import Place, at, inside, nowhere, or_else
from clary.services.sagemaker.training_jobs import artifact_uri, output_config, seconds_between

TIMES = {"CreationTime": at("created_at"), "LastModifiedTime": at("updated_at")}
_MADE_BY = {"CreatedBy": at("/created_by"), "LastModifiedBy": at("/last_modified_by")}
_SECONDS = Place(("/started", "/ended"), seconds_between)
_METRICS = at("/metrics")

TRAINING_JOB: Mapping[str, Place] = {
    **TIMES,
    **inside(
        "/request",
        "AlgorithmSpecification CheckpointConfig DebugHookConfig DebugRuleConfigurations Environment "
        "ExperimentConfig HyperParameters InputDataConfig ModelPackageConfig ProfilerConfig ResourceConfig "
        "RetryStrategy RoleArn StoppingCondition TensorBoardOutputConfig VpcConfig",
    ),
    **{
        member: or_else(f"/request/{member}", default=False)
        for member in ("EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining")
    },
    **nowhere("AutoMLJobArn DebugRuleEvaluationStatuses LabelingJobArn OutputModelPackageArn WarmPoolStatus"),
    "BillableTimeInSeconds": _SECONDS,
    "FailureReason": at("/failure"),
    "FinalMetricDataList": _METRICS,
    "Metrics": _METRICS,
    "ModelArtifacts": Place(
        ("/request/OutputDataConfig", "name"),
        lambda output, name: {
            "S3ModelArtifacts": artifact_uri({"OutputDataConfig": output, "TrainingJobName": name})
        },
    ),
    "OutputDataConfig": Place(("/request/OutputDataConfig",), output_config),
    "SecondaryStatus": at("/secondary"),
    "SecondaryStatusTransitions": at("/transitions"),
    "TrainingEndTime": at("/ended"),
    "TrainingJobArn": at("arn"),
    "TrainingJobName": at("name"),
    "TrainingJobStatus": at("status"),
    "TrainingStartTime": at("/started"),
    "TrainingTimeInSeconds": _SECONDS,
    "TuningJobArn": at("/tuning_job"),
}

EXPERIMENT: Mapping[str, Place] = {
    **TIMES,
    **inside("", "CreatedBy Description LastModifiedBy"),
    **nowhere("Source"),
    "DisplayName": Place(("/DisplayName", "name"), lambda shown, name: shown or name),
    "ExperimentArn": at("arn"),
    "ExperimentName": at("name"),
}

TRIAL: Mapping[str, Place] = {
    **TIMES,
    **inside("", "CreatedBy ExperimentName LastModifiedBy MetadataProperties"),
    **nowhere("Source"),
    "DisplayName": EXPERIMENT["DisplayName"],
    "TrialArn": at("arn"),
    "TrialName": at("name"),
}

COMPONENT: Mapping[str, Place] = {
    **TIMES,
    **inside(
        "",
        "CreatedBy InputArtifacts LastModifiedBy LineageGroupArn MetadataProperties OutputArtifacts Parameters "
        "RunName Source",
    ),
    "DisplayName": EXPERIMENT["DisplayName"],
    "TrialComponentArn": at("arn"),
    "TrialComponentName": at("name"),
}

MODEL: Mapping[str, Place] = {
    **TIMES,
    **inside("/request", "Containers ExecutionRoleArn PrimaryContainer VpcConfig"),
    **nowhere("DeploymentRecommendation InferenceExecutionConfig"),
    "EnableNetworkIsolation": or_else("/request/EnableNetworkIsolation", default=False),
    "ModelArn": at("arn"),
    "ModelName": at("name"),
}


def _version(name: str, group: Any) -> str:
    return version_name(group, name)


PACKAGE: Mapping[str, Place] = {
    **TIMES,
    **inside(
        "/request",
        "AdditionalInferenceSpecifications CustomerMetadataProperties Domain DriftCheckBaselines "
        "InferenceSpecification MetadataProperties ModelCard ModelLifeCycle ModelMetrics ModelPackageDescription "
        "SamplePayloadUrl SecurityConfig SkipModelValidation SourceAlgorithmSpecification SourceUri Task "
        "ValidationSpecification",
    ),
    **nowhere("ModelPackageRegistrationType"),
    **_MADE_BY,
    "ApprovalDescription": at("/approval_description"),
    "CertifyForMarketplace": or_else("/request/CertifyForMarketplace", default=False),
    "ModelApprovalStatus": at("/approval"),
    "ModelPackageArn": at("arn"),
    "ModelPackageGroupName": at("/group"),
    "ModelPackageName": Place(("name", "/group"), _version),
    "ModelPackageStatus": at("status"),
    "ModelPackageStatusDetails": Place((), lambda: {"ValidationStatuses": [], "ImageScanStatuses": []}),
    "ModelPackageVersion": at("/version"),
}

PACKAGE_GROUP: Mapping[str, Place] = {
    **TIMES,
    "CreatedBy": at("/created_by"),
    "ModelPackageGroupArn": at("arn"),
    "ModelPackageGroupDescription": at("/description"),
    "ModelPackageGroupName": at("name"),
    "ModelPackageGroupStatus": at("status"),
}

PIPELINE: Mapping[str, Place] = {
    **_MADE_BY,
    "CreationTime": at("created_at"),
    "LastModifiedTime": Place(("/modified", "updated_at"), lambda modified, updated: modified or updated),
    "LastRunTime": at("/last_run"),
    "ParallelismConfiguration": Place(("/parallelism",), parallelism_member),
    "PipelineArn": at("arn"),
    "PipelineDescription": at("/description"),
    "PipelineDisplayName": at("/display_name"),
    "PipelineName": at("name"),
    "PipelineStatus": at("status"),
    "RoleArn": at("/role"),
}

EXECUTION: Mapping[str, Place] = {
    **TIMES,
    **_MADE_BY,
    **nowhere("PipelineVersionDisplayName"),
    "FailureReason": at("/failure"),
    "ParallelismConfiguration": Place(("/parallelism",), parallelism_member),
    "PipelineArn": at("parent"),
    "PipelineExecutionArn": at("arn"),
    "PipelineExecutionDescription": at("/description"),
    "PipelineExecutionDisplayName": at("/display_name"),
    "PipelineExecutionStatus": at("status"),
    "PipelineExperimentConfig": at("/experiment"),
    "PipelineParameters": Place(("/parameters",), parameter_texts),
    "PipelineVersionId": at("/version"),
    "RoleArn": at("/role"),
    "SelectiveExecutionConfig": Place(("/selective",), selective_member),
}

VERSION: Mapping[str, Place] = {
    **TIMES,
    **nowhere(
        "LastExecutedPipelineExecutionArn LastExecutedPipelineExecutionDisplayName "
        "LastExecutedPipelineExecutionStatus LastModifiedBy PipelineVersionAliases"
    ),
    "CreatedBy": at("/created_by"),
    "PipelineArn": at("parent"),
    "PipelineVersionDescription": at("/description"),
    "PipelineVersionDisplayName": at("/display_name"),
    "PipelineVersionId": Place(("name",), int),
}

TUNING_JOB: Mapping[str, Place] = {
    **TIMES,
    **inside(
        "/request", "HyperParameterTuningJobConfig TrainingJobDefinition TrainingJobDefinitions WarmStartConfig"
    ),
    "FailureReason": at("/failure"),
    "HyperParameterTuningEndTime": at("/ended"),
    "HyperParameterTuningJobArn": at("arn"),
    "HyperParameterTuningJobName": at("name"),
    "HyperParameterTuningJobStatus": at("status"),
    "ObjectiveStatusCounters": at("/objectives"),
    "TrainingJobStatusCounters": at("/counters"),
}

ENDPOINT: Mapping[str, Place] = {
    **TIMES,
    "EndpointArn": at("arn"),
    "EndpointConfigName": at("/config"),
    "EndpointName": at("name"),
    "EndpointStatus": at("status"),
    "FailureReason": at("/failure"),
}
