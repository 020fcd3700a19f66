"""Channels in Pipe mode: what the toolkit's feeder, inside the unit, writes into which named pipe.

The objects are brought to the machine before the job starts, as numbered files (keys never become paths), and the
plan says how they follow each other. That the feeder lives in the unit, not in Clary, is why a pipe goes on when
Clary is killed. What is done with plan.json is in the toolkit's `feeding` package.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clary.runtimes import sources
from clary.runtimes.sharding import shard
from clary.runtimes.sources import Found, Objects, Text

FEED = ("python", "-m", "clary_toolkit", "feed", "--")
_FOLDER = "/opt/ml/input/pipes"
Record = Sequence[Found | Text]


def find_records(objects: Objects, source: Mapping[str, Any]) -> list[Record]:
    """What one S3DataSource or S3Input stands for: an object, or the attributes of a line, at a time."""
    uri, kind = source["S3Uri"], source.get("S3DataType", "S3Prefix")
    if kind == "AugmentedManifestFile":
        return [*sources.find_records(objects, uri, source.get("AttributeNames") or [])]
    return [[found] for found in sources.find_objects(objects, uri, kind)]


def place_pipe(
    objects: Objects,
    source: Mapping[str, Any],
    channel: Mapping[str, Any],
    pipe: str,
    opt_ml: Path,
    share: tuple[int, int],
) -> dict[str, Any]:
    """Bring a pipe's objects to the machine; returns its part of the plan.

    `pipe` is the path inside the unit to which the epoch is added; `share` is which instance of how many. With a
    seed the objects are dealt out anew in every epoch, so each instance needs all of them.
    """
    records = find_records(objects, source)
    seed = (channel.get("ShuffleConfig") or {}).get("Seed")
    sharded = source.get("S3DataDistributionType") == "ShardedByS3Key"
    if sharded and seed is None:
        records = shard(records, *share)
    return {
        "pipe": pipe,
        "records": _place(objects, records, opt_ml / "input" / "pipes"),
        "wrap": channel.get("RecordWrapperType") == "RecordIO",
        "unzip": "Gzip" in (channel.get("CompressionType"), source.get("S3CompressionType")),
        "seed": seed,
        "share": list(share) if sharded and seed is not None else [0, 1],
    }


def _place(objects: Objects, records: Sequence[Record], pipes: Path) -> list[list[dict[str, str]]]:
    """Each object once, however often it is named."""
    pipes.mkdir(parents=True, exist_ok=True)
    folder = pipes / str(len(list(pipes.iterdir())))
    folder.mkdir()
    numbers: dict[tuple[str, str], str] = {}
    planned = []
    for record in records:
        parts = []
        for part in record:
            if isinstance(part, Text):
                parts.append({"text": part.text})
                continue
            place = part.bucket, part.key
            if place not in numbers:
                numbers[place] = str(len(numbers))
                sources.fetch(objects, part.bucket, part.key, folder / numbers[place])
            parts.append({"file": f"{_FOLDER}/{folder.name}/{numbers[place]}"})
        planned.append(parts)
    return planned


def write_plan(opt_ml: Path, pipes: Sequence[Mapping[str, Any]]) -> None:
    (opt_ml / "input" / "pipes" / "plan.json").write_text(json.dumps({"pipes": list(pipes)}))
