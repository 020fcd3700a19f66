"""SageMaker pipelines: StartPipelineExecution. Options: SageMakerPipelineParameters.PipelineParameterList.

The token is derived from the delivery, so that a delivery that is repeated after a crash starts nothing twice.
"""

from __future__ import annotations

from clary.base.arns import parse_arn
from clary.engine.events.targets.target import Tools, actor_of, derived_token
from clary.store.deliveries import Delivery


def send(tools: Tools, delivery: Delivery) -> None:
    document = delivery.document
    given = (document["options"].get("SageMakerPipelineParameters") or {}).get("PipelineParameterList") or []
    parameters = {
        "PipelineName": parse_arn(document["target"]).resource_name,
        "ClientRequestToken": derived_token(delivery),
        "PipelineParameters": [{"Name": item["Name"], "Value": item["Value"]} for item in given],
    }
    tools.calls("sagemaker", "StartPipelineExecution", parameters, actor_of(delivery))
