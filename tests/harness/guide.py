"""The pages for users: their blocks of code, and a shell, Node and Python that run them."""

import os
import re
import subprocess
import sys
import tomllib

from harness.server import BINARY, ROOT, Server, clean_environment

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
MODULES = ROOT / "tests/clients/node_modules"
# Node 20 has web sockets behind this; later ones take it without a word.
NODE = ["node", "--experimental-websocket", "--no-warnings"]


def page(name: str) -> str:
    """The text of a page, by its path in the repository."""
    return (ROOT / name).read_text()


def blocks(name: str) -> list[tuple[str, str]]:
    """Language and text of each block of code in a page of `docs/`."""
    return BLOCK.findall(page(f"docs/{name}"))


def of(name: str, language: str) -> list[str]:
    """The blocks of one language; a page that has none of it is no longer what the test thinks."""
    found = [text for its, text in blocks(name) if its == language]
    assert found, f"{name} has no {language}"
    return found


def flat(table: dict, path: str = "") -> dict[str, object]:
    """Settings by their dotted names, quoted where TOML wants it."""
    found = {}
    for key, value in table.items():
        name = path + (key if re.fullmatch(r"[\w-]+", key) else f'"{key}"')
        found |= flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return found


def settings(name: str) -> dict[str, object]:
    """All settings that a page shows, by their dotted names."""
    found = {}
    for text in of(name, "toml"):
        found |= flat(tomllib.loads(text))
    return found


class Shell:
    """Runs a page's commands in the project's folder, keeping what they export."""

    def __init__(self, server: Server):
        self.folder = server.project.folder
        programs = self.folder / ".backstay" / "bin"
        programs.mkdir(exist_ok=True)
        (programs / "backstay").symlink_to(BINARY)
        self.url = server.url
        self.environment = {
            **clean_environment(), "PATH": f"{programs}:{os.environ['PATH']}",
            "URL": server.url, "KEY": server.keys["publishable"], "SECRET_KEY": server.keys["secret"],
        }
        # So that commands find the server, whose port was given by hand.
        text = (self.folder / "backstay.toml").read_text()
        server.project.write({"backstay.toml": f"{text}\n[server]\nport = {server.port}\n"})

    def run(self, script: str) -> str:
        """What a script prints; it must succeed."""
        script = re.sub(r"\bcurl ", "curl -s ", script.replace("http://127.0.0.1:8000", self.url))
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", f"{script}\necho\nenv -0 > .backstay/environment"],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=60,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        kept = (self.folder / ".backstay/environment").read_text().split("\0")
        self.environment = dict(line.split("=", 1) for line in kept if "=" in line)
        return done.stdout.strip()

    def console(self, text: str) -> str:
        """Runs the lines behind `$` of a page."""
        return self.run("\n".join(re.findall(r"^\$ (.*)$", text, re.M)))

    def javascript(self, script: str) -> str:
        """What a module prints; `@supabase/supabase-js` can be imported."""
        self.with_modules()
        return self._program([*NODE, "--input-type=module", "-"], script)

    def with_modules(self) -> None:
        """As after `npm install`."""
        modules = self.folder / "node_modules"
        if not modules.exists():
            modules.symlink_to(MODULES)

    def python(self, script: str) -> str:
        """What a script prints; `supabase` can be imported."""
        return self._program([sys.executable, "-"], script)

    def _program(self, command: list[str], script: str) -> str:
        done = subprocess.run(
            command, input=script.replace("http://127.0.0.1:8000", self.url), cwd=self.folder, env=self.environment,
            capture_output=True, text=True, timeout=60,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout
