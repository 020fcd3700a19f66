"""`python -m clary_toolkit serve`: the model server.

command        the command: settings, source, packages, then one worker or several
settings       what the variables say
workers        several processes that share one listening socket
worker         one process: loads the model, answers requests in its main thread
loading        the user's module, its handlers, the model
handlers       which functions answer a request, and calling them
invocation     one request -> one answer, errors included
parts          an answer that a handler yields, part by part
context        what a handler that asks for `context` is given
content        media types, Accept rules, bodies
network        the event loop in its own thread: listening, draining
connection     HTTP/1.1 on one connection
defaults_*     each framework's handlers for what the user did not write
transformers_tasks   what a Hugging Face model is for
arrays         numpy <-> JSON, CSV, NPY for those handlers
"""
