"""`python -m clary_toolkit transform`: the driver of a batch transform job, beside the model servers it starts.

command       the command: reads the job, starts servers, goes through the objects, tells which ones failed
job           what the platform wrote about the job
servers       starting model servers and asking them, on unix sockets
splitting     records and batches of one object
paths         the JSONPath subset of DataProcessing
processing    filters and joins on CSV and JSON records
objects       one object: split, send, keep the order, write the output
"""
