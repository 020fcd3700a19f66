"""From method, path and query to one REST operation: the routes of all services that share a signing name.

`routing` asks; nothing here knows about headers that name an operation outright. Routes are found in three steps:
a dictionary by method and first path segment, then one regular expression per URI template, then the literal query
parts and required bindings that tell operations with the same template apart (UploadPart and PutObject).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from clary.wire.catalog import Operation

_LABEL = re.compile(r"\{([^}]+)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """One operation under a template. `literals` must be in the query (an empty value allows any)."""

    service: str
    operation: Operation
    literals: Mapping[str, str]
    required_query: frozenset[str]
    required_headers: frozenset[str]

    @property
    def order(self) -> tuple[int, int, bool]:
        required = len(self.required_query) + len(self.required_headers)
        return (-len(self.literals), -required, bool(self.operation.deprecated))

    def has_literals(self, query: Mapping[str, str]) -> bool:
        if not self.literals.keys() <= query.keys():
            return False
        return all(not value or query[name] == value for name, value in self.literals.items())

    def has_required(self, query: Mapping[str, str], headers: Mapping[str, str]) -> bool:
        return self.required_query.issubset(query) and self.required_headers.issubset(headers)


@dataclass(frozen=True, slots=True)
class Template:
    """A URI template and the operations below it, the most specific first."""

    pattern: re.Pattern[str]
    labels: tuple[str, ...]
    static_length: int
    routes: list[Route] = field(default_factory=list)

    def choose(self, query: Mapping[str, str], headers: Mapping[str, str]) -> Route | None:
        """The operation whose literals match best.

        When only a required parameter is missing the operation is found all the same: `DELETE ?analytics` without
        an id is a bad DeleteBucketAnalyticsConfiguration, and must never become DeleteBucket.
        """
        incomplete: Route | None = None
        for route in self.routes:
            if incomplete is not None and len(route.literals) < len(incomplete.literals):
                break
            if route.has_literals(query):
                if route.has_required(query, headers):
                    return route
                incomplete = route
        return incomplete


class RouteTable:
    """The compiled routes of a group of services."""

    def __init__(self, operations: Iterable[tuple[str, Operation]]) -> None:
        self._templates: dict[tuple[str, str], list[Template]] = {}
        known: dict[tuple[str, str], Template] = {}
        for service, operation in operations:
            method, uri = operation.http["method"], operation.http["requestUri"]
            path, _, literals = uri.partition("?")
            template = known.get((method, path))
            if template is None:
                template = known[method, path] = _compile(path)
                self._templates.setdefault((method, _first_segment(path, template=True)), []).append(template)
            template.routes.append(_route(service, operation, literals))
        for templates in self._templates.values():
            templates.sort(key=lambda template: -template.static_length)
        for template in known.values():
            template.routes.sort(key=lambda route: route.order)

    def find(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[Route, dict[str, str]] | None:
        """The route and its labels, still percent-encoded; None when nothing fits."""
        for first in dict.fromkeys((_first_segment(path), "")):
            for template in self._templates.get((method, first), ()):
                match = template.pattern.fullmatch(path)
                if match is not None and (route := template.choose(query, headers)) is not None:
                    return route, dict(zip(template.labels, match.groups(), strict=True))
        return None


def _first_segment(path: str, *, template: bool = False) -> str:
    """The first path segment, or nothing when the template has a label there."""
    segment = path.split("/", 2)[1] if path.startswith("/") else ""
    return "" if template and "{" in segment else segment


def _compile(path: str) -> Template:
    labels = _LABEL.findall(path)
    # every other element is the text of a label
    pieces = _LABEL.split(path.rstrip("/"))
    pattern = "".join(
        re.escape(piece) if index % 2 == 0 else ("(.+)" if piece.endswith("+") else "([^/]+)")
        for index, piece in enumerate(pieces)
    )
    if not (labels and labels[-1].endswith("+")):
        pattern += "/?"
    return Template(
        pattern=re.compile(pattern, re.DOTALL),
        labels=tuple(label.rstrip("+") for label in labels),
        static_length=sum(len(piece) for piece in pieces[::2]),
    )


def _route(service: str, operation: Operation, literals: str) -> Route:
    query, headers = set(), set()
    shape = operation.input_shape
    for name in shape.required_members if shape else ():
        binding = shape.members[name].serialization
        if binding.get("location") == "querystring":
            query.add(binding.get("name", name))
        elif binding.get("location") == "header":
            headers.add(binding.get("name", name).lower())
    return Route(
        service=service,
        operation=operation,
        literals=dict(parse_qsl(literals, keep_blank_values=True)),
        required_query=frozenset(query),
        required_headers=frozenset(headers),
    )
