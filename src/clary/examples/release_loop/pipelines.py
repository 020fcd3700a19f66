"""The two pipelines: one makes a version from new data if it is good enough, one releases an approved version.

`python pipelines.py` makes them, or renews them after a change, with everything that belongs to them.
"""

import logging
import os
import warnings
from pathlib import Path

import rules
import sagemaker
from sagemaker.inputs import TrainingInput
from sagemaker.lambda_helper import Lambda
from sagemaker.model_metrics import MetricsSource, ModelMetrics
from sagemaker.processing import ProcessingInput, ProcessingOutput
from sagemaker.sklearn import SKLearn, SKLearnModel
from sagemaker.sklearn.processing import SKLearnProcessor
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionGreaterThanOrEqualTo
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.functions import Join, JsonGet
from sagemaker.workflow.lambda_step import LambdaOutput, LambdaOutputTypeEnum, LambdaStep
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.parameters import ParameterFloat, ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import ProcessingStep, TrainingStep
from settings import read_settings

HERE = Path(__file__).parent
FRAMEWORK = "1.2-1"


def training_pipeline(settings, session, role):
    """process -> train -> evaluate -> register if the AUC is high enough, otherwise fail and say why."""
    data = ParameterString("InputData", default_value=f"s3://{settings.bucket}/{settings.prefix}/incoming")
    limit = ParameterFloat("SmallestAuc", default_value=settings.smallest_auc)

    processor = SKLearnProcessor(
        framework_version=FRAMEWORK,
        role=role,
        instance_type=settings.instance_type,
        instance_count=1,
        sagemaker_session=session,
    )
    split = ProcessingStep(
        "Process",
        step_args=processor.run(
            code=str(HERE / "steps" / "process.py"),
            inputs=[ProcessingInput(source=data, destination="/opt/ml/processing/input")],
            outputs=[
                ProcessingOutput(output_name=name, source=f"/opt/ml/processing/{name}")
                for name in ("train", "validation", "test")
            ],
            arguments=["--target", settings.target],
        ),
    )
    outputs = split.properties.ProcessingOutputConfig.Outputs

    estimator = SKLearn(
        entry_point="train.py",
        source_dir=str(HERE / "steps"),
        framework_version=FRAMEWORK,
        role=role,
        instance_type=settings.instance_type,
        metric_definitions=[{"Name": "validation:auc", "Regex": "validation:auc=([0-9.]+);"}],
        sagemaker_session=session,
    )
    channels = {name: TrainingInput(outputs[name].S3Output.S3Uri) for name in ("train", "validation")}
    train = TrainingStep("Train", step_args=estimator.fit(channels))

    report = PropertyFile("Evaluation", output_name="evaluation", path="evaluation.json")
    evaluate = ProcessingStep(
        "Evaluate",
        step_args=processor.run(
            code=str(HERE / "steps" / "evaluate.py"),
            inputs=[
                ProcessingInput(
                    source=train.properties.ModelArtifacts.S3ModelArtifacts, destination="/opt/ml/processing/model"
                ),
                ProcessingInput(source=outputs["test"].S3Output.S3Uri, destination="/opt/ml/processing/test"),
            ],
            outputs=[ProcessingOutput(output_name="evaluation", source="/opt/ml/processing/evaluation")],
        ),
        property_files=[report],
    )
    measured = evaluate.properties.ProcessingOutputConfig.Outputs["evaluation"].S3Output.S3Uri
    model = SKLearnModel(
        model_data=train.properties.ModelArtifacts.S3ModelArtifacts,
        role=role,
        entry_point="train.py",
        source_dir=str(HERE / "steps"),
        framework_version=FRAMEWORK,
        sagemaker_session=session,
    )
    register = ModelStep(
        "Register",
        step_args=model.register(
            content_types=["text/csv"],
            response_types=["text/csv"],
            inference_instances=[settings.instance_type],
            transform_instances=[settings.instance_type],
            model_package_group_name=settings.group,
            approval_status="PendingManualApproval",
            model_metrics=ModelMetrics(
                model_statistics=MetricsSource(
                    s3_uri=Join("/", [measured, "evaluation.json"]), content_type="application/json"
                )
            ),
        ),
    )
    auc = JsonGet(evaluate.name, report, "binary_classification_metrics.auc.value")
    too_low = FailStep("TooLow", error_message=Join(" ", ["The AUC", auc, "is below the limit of", limit]))
    gate = ConditionStep(
        "Gate", conditions=[ConditionGreaterThanOrEqualTo(auc, limit)], if_steps=[register], else_steps=[too_low]
    )
    return Pipeline(
        settings.training_pipeline,
        parameters=[data, limit],
        steps=[split, train, evaluate, gate],
        sagemaker_session=session,
    )


def deploy_pipeline(settings, session, role):
    """One step: the function of deploy/deploy_model.py, which is uploaded together with the pipeline."""
    package = ParameterString("ModelPackageArn")
    function = Lambda(
        function_name=settings.function,
        execution_role_arn=role,
        script=str(HERE / "deploy" / "deploy_model.py"),
        handler="deploy_model.handler",
        runtime="python3.11",
        timeout=600,
        session=session,
    )
    deploy = LambdaStep(
        "Deploy",
        lambda_func=function,
        inputs={
            "model_package_arn": package,
            "endpoint_name": settings.endpoint,
            "role": role,
            "instance_type": settings.instance_type,
        },
        outputs=[LambdaOutput("config", LambdaOutputTypeEnum.String)],
    )
    return Pipeline(settings.deploy_pipeline, parameters=[package], steps=[deploy], sagemaker_session=session)


def quieten():
    """The SDK tells a page about every pipeline; what matters here is the one line at the end."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)


def main():
    quieten()
    settings, session = read_settings(), PipelineSession()
    session.default_bucket()  # makes the bucket when there is none yet
    role = os.environ.get("SAGEMAKER_ROLE") or sagemaker.get_execution_role(session)
    arns = [
        pipeline.upsert(role_arn=role)["PipelineArn"]
        for pipeline in (training_pipeline(settings, session, role), deploy_pipeline(settings, session, role))
    ]
    rules.connect(settings, role, *arns)
    print(f"{settings.name} is up; new CSV files in s3://{settings.bucket}/{settings.prefix}/incoming/ are learned")


if __name__ == "__main__":
    main()
