"""moto_server with a bucket full of empty objects, put there directly: 200,000 calls would take many minutes.

Runs in the peer's own environment: `python peer_with_keys.py BUCKET COUNT` and the arguments of moto_server.
"""

from __future__ import annotations

import sys

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import main

bucket, count = sys.argv[1], int(sys.argv[2])
backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
backend.create_bucket(bucket, "us-east-1")
for number in range(count):
    backend.put_object(bucket, f"folder/{number:07d}", b"")
main(sys.argv[3:])
