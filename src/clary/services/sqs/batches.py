"""What the four batch operations share: their rules, and an answer for each entry."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from clary.base.errors import ApiError
from clary.services.sqs import names

Entry = dict[str, Any]

_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_MOST = 10


def check_entries(entries: Sequence[Entry], kind: str) -> None:
    if not entries:
        raise names.failure("EmptyBatchRequest", f"There should be at least one {kind} in the request.")
    if len(entries) > _MOST:
        text = f"Maximum number of entries per request are {_MOST}. You have sent {len(entries)}."
        raise names.failure("TooManyEntriesInBatchRequest", text)
    for entry in entries:
        if not _ID.fullmatch(entry["Id"]):
            text = "A batch entry id can only contain alphanumeric characters, hyphens and underscores."
            raise names.failure("InvalidBatchEntryId", f"{text} It can be at most 80 letters long.")
    if len({entry["Id"] for entry in entries}) != len(entries):
        raise names.failure("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.")


def each(entries: Sequence[Entry], perform: Callable[[Entry], dict[str, Any]]) -> dict[str, Any]:
    """Perform every entry; one that is wrong does not keep the others from being done."""
    successful, failed = [], []
    for entry in entries:
        try:
            successful.append({"Id": entry["Id"], **perform(entry)})
        except ApiError as error:
            told = {"Code": error.code, "Message": error.message, "SenderFault": error.status < 500}
            failed.append({"Id": entry["Id"], **told})
    return {"Successful": successful, "Failed": failed}
