"""Channels as an xgboost.DMatrix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clary_toolkit.algorithms.recordio import MEDIA_TYPE
from clary_toolkit.algorithms.xgboost_data import CSV, LIBSVM, PARQUET, read_channel
from clary_toolkit.errors import CustomerError

_SHORT = {**dict.fromkeys(LIBSVM, "libsvm"), **dict.fromkeys(CSV, "csv"), **dict.fromkeys(PARQUET, "parquet")}


def get_content_type(content_type_cfg_val: str | None) -> str:
    """A channel's content type as `libsvm` (also of None), `csv`, `parquet` or `recordio-protobuf`."""
    kind = (content_type_cfg_val or "").split(";", 1)[0].strip().lower()
    if kind in {MEDIA_TYPE, "recordio-protobuf"}:
        return "recordio-protobuf"
    if kind not in _SHORT:
        raise CustomerError(f"The content type {content_type_cfg_val!r} is not supported.")
    return _SHORT[kind]


def get_dmatrix(
    data_path: str | list[str] | None,
    content_type: str,
    csv_weights: int = 0,
    is_pipe: bool = False,
    combine_train_val: bool = False,
) -> Any:
    """None where there is no data. Pipes are read by the algorithm only, not by scripts."""
    paths = [Path(path) for path in ([data_path] if isinstance(data_path, str) else data_path or [])]
    if is_pipe or combine_train_val or len(paths) > 1:
        raise CustomerError("get_dmatrix here reads one folder or file of files, not of pipes.")
    if not paths or not get_size(str(paths[0])):
        return None
    kind = get_content_type(content_type)
    named = MEDIA_TYPE if kind == "recordio-protobuf" else kind
    return read_channel(paths[0], named, csv_weights=bool(csv_weights))


def get_size(data_path: str, is_pipe: bool = False) -> int:
    """Bytes of a file, or of all files of a folder; 1 for a pipe that is there."""
    path = Path(data_path)
    if is_pipe:
        return int(Path(f"{data_path}_0").exists())
    files = [path] if path.is_file() else path.rglob("*")
    return sum(each.stat().st_size for each in files if each.is_file() and not each.name.startswith("."))
