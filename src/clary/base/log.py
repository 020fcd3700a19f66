"""Clary's own logs: one JSON object per line, constant message plus key/values, secrets removed at the root."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_SECRET_NAME = re.compile(r"secret|password|authorization|session.?token|master.?key|signature", re.IGNORECASE)
_SECRET_TEXT = re.compile(r"(?i)((?:aws_secret_access_key|aws_session_token|signature|authorization)\s*[=:]\s*)\S+")


def get_logger(name: str) -> logging.Logger:
    """Use as `log.info("endpoint ready", extra={"arn": arn})`: what varies goes into `extra`."""
    return logging.getLogger(name)


class _JsonFormatter(logging.Formatter):
    _standard = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _SECRET_TEXT.sub(r"\1***", record.getMessage()),
        }
        for key, value in vars(record).items():
            if key not in self._standard:
                entry[key] = "***" if _SECRET_NAME.search(key) else value
        if record.exc_info:
            entry["traceback"] = _SECRET_TEXT.sub(r"\1***", self.formatException(record.exc_info))
        return json.dumps(entry, default=str)


def configure_logging(level: str, file: Path | None = None) -> None:
    """Send all logs of this process to `file`, or to standard error."""
    handler: logging.Handler = logging.FileHandler(file) if file else logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("botocore", "uvicorn.access", "uvicorn.error", "alembic"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
