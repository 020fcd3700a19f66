"""`python -m clary_toolkit COMMAND`: picks the command's module and calls its `main`.

The modules are imported by name, so that training never pays for the HTTP stack of the model server.
"""

from __future__ import annotations

import importlib
import sys

COMMANDS = {
    "train": "clary_toolkit.training.command",
    "process": "clary_toolkit.process",
    "serve": "clary_toolkit.serving.command",
    "transform": "clary_toolkit.transform.command",
    "pip": "clary_toolkit.pip",
    "torchrun": "clary_toolkit.training.torchrun",
    "function": "clary_toolkit.functions.command",
    "feed": "clary_toolkit.feeding.command",
}


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in COMMANDS:
        print(f"usage: python -m clary_toolkit {{{'|'.join(COMMANDS)}}} ...", file=sys.stderr)
        return 2
    command = importlib.import_module(COMMANDS[arguments[0]])
    return int(command.main(arguments[1:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
