"""AWS's wire protocols without I/O, driven by botocore's service models.

A request goes through `routing` (which operation), `sigv4` (who signed it), `parsing` and `validation` (what it
says), and its answer through `rendering`. Nothing here opens sockets, files or databases; reading the models that
botocore ships is the one exception (`catalog`).
"""
