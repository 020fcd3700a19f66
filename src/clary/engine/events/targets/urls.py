"""URLs (subscriptions by http and https): POST of the message. Options: Headers, a mapping."""

from __future__ import annotations

from clary.engine.events.targets import http
from clary.engine.events.targets.target import Tools
from clary.store.deliveries import Delivery


def send(_tools: Tools, delivery: Delivery) -> None:
    document = delivery.document
    http.request("POST", document["target"], document["options"].get("Headers") or {}, document["body"])
