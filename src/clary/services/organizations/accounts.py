"""Accounts: create, describe, list, close. A new account is ready when CreateAccount has answered.

Its owner's key follows from the installation's master key (base/installation.py); `clary account` shows it. AWS gives
no such key out; its way in, the access role that the owner of the organization may assume, is there as well.
"""

from __future__ import annotations

from typing import Any

from clary.base import ids
from clary.base.errors import ApiError
from clary.services import account_roles
from clary.services.context import Context
from clary.services.organizations.organization import DOMAIN, account_arn, check_owner
from clary.store import accounts, resources
from clary.store.database import Transaction
from clary.store.resources import Query, Resource

_ACCESS_ROLE = "OrganizationAccountAccessRole"
_MOST_ACCOUNTS = 1000


class AccountNotFound(ApiError):
    code = "AccountNotFoundException"
    status = 400


def account_resource(context: Context, request: dict[str, Any]) -> str:
    return account_arn(context, request["AccountId"])


def create_account(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """The mail address must be unique; it stands for the account's owner, nothing is sent to it."""
    check_owner(context)
    with context.database.write() as tx:
        rows = resources.all_of_kind(tx, accounts.KIND)
        if any(row.document["Email"].lower() == request["Email"].lower() for row in rows):
            return {"CreateAccountStatus": _failed(context, request, "EMAIL_ALREADY_EXISTS")}
        if len(rows) >= _MOST_ACCOUNTS:
            return {"CreateAccountStatus": _failed(context, request, "ACCOUNT_LIMIT_EXCEEDED")}
        row = _create(tx, context, request)
        account_roles.ensure_execution_role(tx, row.name, context.now)
        role = request.get("RoleName") or _ACCESS_ROLE
        account_roles.ensure_access_role(tx, row.name, context.account, role, context.now)
    return {"CreateAccountStatus": _status(row)}


def _create(tx: Transaction, context: Context, request: dict[str, Any]) -> Resource:
    taken = {context.installation.account, *(row.name for row in resources.all_of_kind(tx, accounts.KIND))}
    number = ids.account_id()
    while number in taken:
        number = ids.account_id()
    document = {
        "Name": request["AccountName"],
        "Email": request["Email"],
        "Request": f"car-{ids.short_id(32)}",
        "Tags": {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []},
    }
    return resources.create(
        tx,
        account=context.account,
        region="",
        kind=accounts.KIND,
        name=number,
        arn=account_arn(context, number),
        status=accounts.ACTIVE,
        document=document,
        now=context.now,
    )


def describe_create_account_status(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Of accounts that exist: a request that failed said so at once and is not kept."""
    check_owner(context)
    with context.database.read() as tx:
        for row in resources.all_of_kind(tx, accounts.KIND):
            if row.document["Request"] == request["CreateAccountRequestId"]:
                return {"CreateAccountStatus": _status(row)}
    raise ApiError(
        "We can't find a create account request with this id.",
        code="CreateAccountStatusNotFoundException",
        status=400,
    )


def describe_account(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check_owner(context)
    if request["AccountId"] == context.installation.account:
        return {"Account": _own(context)}
    with context.database.read() as tx:
        return {"Account": _describe(_row(tx, context, request["AccountId"]))}


def list_accounts(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """The installation's own account first, then the others in the order in which they were made."""
    check_owner(context)
    size, token = request.get("MaxResults", 20), request.get("NextToken")
    after = context.pager.decode("ListAccounts", context.account, token) if token else None
    query = Query(context.account, "", accounts.KIND, limit=size + 1, after=after)
    with context.database.read() as tx:
        rows = resources.page(tx, query)
    described = [_describe(row) for row in rows[:size]]
    answer: dict[str, Any] = {"Accounts": described if after else [_own(context), *described]}
    if len(rows) > size:
        last = resources.position(rows[size - 1], "created_at")
        answer["NextToken"] = context.pager.encode("ListAccounts", context.account, last)
    return answer


def close_account(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """From now on nobody may use it: its keys, users and roles open nothing. What it owns stays."""
    check_owner(context)
    with context.database.write() as tx:
        if request["AccountId"] == context.account:
            raise ApiError(
                "You cannot close the management account.", code="ConstraintViolationException", status=400
            )
        row = _row(tx, context, request["AccountId"])
        if row.status != accounts.ACTIVE:
            raise ApiError("The account is already closed.", code="AccountAlreadyClosedException", status=400)
        resources.save(tx, row, status=accounts.SUSPENDED, now=context.now)
    return {}


def _row(tx: Transaction, context: Context, number: str) -> Resource:
    row = resources.find(tx, context.account, "", accounts.KIND, number)
    if row is None:
        raise AccountNotFound("You specified an account that doesn't exist.")
    return row


def _describe(row: Resource) -> dict[str, Any]:
    closed = row.status != accounts.ACTIVE
    return {
        "Id": row.name,
        "Arn": row.arn,
        "Email": row.document["Email"],
        "Name": row.document["Name"],
        "Status": row.status,
        "State": "CLOSED" if closed else "ACTIVE",
        "JoinedMethod": "CREATED",
        "JoinedTimestamp": row.created_at,
    }


def _own(context: Context) -> dict[str, Any]:
    """The first account has no row; it joined by making the organization."""
    number = context.installation.account
    return {
        "Id": number,
        "Arn": account_arn(context, number),
        "Email": f"owner@{DOMAIN}",
        "Name": "main",
        "Status": accounts.ACTIVE,
        "State": "ACTIVE",
        "JoinedMethod": "INVITED",
    }


def _status(row: Resource) -> dict[str, Any]:
    return {
        "Id": row.document["Request"],
        "AccountName": row.document["Name"],
        "State": "SUCCEEDED",
        "RequestedTimestamp": row.created_at,
        "CompletedTimestamp": row.created_at,
        "AccountId": row.name,
    }


def _failed(context: Context, request: dict[str, Any], reason: str) -> dict[str, Any]:
    return {
        "Id": f"car-{ids.short_id(32)}",
        "AccountName": request["AccountName"],
        "State": "FAILED",
        "RequestedTimestamp": context.now,
        "CompletedTimestamp": context.now,
        "FailureReason": reason,
    }
