"""One object: decompressed, split, sent with some requests in flight, and written in the order of its records."""

from __future__ import annotations

import collections
import gzip
import itertools
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from clary_toolkit.transform.job import Job, Limits
from clary_toolkit.transform.processing import Processing
from clary_toolkit.transform.servers import ModelServer
from clary_toolkit.transform.splitting import BadObject, batches


class Transformer:
    """Transforms one object; its requests go to the servers in turn."""

    def __init__(self, job: Job, limits: Limits, servers: Sequence[ModelServer], threads: ThreadPoolExecutor) -> None:
        self._job, self._limits, self._threads = job, limits, threads
        self._servers = itertools.cycle(servers)
        self._most_pending = limits.concurrent * len(servers)
        self._headers = {"Content-Type": job.content_type, "Accept": job.accept}
        self._headers = {name: value for name, value in self._headers.items() if value}
        self._processing = Processing(
            job.data_processing,
            job.content_type,
            job.accept,
            splits_lines=job.split_type == "Line",
            marked_at=job.marked_at,
        )

    def transform(self, index: int) -> int:
        """Write the output of one object and return how many requests it took. Raises BadObject."""
        partial = self._job.outputs / f"{index}.partial"
        count = 0
        try:
            with _opened(self._job.inputs / str(index), self._job.gzip) as stream, partial.open("wb") as out:
                for result in self._results(stream):
                    count += 1
                    out.write(result)
                    if self._job.assembles_lines and not result.endswith(b"\n"):
                        out.write(b"\n")
        except (OSError, EOFError, zlib.error) as error:
            partial.unlink()
            raise BadObject(f"{type(error).__name__}: {error}") from error
        except BadObject:
            partial.unlink()
            raise
        partial.rename(self._job.outputs / str(index))
        return count

    def _results(self, stream: BinaryIO) -> Iterator[bytes]:
        """Answers in the order of the batches. One batch more than is in flight is kept ready."""
        pending: collections.deque[Future[bytes]] = collections.deque()
        try:
            for batch in batches(stream, self._job.split_type, self._limits.payload, single=self._limits.single):
                pending.append(self._threads.submit(self._answer, batch, next(self._servers)))
                if len(pending) > self._most_pending:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for each in pending:
                each.cancel()

    def _answer(self, batch: bytes, server: ModelServer) -> bytes:
        streamed = self._limits.payload == 0
        if not self._processing.asked:
            return server.invoke(batch, self._headers, streamed=streamed)
        records, body = self._processing.body(batch)
        return self._processing.result(records, server.invoke(body, self._headers, streamed=streamed))


@contextmanager
def _opened(path: Path, compressed: bool) -> Iterator[BinaryIO]:
    with path.open("rb") as file:
        if not compressed:
            yield file
            return
        with gzip.GzipFile(fileobj=file) as unpacked:
            yield cast(BinaryIO, unpacked)
