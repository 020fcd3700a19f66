"""Long-term keys of users. A secret is shown once; afterwards only the access snapshot has it, made from the
installation's master key, so that no secret lies in the database.
"""

from __future__ import annotations

from typing import Any

from clary.base import ids
from clary.services.context import Context
from clary.services.iam import entities
from clary.services.iam.entities import USER
from clary.store import key_uses, principals, resources
from clary.store.database import Transaction
from clary.store.resources import Query, Resource

_MAX_KEYS = 2


def create_access_key(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    key_id = ids.access_key_id()
    with context.database.write() as tx:
        user = _user(tx, context, request)
        if len(keys_of(tx, user)) >= _MAX_KEYS:
            raise entities.LimitExceeded(f"Cannot exceed quota for AccessKeysPerUser: {_MAX_KEYS}")
        key = resources.create(
            tx,
            account=context.account,
            region="",
            kind=principals.KEY,
            name=key_id,
            arn=f"{user.arn}/{key_id}",
            parent=user.document["UserId"],
            document={"Status": "Active"},
            now=context.now,
        )
    secret = context.installation.secret_of(key_id)
    return {"AccessKey": {**_describe(user, key), "SecretAccessKey": secret}}


def list_access_keys(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.read() as tx:
        user = _user(tx, context, request)
        keys = keys_of(tx, user)
    shown, more = entities.page(context, request, "ListAccessKeys", keys, lambda row: row.name, user.arn)
    return {"AccessKeyMetadata": [_describe(user, key) for key in shown], **more}


def update_access_key(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        key = _key(tx, _user(tx, context, request), request["AccessKeyId"])
        entities.save(tx, context, key, {"Status": request["Status"]})
    return {}


def delete_access_key(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    with context.database.write() as tx:
        key = _key(tx, _user(tx, context, request), request["AccessKeyId"])
        resources.remove(tx, key)
        key_uses.forget(tx, key.name)
    return {}


def get_access_key_last_used(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """The last call that reached control with the key; calls that doors answer alone are not counted."""
    key_id = request["AccessKeyId"]
    with context.database.read() as tx:
        owner = next(
            (user for user in entities.rows_of(tx, context, USER) for key in keys_of(tx, user) if key.name == key_id),
            None,
        )
        used = key_uses.find(tx, key_id)
    if owner is None:
        raise _no_key(key_id)
    last: dict[str, Any] = {"ServiceName": "N/A", "Region": "N/A"}
    if used is not None:
        last = {"ServiceName": used.service, "Region": used.region, "LastUsedDate": used.at.replace(microsecond=0)}
    return {"UserName": owner.name, "AccessKeyLastUsed": last}


def last_used_resource(context: Context, request: dict[str, Any]) -> str:
    """The ARN of the key's owner."""
    with context.database.read() as tx:
        for user in entities.rows_of(tx, context, USER):
            if any(key.name == request["AccessKeyId"] for key in keys_of(tx, user)):
                return user.arn
    return "*"


def keys_of(tx: Transaction, user: Resource) -> list[Resource]:
    return resources.page(tx, Query(user.account, "", principals.KEY, parent=user.document["UserId"]))


def _user(tx: Transaction, context: Context, request: dict[str, Any]) -> Resource:
    return entities.get_row(tx, context, USER, entities.name_of(context, request, USER))


def _key(tx: Transaction, user: Resource, key_id: str) -> Resource:
    found = next((key for key in keys_of(tx, user) if key.name == key_id), None)
    if found is None:
        raise _no_key(key_id)
    return found


def _no_key(key_id: str) -> entities.NoSuchEntity:
    return entities.NoSuchEntity(f"The Access Key with id {key_id} cannot be found.")


def _describe(user: Resource, key: Resource) -> dict[str, Any]:
    return {
        "UserName": user.name,
        "AccessKeyId": key.name,
        "Status": key.document["Status"],
        "CreateDate": key.created_at.replace(microsecond=0),
    }
