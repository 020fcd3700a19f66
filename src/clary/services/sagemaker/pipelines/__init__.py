"""Pipelines, their versions, executions and steps. What a definition means is in clary/definitions; executions are
carried out by engine/pipelines, which makes the rows of steps.

Rows: `pipeline`; `pipeline-version` (parent: the pipeline's ARN, name: its number), which alone holds the text of a
definition; `pipeline-execution` (parent: the pipeline's ARN); `pipeline-step` (parent: the execution's ARN);
`callback-token` (parent: the execution's ARN, name: the token), which leads to the step that waits for an answer.
"""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.operation import Operation
from clary.services.sagemaker.pipelines import callbacks, executions, pipelines, starting, steps, versions
from clary.services.sagemaker.pipelines.names import named_execution, named_pipeline

OPERATIONS: Mapping[str, Operation] = {
    "CreatePipeline": Operation(pipelines.create_pipeline, named_pipeline),
    "DeletePipeline": Operation(pipelines.delete_pipeline, named_pipeline),
    "DescribePipeline": Operation(pipelines.describe_pipeline, named_pipeline),
    "DescribePipelineDefinitionForExecution": Operation(executions.describe_definition, named_execution),
    "DescribePipelineExecution": Operation(executions.describe_pipeline_execution, named_execution),
    "ListPipelineExecutionSteps": Operation(steps.list_pipeline_execution_steps, named_execution),
    "ListPipelineExecutions": Operation(executions.list_pipeline_executions, named_pipeline),
    "ListPipelineParametersForExecution": Operation(executions.list_parameters, named_execution),
    "ListPipelineVersions": Operation(versions.list_pipeline_versions, named_pipeline),
    "ListPipelines": Operation(pipelines.list_pipelines),
    "RetryPipelineExecution": Operation(executions.retry_pipeline_execution, named_execution),
    "SendPipelineExecutionStepFailure": Operation(callbacks.send_failure, open_to_all=True),
    "SendPipelineExecutionStepSuccess": Operation(callbacks.send_success, open_to_all=True),
    "StartPipelineExecution": Operation(starting.start_pipeline_execution, named_pipeline),
    "StopPipelineExecution": Operation(executions.stop_pipeline_execution, named_execution),
    "UpdatePipeline": Operation(pipelines.update_pipeline, named_pipeline),
    "UpdatePipelineExecution": Operation(executions.update_pipeline_execution, named_execution),
    "UpdatePipelineVersion": Operation(versions.update_pipeline_version, named_pipeline),
}
