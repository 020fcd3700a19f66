"""Run the figures and print them as JSON; names of figures as arguments run only those, and those that take long."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
from pathlib import Path

from tests.server import running_server

from benchmarks.figures import FIGURES, LONG_FIGURES
from benchmarks.object_figures import LONG_OBJECT_FIGURES, OBJECT_FIGURES
from benchmarks.release_figures import RELEASE_FIGURES
from benchmarks.sdk_figures import SDK_FIGURES


def main() -> None:
    wanted = set(sys.argv[1:])
    figures = [*FIGURES, *OBJECT_FIGURES, *RELEASE_FIGURES, *SDK_FIGURES]
    if wanted:
        figures = [figure for figure in (*figures, *LONG_FIGURES, *LONG_OBJECT_FIGURES) if figure.__name__ in wanted]
    results = []
    with tempfile.TemporaryDirectory(prefix="clary-bench-") as folder, running_server(Path(folder)) as server:
        for figure in figures:
            print(f"measuring {figure.__name__}", file=sys.stderr)
            results.append(figure(server))
            print(json.dumps(results[-1]), file=sys.stderr)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
    print(json.dumps({"machine": machine, "figures": results}, indent=2))


main()
