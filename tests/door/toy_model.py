"""A model server for tests: `python toy_model.py SOCKET [DELAY]`. Standard library only.

The body says what to do: `!status 500 text`, `!delay 0.5`, `!headers`, `!close`, `!partial`, `!big N`, `!eof`,
`!interim`, `!chunked`, `!malformed`; anything else is answered with the process id and the body. SIGTERM lets
what is under way end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys

working = 0


def answer(body: bytes, kind: str = "text/plain", status: int = 200, extra: str = "") -> bytes:
    return (
        f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\n{extra}Content-Length: {len(body)}\r\n\r\n".encode() + body
    )


async def respond(path: str, head: str, body: bytes, writer: asyncio.StreamWriter, delay: float) -> bool:
    """False when the connection is to end."""
    command, _, rest = body.decode("latin-1").partition(" ")
    if path == "/ping":
        writer.write(answer(b""))
        return True
    if delay:
        await asyncio.sleep(delay)
    if command == "!status":
        status, _, text = rest.partition(" ")
        writer.write(answer(text.encode(), status=int(status)))
    elif command == "!delay":
        await asyncio.sleep(float(rest))
        writer.write(answer(b"late"))
    elif command == "!headers":
        attributes = "X-Amzn-SageMaker-Custom-Attributes: seen=1\r\nX-Secret: s\r\n"
        writer.write(answer(json.dumps(head).encode(), "application/json", 201, attributes))
    elif command == "!close":
        return False
    elif command == "!partial":
        writer.write(b"HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\nhalf")
        return False
    elif command == "!malformed":
        writer.write(b"SMTP 220 hello\r\n\r\n")
    elif command == "!big":
        writer.write(answer(b"x" * int(rest)))
    elif command == "!eof":
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end")
        return False
    elif command == "!interim":
        writer.write(b"HTTP/1.1 102 Processing\r\n\r\n" + answer(b"after 102"))
    elif command == "!chunked":
        writer.write(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    else:
        writer.write(answer(f"{os.getpid()} ".encode() + body))
    return True


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    global working
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        going_on = True
        while going_on:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            working += 1
            try:
                lengths = [line for line in head.split("\r\n") if line.lower().startswith("content-length:")]
                body = await reader.readexactly(int(lengths[0].split(":")[1])) if lengths else b""
                going_on = await respond(head.split(" ")[1], head, body, writer, delay)
                await writer.drain()
            finally:
                working -= 1
    writer.close()


async def main() -> None:
    path, delay = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = await asyncio.start_unix_server(lambda r, w: serve(r, w, delay), path, backlog=1024)
    print("ready", flush=True)
    await stop.wait()
    server.close()
    while working:
        await asyncio.sleep(0.005)


asyncio.run(main())
