"""Identity and access: who is calling, and do the policies let them?

Pure functions over documents and snapshots; no file, no network, no database. Doors and control ask the same
questions here, so that both give the same answers.

    principals   who somebody is
    documents    policy text -> checked document
    patterns     wildcards and policy variables
    conditions   condition operators
    statements   a document prepared for fast evaluation
    evaluation   request + policies -> decision with its reason
    sessions     temporary credentials that prove themselves
    callers      access key (and token) -> principal, secret and policies
"""
