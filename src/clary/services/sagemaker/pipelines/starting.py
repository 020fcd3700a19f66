"""StartPipelineExecution: a row for the engine. The same client token starts the same execution, never a second."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from clary.base.errors import ValidationException
from clary.definitions.document import Definition, read_definition
from clary.definitions.order import check_selection, upstream
from clary.definitions.parameters import coerce
from clary.definitions.references import UnresolvedReference, as_text, resolve
from clary.services.context import Context
from clary.services.repeats import check_repeat, fingerprint
from clary.services.sagemaker import names
from clary.services.sagemaker.pipelines.aliases import chosen_version
from clary.services.sagemaker.pipelines.names import EXECUTION, get_execution, get_pipeline
from clary.services.sagemaker.roles import check_role
from clary.services.sagemaker.user_context import user_context
from clary.store import resources, work
from clary.store.database import Transaction
from clary.store.resources import Resource

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_ENDED = frozenset({"Succeeded", "Failed", "Stopped"})


def start_pipeline_execution(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    operation = "StartPipelineExecution"
    names.refuse_unserved(operation, request, "MlflowExperimentName")
    with context.database.write() as tx:
        if "RoleArn" in request:
            check_role(context, tx, request["RoleArn"])
        pipeline = get_pipeline(tx, context, request["PipelineName"])
        name = _execution_id(pipeline, request["ClientRequestToken"])
        known = resources.find(tx, context.account, context.region, EXECUTION, name, parent=pipeline.arn)
        if known is not None:
            said = fingerprint(request, "PipelineName")
            check_repeat(known.document.get("said"), said, request["ClientRequestToken"])
            return {"PipelineExecutionArn": known.arn}
        version = chosen_version(tx, pipeline, request)
        definition = read_definition(version.document["definition"])
        document = _document(context, tx, request, pipeline, version, definition, name)
        execution = resources.create(
            tx,
            account=context.account,
            region=context.region,
            kind=EXECUTION,
            name=name,
            arn=f"{pipeline.arn}/execution/{name}",
            parent=pipeline.arn,
            document=document,
            status="Executing",
            now=context.now,
        )
        work.enqueue(tx, execution, context.now)
        _remember_run(tx, context, pipeline, version, execution)
    return {"PipelineExecutionArn": execution.arn}


def _document(
    context: Context,
    tx: Transaction,
    request: dict[str, Any],
    pipeline: Resource,
    version: Resource,
    definition: Definition,
    name: str,
) -> dict[str, Any]:
    listed = request.get("PipelineParameters") or []
    given = {entry["Name"]: entry["Value"] for entry in listed}
    if len(given) != len(listed):
        raise ValidationException("PipelineParameters gives a parameter twice.")
    selective, source = _selection(context, tx, request, pipeline, definition)
    if source is not None:
        declared = {key: str(value) for key, value in source.document["parameters"].items()}
        given = {**{key: value for key, value in declared.items() if key in definition.parameters}, **given}
    parameters = coerce(definition, given)
    most = (request.get("ParallelismConfiguration") or {}).get("MaxParallelExecutionSteps")
    return {
        "version": int(version.name),
        "parameters": parameters,
        "role": request.get("RoleArn") or pipeline.document["role"],
        "display_name": request.get("PipelineExecutionDisplayName")
        or f"execution-{int(context.now.timestamp() * 1000)}",
        "description": request.get("PipelineExecutionDescription"),
        "parallelism": most or pipeline.document["parallelism"],
        "selective": selective,
        "created_by": user_context(context),
        "last_modified_by": user_context(context),
        "token": request["ClientRequestToken"],
        "said": fingerprint(request, "PipelineName"),
        "attempt": 0,
        "stop_requested": False,
        "experiment": _experiment(definition, pipeline, name, parameters, context.now),
        "pipeline_name": pipeline.name,
    }


def _selection(
    context: Context, tx: Transaction, request: dict[str, Any], pipeline: Resource, definition: Definition
) -> tuple[dict[str, Any] | None, Resource | None]:
    """(what the engine needs to know of a selective execution, the execution it takes the rest from)."""
    config = request.get("SelectiveExecutionConfig")
    if config is None:
        return None, None
    selected = [entry["StepName"] for entry in config["SelectedSteps"]]
    needs = {name: step.needs | step.after for name, step in definition.steps.items()}
    check_selection(selected, needs)
    arn = config.get("SourcePipelineExecutionArn")
    if arn is None:
        if upstream(selected, needs) - set(selected):
            raise ValidationException(
                "SourcePipelineExecutionArn is needed: the selected steps rest on steps that are not selected."
            )
        return {"steps": selected, "source": None}, None
    source = get_execution(tx, context, arn)
    if source.parent != pipeline.arn or source.status not in _ENDED:
        raise ValidationException(f"{arn} must be an execution of {pipeline.arn} that has ended.")
    return {"steps": selected, "source": source.arn}, source


class _StartScope:
    """What is known before the first step: enough for PipelineExperimentConfig."""

    def __init__(self, pipeline: Resource, name: str, parameters: Mapping[str, Any], now: datetime) -> None:
        self._parameters = parameters
        self._execution = {
            "PipelineName": pipeline.name,
            "PipelineArn": pipeline.arn,
            "PipelineExecutionId": name,
            "PipelineExecutionArn": f"{pipeline.arn}/execution/{name}",
            "StartDateTime": as_text(now),
            "CurrentDateTime": as_text(now),
        }

    def parameter(self, name: str) -> Any:
        return self._parameters[name]

    def execution(self, name: str) -> Any:
        if name not in self._execution:
            raise UnresolvedReference(f"Execution.{name} is not known when an execution starts.")
        return self._execution[name]

    def experiment(self, name: str) -> Any:
        raise UnresolvedReference(f"PipelineExperimentConfig.{name} cannot refer to itself.")

    def properties(self, step: str) -> Mapping[str, Any]:
        raise UnresolvedReference(f"PipelineExperimentConfig cannot refer to the step {step}.")

    def property_file(self, step: str, name: str) -> str:
        raise UnresolvedReference(f"PipelineExperimentConfig cannot refer to the step {step}.")

    def object_text(self, uri: str) -> str:
        raise UnresolvedReference(f"PipelineExperimentConfig cannot refer to {uri}.")


def _experiment(
    definition: Definition, pipeline: Resource, name: str, parameters: Mapping[str, Any], now: datetime
) -> dict[str, str] | None:
    if definition.experiment is None:
        return None
    try:
        found = resolve(dict(definition.experiment), _StartScope(pipeline, name, parameters, now))
    except UnresolvedReference as error:
        raise ValidationException(str(error)) from error
    return {
        "ExperimentName": str(found.get("ExperimentName") or pipeline.name),
        "TrialName": str(found.get("TrialName") or name),
    }


def _execution_id(pipeline: Resource, token: str) -> str:
    """12 letters and digits that follow from the token; the row's id tells a pipeline from a later one."""
    digest = hashlib.sha256(f"{pipeline.id}/{pipeline.arn}/{token}".encode()).digest()
    number = int.from_bytes(digest[:16], "big")
    return "".join(_LETTERS[number // 36**place % 36] for place in range(12))


def _remember_run(
    tx: Transaction, context: Context, pipeline: Resource, version: Resource, execution: Resource
) -> None:
    """Starting is no modification: the time of the last one is kept beside."""
    last = {**pipeline.document.get("last_executions", {}), version.name: execution.arn}
    document = {**pipeline.document, "last_run": context.now, "last_executions": last}
    document.setdefault("modified", pipeline.updated_at)
    resources.save(tx, pipeline, document=document, now=context.now)
