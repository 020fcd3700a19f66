"""Process, train, deploy and predict with Amazon SageMaker, on real data.

Plain boto3 and the plain SageMaker Python SDK (v2); nothing here knows where it runs. Credentials, region and
endpoint come from the environment. Give SAGEMAKER_ROLE the ARN of an execution role when the caller's identity
is not a role itself.

Data: the breast cancer Wisconsin (diagnostic) set of the UCI repository, as scikit-learn ships it.
"""

import argparse
import os
import time
from pathlib import Path

import boto3
import sagemaker
from sagemaker.processing import ProcessingInput, ProcessingOutput
from sagemaker.sklearn.estimator import SKLearn
from sagemaker.sklearn.processing import SKLearnProcessor
from sklearn.datasets import load_breast_cancer

HERE = Path(__file__).parent
INSTANCE = "ml.m5.large"
FRAMEWORK = "1.2-1"


def step(title):
    print(f"==> {title}", flush=True)


def result(text):
    print(f"  = {text}", flush=True)


def upload(session, prefix):
    """Write the data set as CSV (label first) and put it into the default bucket."""
    step("Upload the data set to S3")
    data = load_breast_cancer(as_frame=True)
    table = data.frame[["target", *data.feature_names]]
    body = table.to_csv(index=False).encode()
    bucket, key = session.default_bucket(), f"{prefix}/raw/breast-cancer.csv"
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    result(f"{len(table)} rows, {len(body):,} bytes in bucket {bucket}")
    return f"s3://{bucket}/{prefix}"


def process(session, role, base):
    """Split the data in a processing job."""
    step("Split it in a processing job")
    processor = SKLearnProcessor(
        framework_version=FRAMEWORK,
        role=role,
        instance_type=INSTANCE,
        instance_count=1,
        base_job_name="tour-split",
        sagemaker_session=session,
    )
    processor.run(
        code=str(HERE / "split.py"),
        inputs=[ProcessingInput(source=f"{base}/raw", destination="/opt/ml/processing/input")],
        outputs=[
            ProcessingOutput(output_name=name, source=f"/opt/ml/processing/{name}", destination=f"{base}/{name}")
            for name in ("train", "test")
        ],
        arguments=["--test-rows", "100"],
        logs=False,
    )
    job = processor.latest_job.describe()
    result(f"{job['ProcessingJobName']} {job['ProcessingJobStatus']}")
    return job["ProcessingJobName"]


def train(session, role, base):
    """Train with an ordinary script."""
    step("Train a model with the SageMaker SDK")
    estimator = SKLearn(
        entry_point="train.py",
        source_dir=str(HERE),
        framework_version=FRAMEWORK,
        role=role,
        instance_type=INSTANCE,
        hyperparameters={"trees": 50, "max-depth": 6},
        base_job_name="tour-train",
        output_path=f"{base}/models",
        code_location=f"{base}/code",
        sagemaker_session=session,
    )
    estimator.fit({"train": f"{base}/train"}, logs="None")
    result(f"{estimator.latest_training_job.name} wrote model.tar.gz")
    return estimator


def deploy(estimator):
    """Create the endpoint and wait with boto3's own waiter."""
    step("Deploy it to an endpoint")
    predictor = estimator.deploy(initial_instance_count=1, instance_type=INSTANCE, wait=False)
    waiter = boto3.client("sagemaker").get_waiter("endpoint_in_service")
    waiter.wait(EndpointName=predictor.endpoint_name, WaiterConfig={"Delay": 1, "MaxAttempts": 900})
    result(f"{predictor.endpoint_name} is InService")
    return predictor


def predict(base, endpoint):
    """Ask for 100 predictions, one request each, and compare them with the truth."""
    step("Ask for 100 predictions with boto3")
    bucket, _, prefix = base.removeprefix("s3://").partition("/")
    body = boto3.client("s3").get_object(Bucket=bucket, Key=f"{prefix}/test/test.csv")["Body"].read()
    rows = [line.split(",", 1) for line in body.decode().splitlines()]
    runtime = boto3.client("sagemaker-runtime")
    started, right = time.perf_counter(), 0
    for label, features in rows:
        answer = runtime.invoke_endpoint(
            EndpointName=endpoint, ContentType="text/csv", Accept="text/csv", Body=features
        )
        right += round(float(answer["Body"].read())) == int(label)
    seconds = time.perf_counter() - started
    result(f"accuracy {right / len(rows):.2f} on {len(rows)} rows, {1000 * seconds / len(rows):.1f} ms per request")


def show_logs(job):
    """Print what the training job printed."""
    step("Read the training job's log")
    logs = boto3.client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    for stream in logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/")["logStreams"]:
        events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)
        for event in events["events"][-4:]:
            print(f"    {event['message']}")
        result(f"{len(events['events'])} lines in {group}")


def clean(predictor, base):
    """Delete the endpoint, its configuration, the model and every object of the tour."""
    step("Delete everything")
    predictor.delete_model()
    predictor.delete_endpoint()
    boto3.client("sagemaker").get_waiter("endpoint_deleted").wait(
        EndpointName=predictor.endpoint_name, WaiterConfig={"Delay": 1, "MaxAttempts": 600}
    )
    bucket, _, prefix = base.removeprefix("s3://").partition("/")
    removed = boto3.resource("s3").Bucket(bucket).objects.filter(Prefix=f"{prefix}/").delete()
    count = sum(len(page.get("Deleted", [])) for page in removed)
    result(f"endpoint, configuration and model are gone, and {count} objects")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="leave the endpoint and the objects")
    keep = parser.parse_args().keep
    session = sagemaker.Session()
    role = os.environ.get("SAGEMAKER_ROLE") or sagemaker.get_execution_role(session)
    base = upload(session, f"tour-{int(time.time())}")
    process(session, role, base)
    estimator = train(session, role, base)
    predictor = deploy(estimator)
    predict(base, predictor.endpoint_name)
    show_logs(estimator.latest_training_job.name)
    if keep:
        result(f"endpoint {predictor.endpoint_name} and {base} are kept")
    else:
        clean(predictor, base)


if __name__ == "__main__":
    main()
