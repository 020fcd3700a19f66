"""The pipeline that most users begin with: prepare, train XGBoost, evaluate; when good enough, register and score."""

from __future__ import annotations

import re
from pathlib import Path

from tests.sdk.conftest import Run

PREPARE = """
import numpy, pandas
root = "/opt/ml/processing"
table = pandas.read_csv(f"{root}/input/abalone.csv", header=None)
table = table.sample(frac=1, random_state=1)
train, validation, test = numpy.split(table, [int(0.7 * len(table)), int(0.85 * len(table))])
for name, part in (("train", train), ("validation", validation), ("test", test)):
    part.to_csv(f"{root}/{name}/{name}.csv", header=False, index=False)
test[test.columns[1:]].to_csv(f"{root}/batch/rows.csv", header=False, index=False)
"""
EVALUATE = """
import json, tarfile
import pandas, xgboost
root = "/opt/ml/processing"
tarfile.open(f"{root}/model/model.tar.gz").extractall(".", filter="data")
model = xgboost.Booster()
model.load_model("xgboost-model")
test = pandas.read_csv(f"{root}/test/test.csv", header=None)
error = test[0] - model.predict(xgboost.DMatrix(test[test.columns[1:]].values))
mse = {"value": float((error ** 2).mean()), "standard_deviation": float(error.std())}
report = {"regression_metrics": {"mse": mse}}
json.dump(report, open(f"{root}/evaluation/evaluation.json", "w"))
"""
PROGRAM = """
import time
from pathlib import Path

import numpy, pandas, sagemaker
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput, TransformInput
from sagemaker.model import Model
from sagemaker.model_metrics import MetricsSource, ModelMetrics
from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor
from sagemaker.sklearn.processing import SKLearnProcessor
from sagemaker.transformer import Transformer
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionLessThanOrEqualTo
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.functions import Join, JsonGet
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.parameters import ParameterFloat, ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import ProcessingStep, TrainingStep, TransformStep

session = PipelineSession()
role = sagemaker.get_execution_role()
bucket = session.default_bucket()
kind = {"instance_count": 1, "instance_type": "ml.m5.xlarge"}
random = numpy.random.default_rng(1)
x = random.random((2000, 8))
y = (30 * x[:, 0] * x[:, 1] + random.normal(0, 0.5, 2000)).round(2)
pandas.DataFrame(numpy.column_stack([y, x])).to_csv("abalone.csv", header=False, index=False)
data = session.upload_data("abalone.csv", key_prefix="abalone")

source = ParameterString("InputData", default_value=data)
limit = ParameterFloat("MseThreshold", default_value=6.0)
names = ("train", "validation", "test", "batch")
outputs = [ProcessingOutput(output_name=name, source=f"/opt/ml/processing/{name}") for name in names]
processor = SKLearnProcessor("1.2-1", role, sagemaker_session=session, **kind)
inputs = [ProcessingInput(source=source, destination="/opt/ml/processing/input")]
prepare = ProcessingStep("AbaloneProcess", step_args=processor.run(code="prepare.py", outputs=outputs, inputs=inputs))
prepared = {name: prepare.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri for name in names}
image = sagemaker.image_uris.retrieve("xgboost", "us-east-1", version="1.7-1")
booster = Estimator(image, role, output_path=f"s3://{bucket}/abalone/models", sagemaker_session=session, **kind)
booster.set_hyperparameters(objective="reg:squarederror", num_round=50, max_depth=5, eta=0.2)
train = TrainingStep("AbaloneTrain", step_args=booster.fit(
    {name: TrainingInput(prepared[name], content_type="text/csv") for name in ("train", "validation")}))
artifact = train.properties.ModelArtifacts.S3ModelArtifacts
report = PropertyFile("EvaluationReport", output_name="evaluation", path="evaluation.json")
scripts = ScriptProcessor(role, image, ["python3"], sagemaker_session=session, **kind)
evaluate = ProcessingStep("AbaloneEval", property_files=[report], step_args=scripts.run(
    code="evaluate.py", outputs=[ProcessingOutput(output_name="evaluation", source="/opt/ml/processing/evaluation")],
    inputs=[ProcessingInput(source=artifact, destination="/opt/ml/processing/model"),
            ProcessingInput(source=prepared["test"], destination="/opt/ml/processing/test")]))
model = Model(image, model_data=artifact, role=role, sagemaker_session=session)
create = ModelStep("AbaloneCreate", step_args=model.create(instance_type="ml.m5.large"))
transformer = Transformer(create.properties.ModelName, 1, "ml.m5.xlarge", output_path=f"s3://{bucket}/abalone/scored",
                          sagemaker_session=session)
score = TransformStep("AbaloneTransform", step_args=transformer.transform(
    prepared["batch"], content_type="text/csv", split_type="Line"))
at = Join(on="/", values=[evaluate.properties.ProcessingOutputConfig.Outputs["evaluation"].S3Output.S3Uri,
                          "evaluation.json"])
register = ModelStep("AbaloneRegister", step_args=model.register(
    content_types=["text/csv"], response_types=["text/csv"], inference_instances=["ml.m5.large"],
    transform_instances=["ml.m5.large"], model_package_group_name="abalone", approval_status="PendingManualApproval",
    model_metrics=ModelMetrics(model_statistics=MetricsSource(s3_uri=at, content_type="application/json"))))
fail = FailStep("AbaloneFail", error_message=Join(on=" ", values=["MSE is above", limit]))
mse = JsonGet(step_name=evaluate.name, property_file=report, json_path="regression_metrics.mse.value")
gate = ConditionStep("AbaloneGate", conditions=[ConditionLessThanOrEqualTo(mse, limit)],
                     if_steps=[register, create, score], else_steps=[fail])
steps = [prepare, train, evaluate, gate]
pipeline = Pipeline("abalone", parameters=[source, limit], steps=steps, sagemaker_session=session)
pipeline.upsert(role)
begun = time.monotonic()
execution = pipeline.start()
execution.wait(delay=1)
print("took", round(time.monotonic() - begun, 1))
for item in reversed(execution.list_steps()):
    seconds = (item["EndTime"] - item["StartTime"]).total_seconds()
    print("step", item["StepName"], item["StepStatus"], round(seconds, 1))
"""


def test_the_abalone_pipeline_registers_and_scores(run_client: Run, tmp_path: Path) -> None:
    for name, text in (("prepare.py", PREPARE), ("evaluate.py", EVALUATE), ("client.py", PROGRAM)):
        (tmp_path / name).write_text(text)
    shown = run_client(tmp_path / "client.py")
    steps = re.findall(r"^step (\S+) (\S+)", shown, re.MULTILINE)
    names = ["Process", "Train", "Eval", "Gate", "Create-CreateModel", "Register-RegisterModel", "Transform"]
    assert sorted(steps) == sorted((f"Abalone{name}", "Succeeded") for name in names)
