"""What doors are told of endpoints besides their replicas: the tags that policies ask for."""

from __future__ import annotations

from clary.base.snapshots import Endpoint, read_routes
from clary.engine.routes import RouteWriter
from clary.engine.surroundings import Surroundings
from clary.store import tags
from tests.engine.running import make


def told(around: Surroundings) -> Endpoint:
    (endpoint,) = read_routes(around.settings.layout.routes).endpoints.values()
    return endpoint


def test_tags_of_endpoints_are_in_the_snapshot(around: Surroundings) -> None:
    row = make(around, "endpoint", "Creating", {"target": None, "config": "c", "fleet": []})
    writer = RouteWriter(around)
    around.database.listen(writer.on_commit)
    writer.publish()
    assert told(around).tags == {}
    with around.database.write() as tx:
        tags.put(tx, row.arn, {"Team": "fraud", "Stage": "test"})
        tags.put(tx, f"{row.arn}-other", {"Team": "others"})
        tx.touch(tags.TOUCHED, "tags")
    assert told(around).tags == {"Team": "fraud", "Stage": "test"}
    with around.database.write() as tx:
        tags.drop(tx, row.arn, ["Stage"])
        tx.touch(tags.TOUCHED, "tags")
    assert told(around).tags == {"Team": "fraud"}
