"""A model server for tests: `python toy_model.py SOCKET [DELAY]`. Standard library only.

The body says what to do: `!status 500 text`, `!delay 0.5`, `!headers`, `!close`, `!partial`, `!big N`, `!chunks N`,
`!eof`, `!interim`, `!chunked`, `!malformed`, `!session`, `!length`, `!once FILE` (the same, but ends without an
answer until FILE is there), `!stream FOLDER HOW` (one part; when FOLDER/go exists another; HOW: `end`, `break`,
`stall`, `chatter`); anything else is answered with the process id and the body. SIGTERM lets what is under way end.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import signal
import sys
from pathlib import Path

WORKING: set[object] = set()


def answer(body: bytes, kind: str = "text/plain", status: int = 200, extra: str = "") -> bytes:
    return (
        f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\n{extra}Content-Length: {len(body)}\r\n\r\n".encode() + body
    )


def say(command: str, rest: str, head: str, body: bytes) -> tuple[bytes, bool]:
    """The bytes to send, and whether the connection goes on."""
    attributes = "X-Amzn-SageMaker-Custom-Attributes: seen=1\r\nX-Secret: s\r\n"
    status, _, text = rest.partition(" ")
    plain: dict[str, tuple[bytes, bool]] = {
        "!headers": (answer(json.dumps(head).encode(), "application/json", 201, attributes), True),
        "!delay": (answer(b"late"), True),
        "!close": (b"", False),
        "!partial": (b"HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\nhalf", False),
        "!malformed": (b"SMTP 220 hello\r\n\r\n", True),
        "!eof": (b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end", False),
        "!interim": (b"HTTP/1.1 102 Processing\r\n\r\n" + answer(b"after 102"), True),
        "!chunked": (b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", True),
    }
    if command == "!status":
        return answer(text.encode(), status=int(status)), True
    if command == "!chunks":
        head = b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n"
        return head + b"%x\r\n%b\r\n0\r\n\r\n" % (int(rest), b"x" * int(rest)), True
    if command == "!big":
        return answer(b"x" * int(rest)), True
    if command == "!once":
        seen = Path(rest.partition(" ")[0])
        if not seen.exists():
            seen.touch()
            return b"", False
    if command in ("!length", "!once"):
        return answer(f"{len(body)} {hashlib.sha256(body).hexdigest()}".encode()), True
    if command == "!session":
        lines = [line.split(": ")[1] for line in head.split("\r\n") if "session-id" in line.lower()]
        given = "X-Amzn-SageMaker-New-Session-Id: s-1; Expires=2099-01-01T00:00:00Z\r\n"
        return answer(f"{os.getpid()} {lines}".encode(), extra=given if lines == ["NEW_SESSION"] else ""), True
    return plain.get(command, (answer(f"{os.getpid()} ".encode() + body), True))


async def stream(rest: str, writer: asyncio.StreamWriter) -> bool:
    """FOLDER/gone tells that nobody reads any more."""
    folder, how = rest.split(" ")
    writer.write(b"HTTP/1.1 200 X\r\nContent-Type: text/x\r\nX-Amzn-SageMaker-Custom-Attributes: a1\r\n")
    writer.write(b"Transfer-Encoding: chunked\r\n\r\n6\r\nfirst;\r\n")
    while not Path(folder, "go").exists():
        await asyncio.sleep(0.005)
        if how == "chatter":
            try:
                writer.write(b"1\r\n.\r\n")
                await writer.drain()
            except ConnectionError:
                Path(folder, "gone").touch()
                return False
    if how == "stall":
        await asyncio.sleep(60)
    writer.write(b"6\r\nsecond\r\n" + (b"0\r\n\r\n" if how == "end" else b""))
    return how == "end"


async def handle(head: str, body: bytes, writer: asyncio.StreamWriter, delay: float) -> bool:
    command, _, rest = body[:1000].decode("latin-1").partition(" ")
    if head.split(" ")[1] == "/ping":
        writer.write(answer(b""))
        return True
    await asyncio.sleep(float(rest) if command == "!delay" else delay)
    if command == "!stream":
        return await stream(rest, writer)
    said, going_on = say(command, rest, head, body)
    writer.write(said)
    await writer.drain()
    return going_on


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        going_on = True
        while going_on:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            WORKING.add(writer)
            lengths = [line for line in head.split("\r\n") if line.lower().startswith("content-length:")]
            body = await reader.readexactly(int(lengths[0].split(":")[1])) if lengths else b""
            going_on = await handle(head, body, writer, delay)
            WORKING.discard(writer)
    WORKING.discard(writer)
    writer.close()


async def main() -> None:
    path, delay = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    Path(path).unlink(missing_ok=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = await asyncio.start_unix_server(lambda r, w: serve(r, w, delay), path, backlog=1024, limit=1 << 24)
    print("ready", flush=True)
    await stop.wait()
    server.close()
    while WORKING:
        await asyncio.sleep(0.005)


asyncio.run(main())
