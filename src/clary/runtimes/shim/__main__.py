"""Where Python begins when it is given this folder. It finds the shim's modules and nothing of Clary."""

from __future__ import annotations

import os
import sys
from importlib import import_module

if __name__ == "__main__":
    sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    import_module("shim.launch").main(sys.argv[1])
