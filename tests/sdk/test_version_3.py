"""Version 3 of the SDK as it is: trainer, processor, a deployed model, a pipeline with a gate, the registry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.server import Server, log_of

TRAIN = """
import os
import joblib, pandas as pd
from sklearn.linear_model import LogisticRegression
table = pd.read_csv(os.environ["SM_CHANNEL_TRAIN"] + "/t.csv", header=None)
print("alpha", os.environ["SM_HP_ALPHA"], "of", os.environ["SM_HPS"])
joblib.dump(LogisticRegression().fit(table[[0, 1]].to_numpy(), table[2]), os.environ["SM_MODEL_DIR"] + "/m.joblib")
"""
SERVE = """
import joblib
def model_fn(folder):
    return joblib.load(folder + "/m.joblib")
"""
EVALUATE = """
import json, os
print("found", os.listdir("/opt/ml/processing/model"))
json.dump({"figures": {"auc": 0.9}}, open("/opt/ml/processing/report/report.json", "w"))
"""

PROGRAM = """
from pathlib import Path

from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.resources import ModelPackage, ProcessingJob, TrainingJob
from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output
from sagemaker.core.workflow.conditions import ConditionGreaterThanOrEqualTo
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterString
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import ProcessingStep, TrainingStep
from sagemaker.serve import ModelBuilder
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, SourceCode

HERE, INSTANCE = Path.cwd(), "ml.m5.large"
image = image_uris.retrieve("sklearn", "us-east-1", "1.2-1", py_version="py3", instance_type=INSTANCE)
source = SourceCode(source_dir=str(HERE / "src"), entry_script="train.py")


def trainer(session):
    return ModelTrainer(
        training_image=image, source_code=source, compute=Compute(instance_type=INSTANCE, instance_count=1),
        hyperparameters={"alpha": 0.5, "n": 3}, base_job_name="v3", role=role, sagemaker_session=session)


def builder(session, data):
    return ModelBuilder(
        s3_model_data_url=data, image_uri=image, role_arn=role, sagemaker_session=session, instance_type=INSTANCE,
        source_code=SourceCode(source_dir=str(HERE / "src"), entry_script="serve.py"))


def evaluate(session, model):
    where = ProcessingS3Input(s3_uri=model, local_path="/opt/ml/processing/model", s3_data_type="S3Prefix",
                              s3_input_mode="File")
    report = ProcessingS3Output(s3_uri=f"s3://{bucket}/report", local_path="/opt/ml/processing/report",
                                s3_upload_mode="EndOfJob")
    processor = ScriptProcessor(image_uri=image, command=["python3"], role=role, instance_count=1,
                                instance_type=INSTANCE, sagemaker_session=session)
    inputs = [ProcessingInput(input_name="model", s3_input=where)]
    outputs = [ProcessingOutput(output_name="report", s3_output=report)]
    return processor.run(code=str(HERE / "src" / "evaluate.py"), inputs=inputs, outputs=outputs)


session, role = Session(), get_execution_role()
bucket = session.default_bucket()
data = session.upload_data("t.csv", key_prefix="v3")
first = trainer(session)
first.train(input_data_config=[InputData(channel_name="train", data_source=data)])
job = TrainingJob.get(first._latest_training_job.training_job_name)
model_data = job.model_artifacts.s3_model_artifacts
print("trained", job.training_job_status, model_data.endswith("model.tar.gz"))
evaluate(session, model_data)
newest = next(iter(ProcessingJob.get_all(sort_by="CreationTime", sort_order="Descending")))
print("processed", newest.processing_job_status)

endpoint_builder = builder(session, model_data)
endpoint_builder.build(model_name="v3")
endpoint = endpoint_builder.deploy(endpoint_name="v3")
answer = endpoint.invoke(body=b"2,0\\n-2,0\\n", content_type="text/csv", accept="application/json")
print("answered", answer.body.read().decode())
endpoint.delete()

pipeline_session = PipelineSession()
channel = ParameterString("Data", default_value=data)
limit = ParameterFloat("Limit", default_value=0.5)
train = TrainingStep("Train", step_args=trainer(pipeline_session).train(
    input_data_config=[InputData(channel_name="train", data_source=channel)]))
artifacts = train.properties.ModelArtifacts.S3ModelArtifacts
report = PropertyFile("Report", output_name="report", path="report.json")
check = ProcessingStep("Evaluate", step_args=evaluate(pipeline_session, artifacts), property_files=[report])
register = ModelStep("Register", step_args=builder(pipeline_session, artifacts).register(
    model_package_group_name="v3", content_types=["text/csv"], response_types=["text/csv"],
    inference_instances=[INSTANCE], transform_instances=[INSTANCE], approval_status="PendingManualApproval"))
auc = JsonGet(step_name="Evaluate", property_file=report, json_path="figures.auc")
gate = ConditionStep("Gate", conditions=[ConditionGreaterThanOrEqualTo(left=auc, right=limit)], if_steps=[register],
                     else_steps=[FailStep("TooLow", error_message=Join(" ", ["only", auc]))])
pipeline = Pipeline("v3", parameters=[channel, limit], steps=[train, check, gate], sagemaker_session=pipeline_session)
for _ in range(2):
    pipeline.upsert(role_arn=role)
execution = pipeline.start()
execution.wait()
print("executed", sorted((step["StepName"].split("-")[0], step["StepStatus"]) for step in execution.list_steps()))
(version,) = ModelPackage.get_all(model_package_group_name="v3")
print("registered", version.model_package_version, version.model_approval_status)
execution = pipeline.start(parameters={"Limit": 0.95})
try:
    execution.wait()
except Exception as error:
    print("refused", execution.describe()["PipelineExecutionStatus"], execution.list_steps()[0]["FailureReason"])
"""


def test_what_users_of_version_3_do(run_client_3: Callable[..., str], server: Server, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    for name, text in (("train.py", TRAIN), ("serve.py", SERVE), ("evaluate.py", EVALUATE)):
        (tmp_path / "src" / name).write_text(text)
    (tmp_path / "t.csv").write_text("".join(f"{x},{-x},{int(x > 0)}\n" for x in (-3, -2, -1, 1, 2, 3)))
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    shown = run_client_3(program)
    assert 'alpha 0.5 of {"alpha": 0.5, "n": 3}' in log_of(server, "/aws/sagemaker/TrainingJobs", "v3-")
    assert "trained Completed True" in shown
    assert "processed Completed" in shown
    assert "answered [1, 0]" in shown
    assert "('Evaluate', 'Succeeded'), ('Gate', 'Succeeded'), ('Register', 'Succeeded')" in shown
    assert "registered 1 PendingManualApproval" in shown
    assert "refused Failed only 0.9" in shown
