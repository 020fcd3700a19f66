"""The names and limits of this project, from settings.json."""

import json
from dataclasses import dataclass
from pathlib import Path

import boto3

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Settings:
    """`smallest_auc` is what the gate asks of a new model; `target` the column to be predicted (0 or 1)."""

    name: str
    target: str
    smallest_auc: float
    instance_type: str
    bucket: str

    prefix = property(lambda self: self.name)
    group = property(lambda self: self.name)
    endpoint = property(lambda self: self.name)
    training_pipeline = property(lambda self: f"{self.name}-training")
    deploy_pipeline = property(lambda self: f"{self.name}-deploy")
    function = property(lambda self: f"{self.name}-deploy-model")

    def rule(self, event):
        return f"{self.name}-{event}"


def read_settings():
    """`bucket` may be left empty: then it is SageMaker's default bucket."""
    values = json.loads((HERE / "settings.json").read_text())
    return Settings(**{**values, "bucket": values["bucket"] or default_bucket()})


def default_bucket():
    """The name that the SageMaker SDK gives it."""
    session = boto3.Session()
    return f"sagemaker-{session.region_name}-{session.client('sts').get_caller_identity()['Account']}"
