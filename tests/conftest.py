"""Fixtures that all black-box tests share."""

import pytest

from harness.server import BINARY


def pytest_sessionstart(session):
    if not BINARY.exists():
        pytest.exit(f"{BINARY} is missing: cargo build -p backstay", returncode=1)
