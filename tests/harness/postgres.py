"""A PostgreSQL server of Debian's in a temporary folder, as the oracle."""

import glob
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote


def bin_folder() -> Path:
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    if not found:
        raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
    return Path(found[-1])


class Postgres:
    """Starts on a Unix socket; psql's own JSON is the answer."""

    def __init__(self, options: str = "", prepare=lambda folder: None):
        self.options = options
        self.port = 5432
        self.folder = Path(tempfile.mkdtemp(prefix="backstay-pg-"))
        self.data = self.folder / "data"
        os.chmod(self.folder, 0o755)
        self.as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self.as_user:
            shutil.chown(self.folder, "postgres")
        self._run(bin_folder() / "initdb", "-D", self.data, "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust", "-U", "postgres")
        prepare(self.data)
        self.start()

    def start(self) -> None:
        # Without statistics the planner takes small queries for large ones and compiles them for seconds.
        options = f"-c listen_addresses='' -c unix_socket_directories={self.folder} -c fsync=off -c jit=off -c timezone=UTC {self.options}"
        self._run(bin_folder() / "pg_ctl", "-D", self.data, "-w", "-l", self.folder / "log", "-o", options, "start")

    def halt(self) -> None:
        self._run(bin_folder() / "pg_ctl", "-D", self.data, "-m", "immediate", "stop")

    def restart(self) -> None:
        self.halt()
        self.start()

    def _run(self, *command) -> str:
        done = subprocess.run(
            [*self.as_user, *map(str, command)], capture_output=True, text=True, cwd=self.folder, timeout=120
        )
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]}: {done.stderr or done.stdout}")
        return done.stdout

    def url(self, database: str, user: str = "postgres") -> str:
        """What `database.url` says for a database of this server."""
        return f"postgres://{user}@{quote(str(self.folder), safe='')}/{database}"

    def create(self, database: str) -> str:
        """A fresh database; answers its URL."""
        self.psql(f'drop database if exists "{database}" (force)')
        self.psql(f'create database "{database}"')
        return self.url(database)

    def psql(self, sql: str, database: str = "postgres") -> str:
        done = subprocess.run(
            ["psql", "-h", str(self.folder), "-p", str(self.port), "-U", "postgres", "-d", database, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"],
            input=sql, capture_output=True, text=True, timeout=120,
        )
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout

    def stop(self) -> None:
        self.halt()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
