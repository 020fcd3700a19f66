"""Log groups: one event in a stream of the day. The group must exist; streams are made as they are needed."""

from __future__ import annotations

from clary.base.arns import parse_arn
from clary.base.clock import to_epoch_ms
from clary.base.errors import ApiError
from clary.engine.events.targets.target import Tools, actor_of
from clary.store.deliveries import Delivery


def send(tools: Tools, delivery: Delivery) -> None:
    document = delivery.document
    arn = parse_arn(document["target"])
    group = arn.resource.removeprefix("log-group:").removesuffix(":*")
    stream = f"{delivery.since:%Y/%m/%d}/events"
    where = {"logGroupName": group, "logStreamName": stream}
    actor = actor_of(delivery)
    event = {"timestamp": to_epoch_ms(tools.clock.now()), "message": document["body"]}
    try:
        tools.calls("logs", "PutLogEvents", {**where, "logEvents": [event]}, actor)
    except ApiError as error:
        if error.code != "ResourceNotFoundException":
            raise
        try:
            tools.calls("logs", "CreateLogStream", where, actor)
        except ApiError as second:
            if second.code != "ResourceAlreadyExistsException":
                raise
        tools.calls("logs", "PutLogEvents", {**where, "logEvents": [event]}, actor)
