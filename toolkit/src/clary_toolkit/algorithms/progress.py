"""The lines that a built-in algorithm logs: metrics in the form that expressions written for SageMaker expect."""

from __future__ import annotations

import os
import time


class Progress:
    """`host` is the instance's name, which the lines tell."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._started = time.monotonic()

    def note(self, text: str, level: str = "INFO") -> None:
        now = time.strftime("%m/%d/%Y %H:%M:%S", time.gmtime())
        print(f"[{now} {level} {os.getpid()}] {text}", flush=True)

    def loss(self, channel: str, name: str, value: float, epoch: int | None = None) -> None:
        self._metric(channel, name, "loss", value, epoch)

    def score(self, channel: str, name: str, value: float) -> None:
        self._metric(channel, name, "score", value, None)

    def epochs(self, done: int, wanted: int) -> None:
        percent = 100.0 * done / wanted
        self.note(f"#progress_metric: host={self._host}, completed {percent:g} % of epochs")

    def throughput(self, rows: int) -> None:
        """Since the beginning."""
        speed = rows / max(time.monotonic() - self._started, 1e-6)
        self.note(f"#throughput_metric: host={self._host}, train throughput={speed} records/second")

    def _metric(self, channel: str, name: str, kind: str, value: float, epoch: int | None) -> None:
        when = "" if epoch is None else f", epoch={epoch}"
        self.note(f"#quality_metric: host={self._host}{when}, {channel} {name} <{kind}>={float(value)}")
