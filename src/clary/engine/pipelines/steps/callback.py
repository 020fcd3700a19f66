"""Callback steps: a message with a token goes to a queue; somebody outside answers with the token."""

from __future__ import annotations

import json
from typing import Any

from clary.definitions.parameters import cast
from clary.definitions.references import as_text
from clary.engine.pipelines.steps.port import Sight, Task


class CallbackStep:
    """The token follows from the attempt, so a message that is sent twice after a crash has the same one."""

    def start(self, task: Task) -> Sight:
        task.remember_token(task.digest)
        if task.row.document.get("callback") is None:  # else the message has arrived before the process died
            self._send(task, "Executing")
        return Sight("Executing", self._metadata(task, []))

    def look(self, task: Task) -> Sight:
        answer = task.row.document.get("callback")
        if answer is None:
            status = "Stopping" if task.row.status == "Stopping" else "Executing"
            return Sight(status, self._metadata(task, []))
        if answer["status"] == "Failure":
            return Sight("Failed", self._metadata(task, []), failure=f"ClientError: {answer['reason'] or 'refused'}")
        shown = [{"Name": name, "Value": as_text(value)} for name, value in answer["outputs"].items()]
        typed, wrong = _typed(task.step.raw.get("OutputParameters") or [], answer["outputs"])
        if wrong:
            return Sight("Failed", self._metadata(task, shown), failure=f"ClientError: {' '.join(wrong)}")
        return Sight("Succeeded", self._metadata(task, shown), {"OutputParameters": typed})

    def settle(self, task: Task) -> Sight:
        return Sight("Stopped", self._metadata(task, []))

    def stop(self, task: Task) -> None:
        """The step ends when the answer comes; whoever has the token learns that it is no more wanted."""
        self._send(task, "Stopping")

    def _send(self, task: Task, status: str) -> None:
        body = {
            "token": task.digest,
            "pipelineExecutionArn": task.execution.arn,
            "arguments": task.resolve(task.step.arguments),
            "status": status,
        }
        url = task.resolve(task.step.raw["SqsQueueUrl"])
        message: dict[str, Any] = {"QueueUrl": url, "MessageBody": json.dumps(body, default=as_text)}
        if str(url).endswith(".fifo"):
            message |= {"MessageGroupId": task.execution.name, "MessageDeduplicationId": f"{task.digest}-{status}"}
        task.call("sqs", "SendMessage", message)

    def _metadata(self, task: Task, outputs: list[dict[str, str]]) -> dict[str, Any]:
        url = task.resolve(task.step.raw["SqsQueueUrl"])
        return {"Callback": {"CallbackToken": task.digest, "SqsQueueUrl": url, "OutputParameters": outputs}}


def _typed(declared: list[dict[str, str]], outputs: dict[str, str]) -> tuple[dict[str, Any], list[str]]:
    """(the values, what is wrong with them): answers are texts, and declared types say what they stand for."""
    types = {entry["OutputName"]: entry.get("OutputType") or "String" for entry in declared}
    typed: dict[str, Any] = {}
    wrong = []
    for name, value in outputs.items():
        kind = types.get(name, "String")
        try:
            typed[name] = cast(kind, value)
        except ValueError:
            wrong.append(f"The output {name} must be of type {kind}, but was answered as {value[:100]!r}.")
    return typed, wrong
