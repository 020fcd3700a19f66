"""Programs in the foreground."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import clary_toolkit

# The signal is taken by a thread that is not the one that waits, as the kernel may decide.
PROGRAM = """
import signal, sys, threading, time
from pathlib import Path
from clary_toolkit.child import Foreground

def stop():
    time.sleep(0.3)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

foreground = Foreground()
foreground.take_signals()
threading.Thread(target=stop).start()
result = foreground.run([sys.executable, "-c", "import time; time.sleep(60)"], {}, Path("/"))
print(result.returncode, foreground.stopping)
"""


def test_a_signal_to_another_thread_reaches_the_program(tmp_path: Path) -> None:
    begun = time.monotonic()
    variables = {"PYTHONPATH": str(Path(clary_toolkit.__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=variables, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "-15 True\n"
    assert time.monotonic() - begun < 50, "not when the program has ended by itself"
