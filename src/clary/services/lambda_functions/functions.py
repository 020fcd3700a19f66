"""CreateFunction, GetFunction, GetFunctionConfiguration, the two updates, DeleteFunction and ListFunctions."""

from __future__ import annotations

from typing import Any

from clary.access.code_links import code_link
from clary.services.context import Context
from clary.services.lambda_functions import names
from clary.services.lambda_functions.code import taken
from clary.services.lambda_functions.configuration import changed_configuration, new_configuration, shown, stamped
from clary.services.lambda_functions.listing import list_rows, whole
from clary.services.lambda_functions.roles import check_role
from clary.services.lambda_functions.versions import publish
from clary.store import contents, resources, tags
from clary.store.database import Transaction
from clary.store.functions import ALIAS, FUNCTION, LATEST, VERSION
from clary.store.resources import Resource


def create_function(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    who = names.named(context, request)
    if who.qualifier:
        raise names.invalid("A function's name may not have a qualifier.")
    if who.account != context.account:
        raise names.invalid(f"A function can only be created in the caller's own account, {context.account}.")
    configuration = new_configuration(context, request)
    with context.database.read() as tx:
        check_role(context, tx, request["Role"])
        _check_free(tx, who)
    with taken(context, "CreateFunction", request["Code"]) as code, context.database.write() as tx:
        _check_free(tx, who)
        configuration = stamped(configuration, context.now, CodeSize=code.size, CodeSha256=code.sha256)
        function = resources.create(
            tx,
            account=context.account,
            region=context.region,
            kind=FUNCTION,
            name=who.name,
            arn=who.arn,
            document={"configuration": configuration, "code": code.add(tx), "published": 0},
            now=context.now,
        )
        tags.put(tx, function.arn, request.get("Tags", {}))
        return _perhaps_published(context, tx, function, request)


def get_function(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """With a link by which the code can be had for ten minutes."""
    who = names.named(context, request)
    with context.database.read() as tx:
        function = names.get(tx, who)
        holder, _ = names.get_version(tx, function, who)
        found = tags.read(tx, function.arn)
    answer: dict[str, Any] = {
        "Configuration": shown(function, holder, who),
        "Code": {
            "RepositoryType": "S3",
            "Location": code_link(
                context.installation.master_key, context.endpoint, holder.document["code"]["content"], context.now
            ),
        },
    }
    if found:
        answer["Tags"] = found
    if function.document.get("concurrency") is not None:
        answer["Concurrency"] = {"ReservedConcurrentExecutions": function.document["concurrency"]}
    return answer


def get_function_configuration(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    who = names.named(context, request)
    with context.database.read() as tx:
        function = names.get(tx, who)
        return shown(function, names.get_version(tx, function, who)[0], who)


def update_function_code(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Calls under way end with the code they began with."""
    names.refuse_unserved("UpdateFunctionCode", request, "PublishTo")
    who = _own(context, request)
    with context.database.read() as tx:
        names.get(tx, who)
    garbage: list[str] = []
    with taken(context, "UpdateFunctionCode", request) as code, context.database.write() as tx:
        function = names.get(tx, who)
        configuration = function.document["configuration"]
        names.check_revision(request, configuration["RevisionId"])
        _check_architecture(request, configuration)
        configuration = stamped(configuration, context.now, CodeSize=code.size, CodeSha256=code.sha256)
        if request.get("DryRun"):
            context.blobs.delete(extent.blob for extent in code.extents)
            return shown(function, function) | {"CodeSize": code.size, "CodeSha256": code.sha256}
        garbage = contents.release(tx, [function.document["code"]["content"]])
        document = {**function.document, "configuration": configuration, "code": code.add(tx)}
        function = resources.save(tx, function, document=document, now=context.now)
        answer = _perhaps_published(context, tx, function, request)
    context.blobs.delete(garbage)
    return answer


def update_function_configuration(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    who = _own(context, request)
    with context.database.write() as tx:
        function = names.get(tx, who)
        before = function.document["configuration"]
        names.check_revision(request, before["RevisionId"])
        if "Role" in request:
            check_role(context, tx, request["Role"])
        changed = changed_configuration(context, "UpdateFunctionConfiguration", before, request)
        document = {**function.document, "configuration": stamped(changed, context.now)}
        function = resources.save(tx, function, document=document, now=context.now)
    return shown(function, function)


def delete_function(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """The function with everything of it, or one version."""
    who = names.named(context, request)
    with context.database.write() as tx:
        function = names.get(tx, who)
        if who.qualifier:
            garbage = _delete_version(tx, function, who)
        else:
            versions = whole(tx, function, VERSION)
            garbage = contents.release(tx, [row.document["code"]["content"] for row in (function, *versions)])
            for row in (*versions, *whole(tx, function, ALIAS), function):
                resources.remove(tx, row, now=context.now)
            tags.drop_all(tx, function.arn)
    context.blobs.delete(garbage)
    return {}


def list_functions(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    names.refuse_unserved("ListFunctions", request, "MasterRegion")
    with context.database.read() as tx:
        functions = list_rows(tx, context, FUNCTION)
        rows = [(function.name.lower(), 0, function, function) for function in functions]
        if request.get("FunctionVersion") == "ALL":
            for function in functions:
                rows += [(function.name.lower(), int(v.name), function, v) for v in whole(tx, function, VERSION)]
    rows.sort(key=lambda row: row[:2])
    scope = f"{context.account}/{context.region}/{request.get('FunctionVersion')}"
    if "Marker" in request:
        name, number = context.pager.decode("ListFunctions", scope, request["Marker"])
        rows = [row for row in rows if row[:2] > (name, number)]
    size = min(request.get("MaxItems", 50), 50)
    page: dict[str, Any] = {"Functions": [shown(function, holder) for _, _, function, holder in rows[:size]]}
    if len(rows) > size:
        page["NextMarker"] = context.pager.encode("ListFunctions", scope, list(rows[size - 1][:2]))
    return page


def _own(context: Context, request: dict[str, Any]) -> names.Named:
    """Only $LATEST can be changed."""
    who = names.named(context, request)
    if who.qualifier not in {"", LATEST}:
        raise names.invalid("Only $LATEST of a function can be changed; versions are as they were published.")
    return names.Named(who.account, who.region, who.name)


def _check_free(tx: Transaction, who: names.Named) -> None:
    if names.is_taken(tx, who):
        raise names.conflict(f"Function already exist: {who.name}")


def _check_architecture(request: dict[str, Any], configuration: dict[str, Any]) -> None:
    if request.get("Architectures", configuration["Architectures"]) != configuration["Architectures"]:
        raise names.invalid("The architecture of a function is the one of this machine and cannot be changed.")


def _perhaps_published(
    context: Context, tx: Transaction, function: Resource, request: dict[str, Any]
) -> dict[str, Any]:
    if not request.get("Publish"):
        return shown(function, function)
    version = publish(context, tx, function, None)
    return shown(function, version)


def _delete_version(tx: Transaction, function: Resource, who: names.Named) -> list[str]:
    if who.qualifier == LATEST or not names.is_number(who.qualifier):
        raise names.invalid("$LATEST version cannot be deleted without deleting the function.")
    holder, version = names.get_version(tx, function, who)
    for alias in whole(tx, function, ALIAS):
        weights = alias.document.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        if version == alias.document["FunctionVersion"] or version in weights:
            raise names.conflict(
                f"Unable to delete version because the following aliases reference it: [{alias.name}]"
            )
    resources.remove(tx, holder)
    return contents.release(tx, [holder.document["code"]["content"]])
