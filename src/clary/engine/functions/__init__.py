"""Running Lambda functions: processes that are started when they are called and end when they are idle.

fleet         which processes there are, and who gets which; implements the services' port
process       one process as a unit: code unpacked, variables, limits
conversation  an invocation over the unit's socket
languages     what runs a runtime identifier on this machine
keeper        the thread that ships logs and ends what is not needed any more
"""
