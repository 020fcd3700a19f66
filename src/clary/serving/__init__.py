"""The request path of a model: which variant, which replica, over which connection, and what if it breaks.

Asynchronous, on one event loop, with no I/O but sockets to model servers. The door owns a `Forwarder`, feeds
it snapshots and hands it calls; nothing here knows HTTP clients, signatures or files.

    forwarder    all endpoints: takes snapshots in, hands calls to fleets, looks at the clock
    fleet        one endpoint: chooses, retries, parks, counts
    selection    pure choice of variant and replica
    parking      the bounded queue of calls for which no replica is usable
    replicas     one model server: its connections, ejection, probe
    connection   one keep-alive connection to a model server
    calls        an invocation on its way, and its answer
    counters     plain numbers per endpoint and variant
    errors       AWS's words for what can go wrong
"""
