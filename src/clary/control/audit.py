"""Keeping the audit trail: a call that changes something is a line of a file before it is answered, and soon a row.

A line costs some hundred microseconds where a transaction costs milliseconds; the operating system has it even if
control is killed the next moment. Calls that only read wait in memory, so that they cost next to nothing. Four times
a second a thread moves what has come together into the table, in one transaction. Files that a crash has left are
moved at the next start; rows that are there already are passed over. What a crash may lose: reads of the last quarter
of a second; after a power cut also changes.

The same thread notes when access keys were used last.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any

from clary.base.clock import Clock
from clary.base.errors import ApiError
from clary.base.log import get_logger
from clary.control.audited_calls import AuditedCall, entry_of, is_management, is_read
from clary.control.call import Call
from clary.services.context import Context
from clary.store import audit, key_uses
from clary.store.audit import Entry
from clary.store.database import Database
from clary.store.key_uses import KeyUse
from clary.store.metadata import decode_document, encode_document
from clary.wire.routing import Target

log = get_logger(__name__)

_FLUSH_SECONDS = 0.25
_KEYS_EVERY = 40  # flushes: a key's last use may be ten seconds old
_MOST_WAITING = 20_000
_LONG_TERM = "AKIA"


class AuditTrail:
    """Threads and the event loop may share one. `start` before the first call, `stop` after the last."""

    def __init__(self, database: Database, folder: Path, clock: Clock) -> None:
        self._database = database
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._moving = threading.Lock()
        self._keys: dict[str, KeyUse] = {}
        self._reads: deque[AuditedCall] = deque()
        self._number = 0
        self._file: int | None = None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)

    def start(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._number = max((_number(path) for path in self._files()), default=0)
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        self._thread.join()
        self.flush(keys=True)

    def of_call(self, call: Call, result: dict[str, Any] | None, error: ApiError | None) -> None:
        """Record a request that came over the wire, once it is known who sent it."""
        if call.caller is None or call.target is None or call.caller.principal.kind == "anonymous":
            return
        now = self._clock.now()
        key_id = call.signature.access_key_id if call.signature else ""
        if key_id.startswith(_LONG_TERM):
            self._keys[key_id] = KeyUse(now, call.target.service, call.region)
        if not is_management(call.target.service, call.target.operation.name):
            return
        self.record(
            AuditedCall(
                service=call.target.service,
                operation=call.target.operation.name,
                shapes=call.target.operation,
                principal=call.caller.principal,
                access_key_id=key_id,
                region=call.region,
                at=call.at or now,
                request_id=call.request_id,
                source_address=call.head.headers.get("x-clary-client", ""),
                user_agent=call.head.headers.get("user-agent", ""),
                parameters=call.parameters,
                result=result,
                error=error,
            )
        )

    def of_own_call(
        self,
        target: Target,
        context: Context,
        parameters: dict[str, Any],
        outcome: dict[str, Any] | ApiError,
        via: str,
    ) -> None:
        """Record what the service `via` did on somebody's behalf. It looks at its resources often: only changes."""
        name = target.operation.name
        if is_read(name) or not is_management(target.service, name):
            return
        self.record(
            AuditedCall(
                service=target.service,
                operation=name,
                shapes=target.operation,
                principal=context.principal,
                access_key_id="",
                region=context.region,
                at=context.now,
                request_id=context.request_id,
                source_address="",
                user_agent="",
                parameters=parameters,
                result=None if isinstance(outcome, ApiError) else outcome,
                error=outcome if isinstance(outcome, ApiError) else None,
                via=via,
            )
        )

    def record(self, call: AuditedCall) -> None:
        """Keep a read for the thread; write down a change at once, and who takes which role."""
        if is_read(call.operation) and call.service != "sts" and len(self._reads) < _MOST_WAITING:
            self._reads.append(replace(call, result=None))
        else:
            self._write(_line(call))

    def _write(self, lines: bytes) -> None:
        """A full disk must not make calls fail that have been performed already."""
        try:
            with self._lock:
                left = memoryview(lines)
                while left:
                    left = left[os.write(self._open(), left) :]
        except OSError:
            log.exception("calls could not be recorded")

    def _open(self) -> int:
        if self._file is None:
            self._number += 1
            path = self._folder / f"{self._number:012d}"
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return self._file

    def _run(self) -> None:
        count = 0
        while not self._end.wait(_FLUSH_SECONDS):
            count += 1
            self.flush(keys=count % _KEYS_EVERY == 0)

    def flush(self, *, keys: bool = False) -> None:
        """What fails now (a busy or full disk) is tried again: the files stay."""
        with self._moving:
            self._move(keys=keys)

    def _move(self, *, keys: bool) -> None:
        if waiting := [self._reads.popleft() for _ in range(len(self._reads))]:
            self._write(b"".join(_line(call) for call in waiting))
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None
            complete = self._files()  # before the next call begins a new one
            uses, self._keys = (self._keys, {}) if keys else ({}, self._keys)
        try:
            for path in complete:
                entries = _read(path)
                with self._database.write() as tx:
                    audit.add(tx, entries)
                path.unlink()
            if uses:
                with self._database.write() as tx:
                    key_uses.record(tx, uses)
        except Exception:
            log.exception("the audit trail could not be written; it stays in files until it can")

    def _files(self) -> list[Path]:
        return sorted(path for path in self._folder.iterdir() if path.name.isdigit())


def _line(call: AuditedCall) -> bytes:
    """Nothing when the call has something that no record can hold: that must not fail the call, nor the others."""
    try:
        entry = entry_of(call)
        return encode_document([getattr(entry, name) for name in Entry.__slots__]).encode() + b"\n"
    except (TypeError, ValueError, AttributeError):
        log.exception("a call has no record", extra={"request_id": call.request_id})
        return b""


def _number(path: Path) -> int:
    return int(path.name)


def _read(path: Path) -> list[Entry]:
    """The whole lines of a file; the last one may have been cut off."""
    entries = []
    for line in path.read_bytes().splitlines():
        try:
            fields = decode_document(line.decode())
        except ValueError:
            log.warning("a line of the audit trail is not whole", extra={"file": path.name})
            continue
        values = dict(zip(Entry.__slots__, fields, strict=True))
        for name in ("resource_types", "resource_names"):
            values[name] = tuple(values[name])
        entries.append(Entry(**values))
    return entries
