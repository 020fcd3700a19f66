"""Amazon SageMaker's control plane, with its dispatch table. Larger parts are packages with tables of their own."""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.operation import Operation
from clary.services.sagemaker import (
    endpoint_capacities,
    endpoint_configs,
    endpoints,
    experiments,
    lineage,
    models,
    pipelines,
    processing_jobs,
    registry,
    search,
    tags,
    training_jobs,
    transform,
    tuning,
)
from clary.services.sagemaker.names import named

OPERATIONS: Mapping[str, Operation] = {
    "AddTags": Operation(tags.add_tags, tags.tagged_arn),
    "CreateEndpoint": Operation(endpoints.create_endpoint, named("endpoint", "EndpointName")),
    "CreateEndpointConfig": Operation(
        endpoint_configs.create_endpoint_config, named("endpoint-config", "EndpointConfigName")
    ),
    "CreateModel": Operation(models.create_model, named("model", "ModelName")),
    "CreateProcessingJob": Operation(
        processing_jobs.create_processing_job, named("processing-job", "ProcessingJobName")
    ),
    "CreateTrainingJob": Operation(training_jobs.create_training_job, named("training-job", "TrainingJobName")),
    "DeleteEndpoint": Operation(endpoints.delete_endpoint, named("endpoint", "EndpointName")),
    "DeleteEndpointConfig": Operation(
        endpoint_configs.delete_endpoint_config, named("endpoint-config", "EndpointConfigName")
    ),
    "DeleteModel": Operation(models.delete_model, named("model", "ModelName")),
    "DeleteTags": Operation(tags.delete_tags, tags.tagged_arn),
    "DescribeEndpoint": Operation(endpoints.describe_endpoint, named("endpoint", "EndpointName")),
    "DescribeEndpointConfig": Operation(
        endpoint_configs.describe_endpoint_config, named("endpoint-config", "EndpointConfigName")
    ),
    "DescribeModel": Operation(models.describe_model, named("model", "ModelName")),
    "DescribeProcessingJob": Operation(
        processing_jobs.describe_processing_job, named("processing-job", "ProcessingJobName")
    ),
    "DescribeTrainingJob": Operation(training_jobs.describe_training_job, named("training-job", "TrainingJobName")),
    "ListEndpointConfigs": Operation(endpoint_configs.list_endpoint_configs),
    "ListEndpoints": Operation(endpoints.list_endpoints),
    "ListModels": Operation(models.list_models),
    "ListProcessingJobs": Operation(processing_jobs.list_processing_jobs),
    "ListTags": Operation(tags.list_tags, tags.tagged_arn),
    "ListTrainingJobs": Operation(training_jobs.list_training_jobs),
    "StopProcessingJob": Operation(processing_jobs.stop_processing_job, named("processing-job", "ProcessingJobName")),
    "StopTrainingJob": Operation(training_jobs.stop_training_job, named("training-job", "TrainingJobName")),
    "UpdateEndpoint": Operation(endpoints.update_endpoint, named("endpoint", "EndpointName")),
    "UpdateEndpointWeightsAndCapacities": Operation(
        endpoint_capacities.update_endpoint_weights_and_capacities, named("endpoint", "EndpointName")
    ),
    "UpdateTrainingJob": Operation(training_jobs.update_training_job, named("training-job", "TrainingJobName")),
    **experiments.OPERATIONS,
    **lineage.OPERATIONS,
    **pipelines.OPERATIONS,
    **registry.OPERATIONS,
    **search.OPERATIONS,
    **transform.OPERATIONS,
    **tuning.OPERATIONS,
}
