"""A crowd that watches the newest run as browsers do: a stream each, and the page's live part at each change.

Called with the dashboard's address, a login's cookie and a number; tells as JSON what it got when the run is over.
"""

import asyncio
import json
import re
import sys
import time

PATIENCE = 40.0
PAUSE = 0.5  # between two looks of one watcher, as in live.js


async def main(url: str, cookie: str, number: int) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    place = (host, int(port), f"Host: {host}:{port}\r\nCookie: {cookie}\r\n")
    run = await newest(place)
    told = [Told() for _ in range(number)]
    await asyncio.gather(*(watch(place, run, one) for one in told))
    looks = sorted(took for one in told for took in one.looks)
    print(
        json.dumps(
            {
                "watching": sum(one.over for one in told),
                "changes": sum(one.changes for one in told),
                "looks": len(looks),
                "usual": looks[len(looks) // 2] if looks else 0,
                "slowest": looks[len(looks) * 95 // 100] if looks else 0,
            }
        )
    )


class Told:
    """What one watcher was told."""

    def __init__(self) -> None:
        self.changes = 0
        self.looks: list[float] = []
        self.over = False


async def newest(place: tuple[str, int, str]) -> str:
    """Wait until a run is going on, and give its id."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        reader, writer = await ask(place, "/?status=running")
        found = re.search(rb'href="/runs/([\w-]+)"', await reader.read())
        writer.close()
        if found:
            return found.group(1).decode()
        await asyncio.sleep(0.05)
    sys.exit("no run began")


async def ask(place: tuple[str, int, str], path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port, headers = place
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n".encode())
    await writer.drain()
    return reader, writer


async def watch(place: tuple[str, int, str], run: str, told: Told) -> None:
    """Follow the run to its end."""
    reader, writer = await ask(place, f"/runs/{run}/events")
    try:
        async with asyncio.timeout(PATIENCE):
            while line := await reader.readline():
                if line.startswith(b"data: ") and b"status" in line:
                    told.changes += 1
                    begun = time.perf_counter()
                    live, done = await ask(place, f"/runs/{run}/live")
                    body = await live.read()
                    done.close()
                    if b" 200 OK" not in body[:20]:
                        sys.exit(f"the live part answered {body[:100]!r}")
                    told.looks.append(time.perf_counter() - begun)
                    told.over = b"running" not in line
                    if told.over:
                        return
                    await asyncio.sleep(PAUSE)
    finally:
        writer.close()


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
