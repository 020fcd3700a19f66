"""The model of a service that does not exist, for what the models of the known services do not have."""

from __future__ import annotations

from typing import Any

from botocore.model import ServiceModel

from clary.wire.routing import Target

_SHAPES: dict[str, Any] = {
    "Text": {"type": "string"},
    "Texts": {"type": "list", "member": {"shape": "Text"}},
    "NamedTexts": {"type": "list", "member": {"shape": "Text", "locationName": "item"}},
    "Moment": {"type": "timestamp"},
    "Moments": {"type": "list", "member": {"shape": "Moment"}},
    "Headers": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Text"}},
    "Flag": {"type": "boolean"},
    "Number": {"type": "integer"},
    "Place": {"type": "structure", "members": {"Shelf": {"shape": "Text"}, "Row": {"shape": "Number"}}},
    "Places": {"type": "list", "member": {"shape": "Place"}},
    "Order": {
        "type": "structure",
        "members": {
            "Names": {"shape": "Texts", "location": "header", "locationName": "x-names"},
            "Days": {"shape": "Moments", "location": "header", "locationName": "x-days"},
            "All": {"shape": "Headers", "location": "headers"},
            "Note": {"shape": "Text", "location": "header", "locationName": "x-note", "jsonvalue": True},
            "Places": {"shape": "Places"},
            "Parts": {"shape": "NamedTexts", "flattened": True, "locationName": "Part"},
        },
    },
    "Slip": {"type": "structure", "members": {"Text": {"shape": "Text"}}, "payload": "Text"},
    "SoldOut": {
        "type": "structure",
        "exception": True,
        "members": {
            "Message": {"shape": "Text"},
            "Nearest": {"shape": "Place"},
            "Again": {"shape": "Text", "location": "header", "locationName": "x-again"},
        },
    },
}


def shop(protocol: str, output: str = "Order") -> Target:
    """The service's one operation in a protocol; its input and its output are of the same shape."""
    model = ServiceModel(
        {
            "metadata": {"protocol": protocol, "apiVersion": "2026-01-01", "endpointPrefix": "shop"},
            "shapes": _SHAPES,
            "operations": {
                "PlaceOrder": {
                    "name": "PlaceOrder",
                    "http": {"method": "POST", "requestUri": "/order"},
                    "input": {"shape": output},
                    "output": {"shape": output, "resultWrapper": "PlaceOrderResult"},
                    "errors": [{"shape": "SoldOut"}],
                }
            },
        },
        "shop",
    )
    return Target("shop", model.operation_model("PlaceOrder"), protocol)


def shape(name: str, target: Target) -> Any:
    """One of the service's shapes."""
    return target.operation.service_model.shape_for(name)
