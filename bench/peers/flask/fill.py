"""`fill.py OWNERS ITEMS`: the tables, and the rows that are measured."""

import sys
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from models import Base, Item, Note, Owner, engine

owners, items = (int(argument) for argument in sys.argv[1:])
Base.metadata.create_all(engine)
ids = [UUID(f"00000000-0000-4000-8000-{n:012}") for n in range(owners)]
with Session(engine) as session:
    session.execute(insert(Owner), [{"id": id, "name": f"owner {n}"} for n, id in enumerate(ids)])
    for first in range(1, items + 1, 5000):
        numbers = range(first, min(first + 5000, items + 1))
        rows = [
            {
                "owner_id": ids[n % owners],
                "title": f"item {n}",
                "price": n % 100 + 0.25,
                "state": "done" if n % 3 == 0 else "open",
            }
            for n in numbers
        ]
        session.execute(insert(Item), rows)
        notes = [{"item_id": n, "body": f"note {m} of {n}"} for n in numbers for m in range(2)]
        session.execute(insert(Note), notes)
    session.commit()
