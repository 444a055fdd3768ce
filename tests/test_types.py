"""`backstay gen types`: typed clients compile against it, the same on both engines, with a server or without."""

import subprocess
import sys

import pytest

from harness.server import ROOT, Project, Server

SOURCES = ROOT / "tests" / "types"
SETTINGS = '[api]\nschemas = ["public", "shop"]\n'


@pytest.fixture(scope="module")
def project():
    made = Project({"migrations/0001_schema.sql": (SOURCES / "schema.sql").read_text()}, SETTINGS)
    yield made
    made.remove()


@pytest.fixture(scope="module")
def generated(project, databases):
    """The types of both languages, by where they came from."""
    def both(*more: str) -> tuple[str, str]:
        return tuple(project.run("gen", "types", "--lang", lang, *more).stdout for lang in ("typescript", "python"))

    found = {"migrations": both()}
    server = Server(project)
    found["sqlite"] = both()
    server.stop()
    environment = databases.environment("postgres")
    server = Server(project, environment=environment)
    found["postgres"] = both("--from", environment["BACKSTAY_DATABASE_URL"])
    server.stop()
    return found


def test_every_source_gives_the_same_types(generated):
    assert generated["sqlite"] == generated["migrations"]
    assert generated["postgres"] == generated["sqlite"]


def test_types_have_the_shape_that_clients_read(generated):
    typescript, python = generated["sqlite"]
    assert typescript == (SOURCES / "expected.ts.txt").read_text()
    assert python == (SOURCES / "expected.py.txt").read_text()


def test_typed_clients_compile_and_mistakes_do_not(generated, tmp_path):
    (tmp_path / "database.types.ts").write_text(generated["sqlite"][0])
    for name in ("client.ts", "mistakes.ts", "tsconfig.json"):
        (tmp_path / name).write_text((SOURCES / name).read_text())
    (tmp_path / "package.json").write_text('{"type": "module"}')
    modules = ROOT / "tests" / "clients" / "node_modules"
    (tmp_path / "node_modules").symlink_to(modules)
    tsc = [modules / ".bin" / "tsc", "--project", tmp_path]
    done = subprocess.run(tsc, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    client = tmp_path / "client.ts"
    client.write_text(client.read_text().replace('tags: ["a"]', 'tagz: ["a"]'))
    done = subprocess.run(tsc, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0 and "tagz" in done.stdout


def test_models_of_python_take_rows_and_refuse_mistakes(generated, tmp_path):
    (tmp_path / "database_types.py").write_text(generated["sqlite"][1])
    (tmp_path / "models.py").write_text((SOURCES / "models.py").read_text())
    done = subprocess.run([sys.executable, "models.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_one_schema_can_be_chosen_and_an_unknown_one_is_refused(project):
    shop = project.run("gen", "types", "--schema", "shop").stdout
    assert "orders: {" in shop and "people" not in shop
    refused = project.run("gen", "types", "--schema", "nowhere", check=False)
    assert refused.returncode != 0 and 'there is no schema "nowhere"' in refused.stderr
