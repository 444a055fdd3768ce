"""A model of a power loss over the trace that `record.c` made.

At a random point of the trace everything stops. What a completed sync covered is on the disk; of
what was written later each sector is there or not, independently, and a file may be longer or
shorter than it should be. The database must open, be whole, and hold every acknowledged row.
"""

import random
import sqlite3
from dataclasses import dataclass
from pathlib import Path

SECTOR = 512


@dataclass
class Event:
    end: int
    kind: str
    name: str
    offset: int
    data: bytes


def read_trace(path: Path) -> list[Event]:
    raw = path.read_bytes()
    events, at = [], 0
    while at < len(raw):
        newline = raw.index(b"\n", at)
        kind, name, offset, length = raw[at:newline].decode().split(" ")
        at = newline + 1
        data = b""
        if kind == "write":
            data = raw[at : at + int(length)]
            at += int(length)
        events.append(Event(at, kind, name, int(offset), data))
    return events


def apply(files: dict[str, bytearray], event: Event, keep=lambda: True) -> None:
    file = files.setdefault(event.name, bytearray())
    if event.kind == "truncate":
        if keep():
            del file[event.offset :]
            file.extend(bytes(event.offset - len(file)))
        return
    for start in range(0, len(event.data), SECTOR):
        if keep():
            part = event.data[start : start + SECTOR]
            at = event.offset + start
            if len(file) < at + len(part):
                file.extend(bytes(at + len(part) - len(file)))
            file[at : at + len(part)] = part


class Model:
    """Makes states in the order of the trace, so that the settled part is applied only once."""

    def __init__(self, events: list[Event], seed: int):
        self.events = events
        self.random = random.Random(seed)

    def states(self, count: int, first: int = 0):
        """`count` states, all of them behind the event number `first`."""
        cuts = sorted(self.random.randrange(first, len(self.events) + 1) for _ in range(count))
        settled: dict[str, bytearray] = {}
        pending: dict[str, list[Event]] = {}
        begun: dict[str, int] = {}
        position = 0
        for cut in cuts:
            while position < cut:
                event = self.events[position]
                waiting = pending.setdefault(event.name, [])
                if event.kind in ("write", "truncate"):
                    waiting.append(event)
                elif event.kind == "unlink":
                    settled.pop(event.name, None)
                    pending.pop(event.name, None)
                elif event.kind == "begin":
                    begun[event.name] = len(waiting)
                elif event.kind == "sync":
                    done = begun.pop(event.name, 0)
                    for covered in waiting[:done]:
                        apply(settled, covered)
                    pending[event.name] = waiting[done:]
                position += 1
            yield self.events[cut - 1].end if cut else 0, self.after_loss(settled, pending)

    def after_loss(self, settled, pending):
        files = {name: bytearray(data) for name, data in settled.items()}
        chance = self.random.choice([0.0, 0.1, 0.5, 0.9, 1.0])
        for name, waiting in pending.items():
            files.setdefault(name, bytearray())
            for event in waiting:
                apply(files, event, lambda: self.random.random() < chance)
        return files


def reopen(folder: Path, files: dict[str, bytearray], table: str) -> tuple[str, set[int]]:
    """SQLite's own verdict and the ids of the table."""
    for old in folder.iterdir():
        old.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    connection = sqlite3.connect(folder / "data.db")
    try:
        verdict = connection.execute("pragma integrity_check").fetchone()[0]
        rows = {row[0] for row in connection.execute(f'select id from "{table}"')}
        return verdict, rows
    except sqlite3.DatabaseError as error:
        return str(error), set()
    finally:
        connection.close()
