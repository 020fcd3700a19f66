"""What happens by itself: new data starts the training pipeline, an approval starts the deploy pipeline, and once a
week the training pipeline runs on all the data there is."""

import json

import boto3


def connect(settings, role, training_arn, deploy_arn):
    """Make or renew the rules; safe to repeat."""
    boto3.client("s3").put_bucket_notification_configuration(
        Bucket=settings.bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    new_data = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {
            "bucket": {"name": [settings.bucket]},
            "object": {"key": [{"wildcard": f"{settings.prefix}/incoming/*.csv"}]},
        },
    }
    approved = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {"ModelPackageGroupName": [settings.group], "ModelApprovalStatus": ["Approved"]},
    }
    package = [{"Name": "ModelPackageArn", "Value": "$.detail.ModelPackageArn"}]
    _rule(settings.rule("new-data"), training_arn, role, [], EventPattern=json.dumps(new_data))
    _rule(settings.rule("approved"), deploy_arn, role, package, EventPattern=json.dumps(approved))
    _rule(settings.rule("weekly"), training_arn, role, [], ScheduleExpression="cron(0 3 ? * SUN *)")


def disconnect(settings):
    """Remove the rules."""
    events = boto3.client("events")
    for name in ("new-data", "approved", "weekly"):
        rule = settings.rule(name)
        if any(item["Name"] == rule for item in events.list_rules(NamePrefix=rule)["Rules"]):
            events.remove_targets(Rule=rule, Ids=["pipeline"])
            events.delete_rule(Name=rule)


def _rule(name, pipeline_arn, role, parameters, **what):
    events = boto3.client("events")
    events.put_rule(Name=name, State="ENABLED", **what)
    target = {
        "Id": "pipeline",
        "Arn": pipeline_arn,
        "RoleArn": role,
        "SageMakerPipelineParameters": {"PipelineParameterList": parameters},
    }
    answer = events.put_targets(Rule=name, Targets=[target])
    if answer["FailedEntryCount"]:
        raise SystemExit(f"The rule {name} was refused: {answer['FailedEntries']}")
