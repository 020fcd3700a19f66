"""Lambda steps: invoke a function with the arguments as its event; what it answers are the output parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from clary.definitions.references import as_text
from clary.engine.pipelines.steps.port import STOPPED, Sight, Task

_LONGEST = timedelta(minutes=10)


class LambdaStep:
    """Once it runs it is not stopped: the execution waits for it, at most ten minutes."""

    def start(self, task: Task) -> Sight:
        return self._sight(task)

    def look(self, task: Task) -> Sight:
        return self._sight(task)

    def settle(self, task: Task) -> Sight:
        return STOPPED

    def stop(self, task: Task) -> None:
        return

    def _sight(self, task: Task) -> Sight:
        arn = str(task.resolve(task.step.raw["FunctionArn"]))
        metadata = {"Lambda": {"Arn": arn, "OutputParameters": []}}
        payload = json.dumps(task.resolve(task.step.arguments), default=as_text).encode()
        answer = task.invoke({"FunctionName": arn, "Payload": payload})
        if answer is None:
            invoked = task.row.document.get("invoked") or task.now
            if task.now - invoked > _LONGEST:
                return Sight("Failed", metadata, failure="ClientError: The function ran longer than ten minutes.")
            status = "Stopping" if task.row.status == "Stopping" else "Executing"
            return Sight(status, metadata, entries={"invoked": invoked})
        text = bytes(answer.get("Payload") or b"").decode("utf-8", "replace")
        if "FunctionError" in answer:
            return Sight("Failed", metadata, failure=f"ClientError: The function {arn} failed: {_cause(text)}")
        return self._outputs(task, arn, text)

    def _outputs(self, task: Task, arn: str, text: str) -> Sight:
        declared = [entry["OutputName"] for entry in task.step.raw.get("OutputParameters") or []]
        try:
            answered = json.loads(text) if text else None
        except ValueError:
            answered = None
        found = answered if isinstance(answered, dict) else {}
        missing = [name for name in declared if name not in found]
        if missing:
            why = f"ClientError: The function {arn} did not answer the output {', '.join(missing)}."
            return Sight("Failed", {"Lambda": {"Arn": arn, "OutputParameters": []}}, failure=why)
        outputs = {name: found[name] for name in declared}
        shown = [{"Name": name, "Value": as_text(value)} for name, value in outputs.items()]
        return Sight("Succeeded", {"Lambda": {"Arn": arn, "OutputParameters": shown}}, {"OutputParameters": outputs})


def _cause(text: str) -> str:
    """What a function that failed says of itself."""
    try:
        told: Any = json.loads(text)
    except ValueError:
        return text[:500]
    if isinstance(told, Mapping) and "errorMessage" in told:
        return f"{told.get('errorType', 'Error')}: {told['errorMessage']}"[:800]
    return text[:500]
