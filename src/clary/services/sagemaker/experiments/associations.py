"""AssociateTrialComponent and DisassociateTrialComponent: a component may belong to many trials."""

from __future__ import annotations

from typing import Any

from clary.base.errors import ResourceNotFound
from clary.services.context import Context
from clary.services.sagemaker import names
from clary.services.sagemaker.experiments import rows
from clary.store import associations


def associate_trial_component(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        component = names.get(tx, context, rows.COMPONENT, request["TrialComponentName"])
        trial = names.get(tx, context, rows.TRIAL, request["TrialName"])
        associations.join(tx, trial.id, component.id)
    return {"TrialComponentArn": component.arn, "TrialArn": trial.arn}


def disassociate_trial_component(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        component = names.get(tx, context, rows.COMPONENT, request["TrialComponentName"])
        trial = names.get(tx, context, rows.TRIAL, request["TrialName"])
        if not associations.part(tx, trial.id, component.id):
            raise ResourceNotFound(f"{component.arn} is not associated with {trial.arn}.")
    return {"TrialComponentArn": component.arn, "TrialArn": trial.arn}
