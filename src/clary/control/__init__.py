"""The composition root: one ASGI application with one visible chain of handlers, and the engine beside it.

Everything but invocations ends here: the door passes requests on over a unix socket.
"""
