"""Objects in a dictionary, for staging and uploads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


class Memory:
    """Implements `sources.Objects`: {(bucket, key): content}."""

    def __init__(self, **keys: bytes) -> None:
        self.content = {("b", key): content for key, content in keys.items()}

    def list(self, bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
        found = sorted(key for there, key in self.content if there == bucket and key.startswith(prefix))
        return iter([(key, len(self.content[bucket, key])) for key in found])

    def fetch(self, bucket: str, key: str, target: Path) -> None:
        if (bucket, key) not in self.content:
            raise FileNotFoundError(key)
        with target.open("xb") as file:
            file.write(self.content[bucket, key])

    def store(self, bucket: str, key: str, source: Path) -> None:
        self.content[bucket, key] = source.read_bytes()
