"""The project's own commands. Nothing here knows whether it speaks to AWS or to Clary.

python pipelines.py                   make or renew pipelines, function and rules
python project.py upload data/x.csv   what the application does whenever it has new data
python project.py status              executions and versions with their figures
python project.py approve [VERSION]   release a version (the newest by default)
python project.py predict 1.2,red,... ask the endpoint: the columns of data/first.csv without the target
python project.py down                remove everything but the data
"""

import argparse
import json
import time
from pathlib import Path

import boto3
import rules
from botocore.exceptions import ClientError
from settings import read_settings


def upload(settings, arguments):
    if not Path(arguments.file).is_file():
        raise SystemExit(f"There is no file {arguments.file}.")
    key = f"{settings.prefix}/incoming/{Path(arguments.file).name}"
    boto3.client("s3").upload_file(arguments.file, settings.bucket, key)
    print(f"s3://{settings.bucket}/{key}")


def status(settings, _arguments):
    client = boto3.client("sagemaker")
    for name in (settings.training_pipeline, settings.deploy_pipeline):
        for run in client.list_pipeline_executions(PipelineName=name, MaxResults=5)["PipelineExecutionSummaries"]:
            described = client.describe_pipeline_execution(PipelineExecutionArn=run["PipelineExecutionArn"])
            why = described.get("FailureReason", "").replace("\n", " ")
            print(f"{name:40} {run['StartTime']:%Y-%m-%d %H:%M:%S} {run['PipelineExecutionStatus']:10} {why}")
    for version in versions(settings):
        described = client.describe_model_package(ModelPackageName=version["ModelPackageArn"])
        figures = ", ".join(f"{name} {value:.4f}" for name, value in metrics(described).items())
        number, approval = version["ModelPackageVersion"], version["ModelApprovalStatus"]
        print(f"{settings.group} version {number}: {approval}, {figures}")


def approve(settings, arguments):
    found = [v for v in versions(settings) if arguments.version in (None, v["ModelPackageVersion"])]
    if not found:
        raise SystemExit("There is no such version yet; see status.")
    boto3.client("sagemaker").update_model_package(
        ModelPackageArn=found[0]["ModelPackageArn"],
        ModelApprovalStatus="Approved",
        ApprovalDescription=arguments.comment,
    )
    print(f"version {found[0]['ModelPackageVersion']} is approved")


def predict(settings, arguments):
    runtime = boto3.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(
        EndpointName=settings.endpoint, ContentType="text/csv", Accept="text/csv", Body=arguments.row
    )
    print(answer["Body"].read().decode().strip())


def down(settings, _arguments):
    client = boto3.client("sagemaker")
    rules.disconnect(settings)
    gently(client.delete_endpoint, EndpointName=settings.endpoint)
    for item in client.list_endpoint_configs(NameContains=f"{settings.name}-", MaxResults=100)["EndpointConfigs"]:
        client.delete_endpoint_config(EndpointConfigName=item["EndpointConfigName"])
    for item in client.list_models(NameContains=f"{settings.name}-", MaxResults=100)["Models"]:
        client.delete_model(ModelName=item["ModelName"])
    for version in versions(settings):
        client.delete_model_package(ModelPackageName=version["ModelPackageArn"])
    gently(client.delete_model_package_group, ModelPackageGroupName=settings.group)
    for name in (settings.training_pipeline, settings.deploy_pipeline):
        gently(
            client.delete_pipeline, PipelineName=name, ClientRequestToken=f"{name}-{time.time_ns()}".rjust(32, "-")
        )
    gently(boto3.client("lambda").delete_function, FunctionName=settings.function)
    print(f"{settings.name} is gone; the data in s3://{settings.bucket}/{settings.prefix}/ is kept")


def versions(settings):
    """Versions of the model, newest first; none before the first one is registered."""
    try:
        return boto3.client("sagemaker").list_model_packages(
            ModelPackageGroupName=settings.group, SortBy="CreationTime", SortOrder="Descending"
        )["ModelPackageSummaryList"]
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ValidationException", "ResourceNotFound"):
            return []
        raise


def metrics(package):
    """What the evaluation step measured, from the file that the version points to."""
    uri = package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    document = json.loads(boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    return {name: entry["value"] for name, entry in document["binary_classification_metrics"].items()}


def gently(call, **arguments):
    """Delete what may be gone already."""
    try:
        call(**arguments)
    except ClientError as error:
        print(f"  {error.response['Error']['Message']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for function in (status, down):
        commands.add_parser(function.__name__).set_defaults(run=function)
    command = commands.add_parser("upload")
    command.add_argument("file")
    command.set_defaults(run=upload)
    command = commands.add_parser("approve")
    command.add_argument("version", type=int, nargs="?")
    command.add_argument("--comment", default="approved with project.py")
    command.set_defaults(run=approve)
    command = commands.add_parser("predict")
    command.add_argument("row")
    command.set_defaults(run=predict)
    arguments = parser.parse_args()
    try:
        arguments.run(read_settings(), arguments)
    except ClientError as error:
        raise SystemExit(f"{arguments.command}: {error.response['Error']['Message']}") from error


if __name__ == "__main__":
    main()
