"""`python -m clary_toolkit.training.parameter_server CLUSTER INDEX`: one parameter server of TensorFlow.

Runs beside the script, in the job's environment, until it is ended from outside.
"""

from __future__ import annotations

import importlib
import json
import os
import sys

if __name__ == "__main__":
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the script needs the graphics memory
    os.environ.pop("TF_CONFIG", None)
    tensorflow = importlib.import_module("tensorflow")
    tensorflow.distribute.Server(json.loads(sys.argv[1]), job_name="ps", task_index=int(sys.argv[2])).join()
