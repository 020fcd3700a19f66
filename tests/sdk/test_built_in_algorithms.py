"""The SDK's classes of built-in algorithms as users call them: record sets, several instances, tuning, predictors."""

from __future__ import annotations

import re
from pathlib import Path

from clary.runtimes.registries import read_address
from tests.sdk.conftest import Run

PROGRAM = """
import boto3, numpy, sagemaker
from sagemaker import image_uris, KMeans, KMeansModel, LinearLearner, LinearLearnerModel
from sagemaker.tuner import ContinuousParameter, HyperparameterTuner

session = sagemaker.Session()
role = sagemaker.get_execution_role()
random = numpy.random.default_rng(1)
low, high = random.normal(0, 1, (100, 3)), random.normal(9, 1, (100, 3))
x = numpy.concatenate([low, high]).astype("float32")
y = numpy.repeat([0.0, 1.0], 100).astype("float32")

groups = KMeans(role, 2, "ml.m5.large", k=2, sagemaker_session=session)
groups.fit(groups.record_set(x), wait=False)
line = LinearLearner(role, 1, "ml.m5.large", predictor_type="binary_classifier", sagemaker_session=session)
records = [line.record_set(x, y), line.record_set(x, y, channel="validation")]
tuner = HyperparameterTuner(line, "validation:objective_loss", {"wd": ContinuousParameter(1e-5, 1e-2)},
                            objective_type="Minimize", max_jobs=2, max_parallel_jobs=2)
tuner.fit(records, wait=False)
groups.latest_training_job.wait(logs=False)
tuner.wait()

client = boto3.client("sagemaker")
job = client.describe_training_job(TrainingJobName=groups.latest_training_job.name)
print("groups", {item["MetricName"]: round(item["Value"], 1) for item in job["FinalMetricDataList"]}["train:msd"])
print("course", len(groups.training_job_analytics.dataframe()) >= 1)
best = client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=tuner.latest_tuning_job.name)
print("objective", best["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] < 0.1)
job = client.describe_training_job(TrainingJobName=tuner.best_training_job())

models = [KMeansModel(groups.model_data, role, sagemaker_session=session),
          LinearLearnerModel(job["ModelArtifacts"]["S3ModelArtifacts"], role, sagemaker_session=session)]
near, side = (model.deploy(1, "ml.m5.large", wait=False) for model in models)
for predictor in (near, side):
    client.get_waiter("endpoint_in_service").wait(EndpointName=predictor.endpoint_name)
asked = numpy.array([[0, 0, 0], [9, 9, 9]], "float32")
found = [record.label["closest_cluster"].float32_tensor.values[0] for record in near.predict(asked)]
far = [record.label["distance_to_cluster"].float32_tensor.values[0] for record in near.predict(asked)]
print("clusters", sorted(found), max(far) < 1)
answers = side.predict(asked)
print("labels", [record.label["predicted_label"].float32_tensor.values[0] for record in answers],
      answers[0].label["score"].float32_tensor.values[0] < 0.5)
for predictor in (near, side):
    predictor.delete_endpoint()

for name in ("kmeans", "knn", "linear-learner", "pca", "randomcutforest", "xgboost"):
    known = image_uris.config_for_framework(name)
    for region in known.get("training", known)["versions"]["1"]["registries"]:
        print("address", image_uris.retrieve(name, region, "1"))
"""


def test_record_sets_train_and_predictors_answer(run_client: Run, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    shown = run_client(tmp_path / "program.py")
    found = re.search(r"^groups (\S+)$", shown, re.MULTILINE)
    assert found is not None, shown
    assert 2 < float(found[1]) < 4  # three numbers with a variance of one
    assert "course True" in shown
    assert "objective True" in shown
    assert "clusters [0.0, 1.0] True" in shown
    assert "labels [0.0, 1.0] True" in shown
    addresses = re.findall(r"^address (\S+)$", shown, re.MULTILINE)
    assert len(addresses) > 150
    assert [each for each in addresses if not read_address(each).is_algorithms] == []
