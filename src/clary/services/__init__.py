"""What AWS operations mean: one package per boto3 client, one file per resource, one function per operation.

A handler checks the caller's intent, writes one transaction and returns. It never waits for work to happen (the
engine does the work) and never imports another service's package.
"""
