"""Pipelines that run: one controller of kind `pipeline-execution`.

One look at an execution reads its row and the rows of its steps, lets `plan` decide (pure), carries that out, and
goes on until nothing more can be done at once. What a step does is in `steps`, one file per kind; every call to AWS's
API is made as the execution's role. What definitions mean is in clary/definitions; the API in
services/sagemaker/pipelines.
"""
