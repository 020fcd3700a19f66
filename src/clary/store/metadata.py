"""The table registry and the column types that SQLite and PostgreSQL share."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Integer, MetaData, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

RowId = BigInteger().with_variant(Integer, "sqlite")
"""Growing row numbers; SQLite only counts up by itself for plain INTEGER."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    return _EPOCH + micros * _MICROSECOND


class Moment(TypeDecorator[datetime]):
    """A UTC time as whole microseconds since 1970: exact, sortable and equal in both databases."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_micros(value)


class Document(TypeDecorator[Any]):
    """A JSON document as text. Datetimes inside are kept as {"$time": micros}, bytes are not allowed."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else encode_document(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else decode_document(value)


def encode_document(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), default=_encode_time)


def decode_document(text: str) -> Any:
    return _DECODER.decode(text)


def _encode_time(value: Any) -> dict[str, int]:
    if isinstance(value, datetime):
        return {"$time": to_micros(value)}
    raise TypeError(f"{type(value).__name__} cannot be part of a stored document")


def _decode_time(value: dict[str, Any]) -> Any:
    # Users' own maps (hyperparameters, tags) may have such a key, but only with texts.
    if len(value) == 1 and isinstance(value.get("$time"), int):
        return _EPOCH + value["$time"] * _MICROSECOND
    return value


_DECODER = json.JSONDecoder(object_hook=_decode_time)
