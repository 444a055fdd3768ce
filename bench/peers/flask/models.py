"""Owners, items of owners, notes of items; the engine that holds them.

SQLite where `SQLITE_PATH` is set, with WAL and durable commits; else PostgreSQL, by libpq's
variables. Both with SQLAlchemy's pool, a connection for each thread.
"""

import os
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Numeric, String, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Owner(Base):
    __tablename__ = "owners"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]


class Item(Base):
    __tablename__ = "items"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("owners.id", ondelete="cascade"))
    title: Mapped[str] = mapped_column(String(200))
    price: Mapped[Decimal] = mapped_column(Numeric(10, 2, asdecimal=False))
    state: Mapped[str] = mapped_column(default="open")
    created_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), default=lambda: datetime.now(UTC)
    )
    owner: Mapped[Owner] = relationship()
    notes: Mapped[list["Note"]] = relationship()


class Note(Base):
    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id", ondelete="cascade"), index=True)
    body: Mapped[str]


Item.__table__.append_constraint(CheckConstraint(Item.price >= 0))
Index("owner_state_created", Item.owner_id, Item.state, Item.created_at.desc())

if path := os.environ.get("SQLITE_PATH"):
    engine = create_engine(f"sqlite:///{path}", pool_size=8, connect_args={"timeout": 20})

    @event.listens_for(engine, "connect")
    def prepare(connection, _):
        for pragma in ["journal_mode = wal", "synchronous = full", "foreign_keys = on", "cache_size = -65536"]:
            connection.execute(f"pragma {pragma}")

else:
    engine = create_engine("postgresql+psycopg://", pool_size=8)
