"""Clary's side of the wire against the protocol cases and signature suites that botocore's repository holds.

`scripts/check-protocols FOLDER` runs this over a checkout of that repository; nothing of it is kept here. The tests
beside these modules run them over small cases of their own.
"""
