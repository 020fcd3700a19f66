"""The small parent of all processes: binds the listening sockets, starts control and doors, restarts them.

Standard library and `base` only; never opens the database, never loads service models. Used by `clary serve`.

    supervisor   the loop: signals, children, readiness, the orderly end
    children     one child: start, back-off, stop
    listening    bind, or take over the sockets of a supervisor that died
    orphans      finds the children that a dead supervisor left behind
    server_file  run/server.json and the question "is it ready?"
    wake         signals as bytes on a socket
    lock         one supervisor per data folder
"""

from clary.supervisor.server_file import ServerFile, read_server_file, wait_ready
from clary.supervisor.supervisor import run

__all__ = ["ServerFile", "read_server_file", "run", "wait_ready"]
