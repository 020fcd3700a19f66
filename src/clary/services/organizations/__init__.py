"""AWS Organizations, as far as it makes, lists and closes accounts of this installation.

Only the installation's own account may ask. There are no invitations, units or policies over accounts.
"""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.operation import Operation
from clary.services.organizations import accounts, organization

OPERATIONS: Mapping[str, Operation] = {
    "CloseAccount": Operation(accounts.close_account, accounts.account_resource),
    "CreateAccount": Operation(accounts.create_account),
    "DescribeAccount": Operation(accounts.describe_account, accounts.account_resource),
    "DescribeCreateAccountStatus": Operation(accounts.describe_create_account_status),
    "DescribeOrganization": Operation(organization.describe_organization),
    "ListAccounts": Operation(accounts.list_accounts),
}
