"""Clients that connect, stream and vanish at random, and a few that stay to the end."""

import asyncio
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field

import psutil

from tests.server.running import Running

STAYING = 8  # of all; the others leave sooner or later, some before the first token
PATIENCE = 3  # seconds that the most patient of the others has
PAUSE = 1  # seconds at most between two requests of one client


@dataclass
class Crowd:
    """What became of it. sent: requests that were sent whole. texts: of those that stayed, by seed."""

    server: Running
    dice: random.Random = field(default_factory=lambda: random.Random(5))
    sent: int = 0
    read: int = 0
    texts: dict[int, Counter[str]] = field(default_factory=dict)
    memory: list[int] = field(default_factory=list)

    async def run(self, clients: int, seconds: float) -> None:
        until = time.monotonic() + seconds
        process = psutil.Process(self.server.process.pid)
        tasks = [asyncio.create_task(self._come_and_go(seed, until)) for seed in range(clients)]
        while time.monotonic() < until:
            await asyncio.sleep(0.5)
            self.memory.append(sum(each.memory_info().rss for each in (process, *process.children())))
        await asyncio.gather(*tasks)

    async def _come_and_go(self, seed: int, until: float) -> None:
        stays = seed < STAYING
        while time.monotonic() < until:
            patience = None if stays else self.dice.random() * PATIENCE
            reader, writer = await self._ask(seed, tokens=32 if stays else 400)
            try:
                async with asyncio.timeout(patience):
                    text = await self._read(reader)
                self.read += 1
                if stays:
                    self.texts.setdefault(seed, Counter())[text] += 1
            except TimeoutError:
                pass
            finally:
                writer.transport.abort()
            await asyncio.sleep(self.dice.random() * PAUSE)

    async def _ask(self, seed: int, *, tokens: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        body = json.dumps({**question(seed, tokens), "stream": True}).encode()
        host, port = self.server.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"POST /v1/completions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        self.sent += 1
        return reader, writer

    @staticmethod
    async def _read(reader: asyncio.StreamReader) -> str:
        text = ""
        while (line := (await reader.readline()).strip()) != b"data: [DONE]":
            assert line or not reader.at_eof()
            if line.startswith(b"data: "):
                text += json.loads(line[6:])["choices"][0]["text"]
        return text


def question(seed: int, tokens: int) -> dict[str, object]:
    return {"prompt": f"{seed} replicas", "max_tokens": tokens, "seed": seed, "temperature": 0.8}
