"""PublishVersion and ListVersionsByFunction: numbered copies of code and configuration that never change."""

from __future__ import annotations

from typing import Any

from clary.services.context import Context
from clary.services.lambda_functions import names
from clary.services.lambda_functions.configuration import is_same, shown, stamped
from clary.services.lambda_functions.listing import whole
from clary.store import contents, resources
from clary.store.database import Transaction
from clary.store.functions import LATEST, VERSION, find_version
from clary.store.resources import Resource


def publish_version(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """When nothing has changed since the last version, that one is answered."""
    names.refuse_unserved("PublishVersion", request, "PublishTo")
    who = names.named(context, request)
    with context.database.write() as tx:
        function = names.get(tx, who)
        configuration = function.document["configuration"]
        names.check_revision(request, configuration["RevisionId"])
        wanted = request.get("CodeSha256", configuration["CodeSha256"])
        if wanted != configuration["CodeSha256"]:
            raise names.invalid(
                f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST "
                f"({configuration['CodeSha256']}). Please try again with the CodeSHA256 in $LATEST."
            )
        return shown(function, publish(context, tx, function, request.get("Description")))


def publish(context: Context, tx: Transaction, function: Resource, description: str | None) -> Resource:
    """The version that holds what $LATEST is now."""
    number = function.document["published"]
    configuration = function.document["configuration"]
    last = find_version(tx, function, str(number)) if number else None
    if last is not None and is_same(last.document["configuration"], configuration):
        return last
    version = str(number + 1)
    frozen = stamped(configuration, context.now, Version=version)
    frozen["LastModified"] = configuration["LastModified"]
    if description is not None:
        frozen["Description"] = description
    code = function.document["code"]
    document = {"configuration": frozen, "code": {**code, "content": contents.share(tx, code["content"])}}
    created = resources.create(
        tx,
        account=function.account,
        region=function.region,
        kind=VERSION,
        name=version,
        arn=f"{function.arn}:{version}",
        document=document,
        now=context.now,
        parent=function.name,
    )
    resources.save(tx, function, document={**function.document, "published": number + 1}, now=context.now)
    return created


def list_versions_by_function(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """$LATEST first, then the versions as they were published."""
    who = names.named(context, request)
    with context.database.read() as tx:
        function = names.get(tx, who)
        versions = sorted(whole(tx, function, VERSION), key=lambda row: int(row.name))
    rows = [(0, function), *((int(row.name), row) for row in versions)]
    if "Marker" in request:
        (last,) = context.pager.decode("ListVersionsByFunction", function.arn, request["Marker"])
        rows = [row for row in rows if row[0] > last]
    size = min(request.get("MaxItems", 50), 50)
    page: dict[str, Any] = {"Versions": [_shown(function, row) for _, row in rows[:size]]}
    if len(rows) > size:
        page["NextMarker"] = context.pager.encode("ListVersionsByFunction", function.arn, [rows[size - 1][0]])
    return page


def _shown(function: Resource, holder: Resource) -> dict[str, Any]:
    version = holder.document["configuration"]["Version"]
    return {**shown(function, holder), "FunctionArn": f"{function.arn}:{version or LATEST}"}
