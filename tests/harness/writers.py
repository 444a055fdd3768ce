"""Clients that write while something happens to the server, and keep what they were promised."""

import random
import threading
from pathlib import Path

import httpx

from harness.server import Server


class Writers:
    """Several clients that insert rows and keep what was acknowledged."""

    def __init__(self, server: Server, count: int, first: int, trace: Path | None = None):
        self.server, self.trace = server, trace
        self.acknowledged: list[tuple[int, int]] = []
        self.sent: set[int] = set()
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.write, args=(first + n, count)) for n in range(count)]
        for thread in self.threads:
            thread.start()

    def write(self, number: int, step: int) -> None:
        headers = self.server.headers("service")
        with httpx.Client(base_url=self.server.url, headers=headers, timeout=10) as client:
            while not self.stopping.is_set():
                self.sent.add(number)
                try:
                    body = {"id": number, "body": "x" * random.randrange(1, 600)}
                    answer = client.post("/rest/v1/entries", json=body)
                except httpx.HTTPError:
                    return
                assert answer.status_code == 201, answer.text
                position = self.trace.stat().st_size if self.trace else 0
                self.acknowledged.append((number, position))
                number += step

    def stop(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()
