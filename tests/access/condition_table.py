"""The table in conditions.txt as cases: every row once as an Allow and once as a Deny."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEY = "aws:RequestTag/k"


@dataclass(frozen=True)
class Row:
    operator: str
    policy: list[str]
    request: list[str] | None
    holds: bool

    @property
    def name(self) -> str:
        request = "missing" if self.request is None else ",".join(self.request)
        return f"{self.operator} {','.join(self.policy)} of {request}"

    @property
    def condition(self) -> dict[str, Any]:
        return {self.operator: {KEY: self.policy if len(self.policy) > 1 else self.policy[0]}}

    @property
    def context(self) -> dict[str, str | list[str]]:
        if self.request is None:
            return {}
        return {KEY.lower(): self.request[0] if len(self.request) == 1 else self.request}


def rows() -> list[Row]:
    lines = (Path(__file__).parent / "conditions.txt").read_text().splitlines()
    found = []
    for line in lines:
        if not line.startswith("#"):
            operator, policy, request, holds = line.split(" | ")
            values = None if request == "-" else request.split(",")
            found.append(Row(operator, policy.split(","), values, {"yes": True, "no": False}[holds]))
    return found
