"""Starts the real binary on a project folder of its own and stops it by its process id."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import httpx
import jwt

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("BACKSTAY_BINARY", ROOT / "target" / "debug" / "backstay"))


def clean_environment() -> dict[str, str]:
    """Without our own variables: the server would take them for settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("BACKSTAY_")}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Project:
    """A project folder; `files` maps relative paths to texts."""

    def __init__(self, files: dict[str, str], settings: str = ""):
        self.folder = Path(tempfile.mkdtemp(prefix="backstay-test-"))
        self.write({"backstay.toml": settings, **files})

    @classmethod
    def copy_of(cls, folder: Path) -> "Project":
        """A copy of an example, without its local state."""
        made = cls({})
        shutil.copytree(
            folder, made.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules", ".backstay")
        )
        return made

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        return subprocess.run(
            [BINARY, *arguments], cwd=self.folder, capture_output=True, text=True, check=check, timeout=120,
            env=clean_environment(),
        )

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


class Server:
    """A running server on a project."""

    def __init__(self, project: Project, command: str = "serve", environment: dict[str, str] | None = None, scheme: str = "http"):
        self.project = project
        self.scheme = scheme
        self.command = command
        self.environment = environment or {}
        self.process: subprocess.Popen | None = None
        self.log = project.folder / "server.log"
        # One client: making one costs more than most requests.
        self.client = httpx.Client(verify=False, timeout=60)
        self.start()

    def start(self) -> None:
        self.port = free_port()
        self.url = f"{self.scheme}://127.0.0.1:{self.port}"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [BINARY, self.command, str(self.project.folder), "--port", str(self.port)],
                stdout=log,
                stderr=log,
                env={**clean_environment(), **self.environment},
            )
        self.wait_until_ready()
        self.keys = json.loads(self.project.run("keys", "--json").stdout)

    def wait_until_ready(self, seconds: float = 30) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}:\n{self.log.read_text()}")
            try:
                if self.client.get(f"{self.url}/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.02)
        raise RuntimeError(f"the server is not ready:\n{self.log.read_text()}")

    def token(self, **claims) -> str:
        claims = {"role": "authenticated", "aud": "authenticated", "exp": int(time.time()) + 3600, **claims}
        return jwt.encode(claims, self.keys["jwt_secret"], algorithm="HS256")

    def headers(self, who: str | dict = "anon", **claims) -> dict[str, str]:
        """`anon`, `service`, `nobody` (no key), the id of a user, or the claims of a token."""
        if isinstance(who, dict):
            return {"apikey": self.keys["publishable"], "Authorization": f"Bearer {self.token(**who)}"}
        if who == "nobody":
            return {}
        if who == "anon":
            return {"apikey": self.keys["publishable"]}
        if who == "service":
            return {"apikey": self.keys["secret"]}
        return {"apikey": self.keys["publishable"], "Authorization": f"Bearer {self.token(sub=who, **claims)}"}

    def rest(self, method: str, target: str, who: str = "anon", *, headers=None, json_body=None, content=None):
        if json_body is not None:
            content = json.dumps(json_body)
        sent = {**self.headers(who), **({"Content-Type": "application/json"} if content is not None else {})}
        sent.update(headers or {})
        sent = {name: value for name, value in sent.items() if value is not None}
        return self.client.request(method, f"{self.url}/rest/v1{target}", headers=sent, content=content)

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        self.stop()
        self.project.remove()
