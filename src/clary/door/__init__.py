"""The only listener. `python -m clary.door` serves on inherited sockets; `chain` is the place to start reading.

    process      the life of a door: sockets, snapshots, signals, draining
    listening    accepts connections, a few at a time, and stops without losing one
    handover     gives the listening sockets to a new supervisor when the old one died
    connection   one client connection: HTTP/1.1 in, one exchange at a time, limits of size and time
    exchange     one request and its answer
    limits       what a head may look like; every number that bounds a client
    chain        what happens to a request, in order
    invocations  InvokeEndpoint, plain and with a response stream, answered here
    bodies       their bodies until the signature is checked, in memory or on disk
    parameters   what their headers may look like
    replies      the model's answer as the client's: as it is, or as events
    authentication  who calls and may they; the only file that knows signatures and policies
    passing_on   everything else: streamed to control and back
    control_link connections to control over its unix socket
    answers      bytes of answers and errors
    snapshots    follows routes.json and access.json
    tls          where the certificates lie; the context of the HTTPS port
    certificates makes the local authority and the server certificate (a program of its own)

Never touches the database; needs no live control to answer invocations.
"""
