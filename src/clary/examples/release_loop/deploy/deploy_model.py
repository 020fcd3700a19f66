"""The function that puts an approved version on the endpoint. It runs as a Lambda step of the deploy pipeline.

Called with {"model_package_arn", "endpoint_name", "role", "instance_type"}; answers {"endpoint", "config"}.
"""

import time

import boto3

WAIT_SECONDS = 540


def handler(event, _context):
    sagemaker = boto3.client("sagemaker")
    package, endpoint = event["model_package_arn"], event["endpoint_name"]
    name = f"{endpoint}-{package.rsplit('/', 1)[1]}-{int(time.time())}"
    sagemaker.create_model(
        ModelName=name, PrimaryContainer={"ModelPackageName": package}, ExecutionRoleArn=event["role"]
    )
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": name,
        "InstanceType": event["instance_type"],
        "InitialInstanceCount": 1,
    }
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    release(sagemaker, endpoint, name)
    wait(sagemaker, endpoint, name)
    print(f"{endpoint} serves {package}")
    return {"endpoint": endpoint, "config": name}


def release(sagemaker, endpoint, config):
    """Create the endpoint the first time, update it afterwards."""
    found = sagemaker.list_endpoints(NameContains=endpoint)["Endpoints"]
    if any(item["EndpointName"] == endpoint for item in found):
        sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    else:
        sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)


def wait(sagemaker, endpoint, config):
    """A failed update goes back to the old configuration: that must not look like a success."""
    deadline = time.time() + WAIT_SECONDS
    while time.time() < deadline:
        described = sagemaker.describe_endpoint(EndpointName=endpoint)
        if described["EndpointStatus"] not in ("Creating", "Updating"):
            break
        time.sleep(0.5)
    if described["EndpointStatus"] != "InService" or described["EndpointConfigName"] != config:
        raise RuntimeError(f"{endpoint} is {described['EndpointStatus']}: {described.get('FailureReason')}")
