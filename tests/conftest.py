"""Fixtures that all black-box tests share."""

import pytest

from harness.postgres import Postgres
from harness.server import BINARY


def pytest_sessionstart(session):
    if not BINARY.exists():
        pytest.exit(f"{BINARY} is missing: cargo build -p backstay", returncode=1)


class Databases:
    """Makes an empty database of an engine; the one PostgreSQL behind it starts when the first needs it."""

    def __init__(self):
        self.postgres: Postgres | None = None
        self.made = 0

    def environment(self, engine: str) -> dict[str, str]:
        """What a server needs in its environment to run on a fresh database of this engine."""
        if engine == "sqlite":
            return {}
        if self.postgres is None:
            self.postgres = Postgres()
        self.made += 1
        return {"BACKSTAY_DATABASE_URL": self.postgres.create(f"project_{self.made}")}


@pytest.fixture(scope="session")
def databases():
    made = Databases()
    yield made
    if made.postgres is not None:
        made.postgres.stop()
