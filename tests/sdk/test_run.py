"""Experiment runs and lineage of the SageMaker SDK: parameters, metrics, files, charts, artifacts and queries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.server import INSTANCE, SKLEARN, Server

PROGRAM = """
import os
import sys
from pathlib import Path

import sagemaker
from sagemaker.experiments.run import Run, list_runs, load_run

session = sagemaker.Session()
Path("notes.txt").write_text("hello")
with Run(experiment_name="Churn-Study", run_name="First-Run", sagemaker_session=session) as run:
    run.log_parameter("depth", 3)
    run.log_parameters({"lr": 0.1, "kind": "tree"})
    for step in range(3):
        run.log_metric(name="loss", value=1.0 / (step + 1), step=step)
    run.log_file("notes.txt", name="notes")
with load_run(experiment_name="Churn-Study", run_name="First-Run", sagemaker_session=session) as run:
    run.log_parameter("later", 1)
    truth, scores = [0, 1, 1, 0], [0.2, 0.7, 0.6, 0.4]
    run.log_confusion_matrix(truth, [0, 1, 0, 0], title="confusion")
    run.log_roc_curve(truth, scores, title="roc")
    run.log_precision_recall(truth, scores, positive_label=1, title="precision")
    run.log_artifact("table", "s3://b/table", media_type="text/csv", is_output=False)
print("runs", [item.run_name for item in list_runs("Churn-Study", sagemaker_session=session)])
os.environ["TRAINING_JOB_ARN"] = sys.argv[1]  # as inside of the job
with load_run(sagemaker_session=session) as run:
    run.log_metric(name="inside", value=2.0, step=0)
"""
LINEAGE = """
import sys

import sagemaker
from sagemaker.lineage.artifact import Artifact, ModelArtifact
from sagemaker.lineage.association import Association
from sagemaker.lineage.context import Context, EndpointContext
from sagemaker.lineage.query import LineageFilter, LineageQuery, LineageQueryDirectionEnum, LineageSourceEnum
from sagemaker.lineage.visualizer import LineageTableVisualizer

session = sagemaker.Session()
with_session = {"sagemaker_session": session}
data = Artifact.create(artifact_name="d", source_uri="s3://b/sdk-data", artifact_type="DataSet", **with_session)
(known,) = Artifact.list(source_uri="s3://b/sdk-model", **with_session)
model = ModelArtifact.load(artifact_arn=known.artifact_arn, **with_session)
Association.create(
    source_arn=data.artifact_arn, destination_arn=model.artifact_arn, association_type="DerivedFrom", **with_session
)
(endpoint,) = Context.list(source_uri=sys.argv[1], **with_session)
context = EndpointContext.load(context_name=endpoint.context_name, **with_session)
print("datasets", [found.source.source_uri for found in context.dataset_artifacts()])
print("endpoints", [found.context_name == endpoint.context_name for found in model.endpoint_contexts()])
print("deployed", [found.destination_arn == endpoint.context_arn for found in model.endpoints()])
result = LineageQuery(session).query(
    start_arns=[sys.argv[1]],
    query_filter=LineageFilter(sources=[LineageSourceEnum.DATASET]),
    direction=LineageQueryDirectionEnum.ASCENDANTS,
)
print("path", [vertex.lineage_source for vertex in result.vertices], len(result.edges))
table = LineageTableVisualizer(session).show(artifact_arn=model.artifact_arn)
print(table[["Name/Source", "Direction", "Type"]].values.tolist())
data.artifact_name = "renamed"
data.save()
print("renamed", [item.artifact_name for item in Artifact.list(source_uri="s3://b/sdk-data", **with_session)])
data.delete(disassociate=True)
print("left", len(list(Association.list(destination_arn=model.artifact_arn, **with_session))))
"""


def test_a_run_is_kept(run_client: Callable[..., str], server: Server, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    sagemaker = server.client("sagemaker")
    job = sagemaker.create_training_job(
        TrainingJobName="in-a-run",
        AlgorithmSpecification={"TrainingImage": SKLEARN, "TrainingInputMode": "File"},
        RoleArn=server.role,
        OutputDataConfig={"S3OutputPath": "s3://tests/out"},
        ResourceConfig={"InstanceType": INSTANCE, "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
        ExperimentConfig={"ExperimentName": "churn-study", "RunName": "first-run"},
    )["TrainingJobArn"]
    sagemaker.stop_training_job(TrainingJobName="in-a-run")
    assert "runs ['First-Run']" in run_client(program, job).replace("first-run", "First-Run")
    (found,) = sagemaker.list_trial_components(ExperimentName="churn-study")["TrialComponentSummaries"]
    described = sagemaker.describe_trial_component(TrialComponentName=found["TrialComponentName"])
    assert described["Parameters"]["depth"] == {"NumberValue": 3.0}
    assert described["Parameters"]["kind"] == {"StringValue": "tree"}
    assert described["Parameters"]["later"] == {"NumberValue": 1.0}
    (loss,) = [metric for metric in described["Metrics"] if metric["MetricName"] == "loss"]
    assert (loss["Count"], loss["Max"], loss["Last"]) == (3, 1.0, 1 / 3)
    assert [metric["Last"] for metric in described["Metrics"] if metric["MetricName"] == "inside"] == [2.0]
    assert described["OutputArtifacts"]["notes"]["Value"].startswith("s3://")
    assert described["Status"]["PrimaryStatus"] == "Completed"
    component = described["TrialComponentArn"]
    made = sagemaker.list_associations(SourceArn=component)["AssociationSummaries"]
    charts = ["ConfusionMatrix", "PrecisionRecallCurve", "ROCCurve"]
    assert sorted(edge["DestinationType"] for edge in made) == charts
    assert described["InputArtifacts"]["table"] == {"MediaType": "text/csv", "Value": "s3://b/table"}


def test_the_lineage_classes_work(run_client: Callable[..., str], server: Server, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(LINEAGE)
    sagemaker = server.client("sagemaker")
    container = {"Image": SKLEARN, "ModelDataUrl": "s3://b/sdk-model"}
    sagemaker.create_model(ModelName="lineage", PrimaryContainer=container, ExecutionRoleArn=server.role)
    variant = {"VariantName": "A", "ModelName": "lineage", "InitialInstanceCount": 1, "InstanceType": INSTANCE}
    sagemaker.create_endpoint_config(EndpointConfigName="lineage", ProductionVariants=[variant])
    endpoint = sagemaker.create_endpoint(EndpointName="lineage", EndpointConfigName="lineage")["EndpointArn"]
    sagemaker.delete_endpoint(EndpointName="lineage")
    said = run_client(program, endpoint).splitlines()
    action = sagemaker.list_actions(SourceUri=endpoint)["ActionSummaries"][0]["ActionName"]
    assert [line.replace(action, "ACTION") for line in said[-7:]] == [
        "datasets ['s3://b/sdk-data']",
        "endpoints [True]",
        "deployed [True]",
        "path ['Endpoint', 'ModelDeployment', 'Model', 'DataSet'] 3",
        "[['d', 'Input', 'DataSet'], ['ACTION', 'Output', 'ModelDeployment']]",
        "renamed ['renamed']",
        "left 0",
    ]
