"""Running a Lambda function: the Lambda Runtime API for an interface client, and invocations taken from Clary.

command      the process: settings, the socket, one invocation after the other
conversation the two frames of an invocation on the socket
exchange     what the Runtime API and the host share: the invocation under way and what became of it
runtime_api  the Runtime API on a loopback port, for this unit's processes only
peers        whose process is at the other end of a loopback connection
program      the function's own process: started, watched, killed
output       what it prints: to the log, and the last of it to the caller
node_client  (JavaScript) the interface client for Node.js
"""
