"""A cache between users and the server that keeps all it may (docs/security-cases.md, T13)."""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import httpx
import pytest

from harness.server import Project, Server, free_port

SCHEMA = """
create table public.notes (id int primary key, owner uuid, body text);
alter table public.notes enable row level security;
create policy own on public.notes for select to authenticated using (owner = auth.uid());
create policy open on public.notes for select to anon using (owner is null);
insert into public.notes values (1, '00000000-0000-4000-8000-000000000001', 'of the first'),
  (2, '00000000-0000-4000-8000-000000000002', 'of the second'), (3, null, 'open');
create function public.shared() returns json language plpgsql stable as $$
begin
  perform set_config('response.headers', '[{"Cache-Control": "public, max-age=60"}]', true);
  return json_build_object('said', 'to everybody');
end $$;
"""
CONFIGURATION = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  proxy_cache_path {folder}/cache keys_zone=shared:1m;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass {origin};
      proxy_cache shared;
      proxy_cache_key $request_uri;
      proxy_cache_valid any 1m;
      add_header X-Cache $upstream_cache_status always;
    }}
  }}
}}
"""
FIRST, SECOND = (f"00000000-0000-4000-8000-00000000000{n}" for n in (1, 2))


@pytest.fixture(scope="module")
def server():
    with Server(Project({"migrations/0001_notes.sql": SCHEMA}, "[api]\nrequire_key = false\n")) as running:
        yield running


@pytest.fixture(scope="module")
def cache(server):
    """A shared cache that keeps every answer for a minute unless the answer forbids it."""
    folder, port = Path(tempfile.mkdtemp(prefix="backstay-cache-")), free_port()
    # Its workers run as another user.
    folder.chmod(0o755)
    (folder / "nginx.conf").write_text(CONFIGURATION.format(folder=folder, port=port, origin=server.url))
    process = subprocess.Popen(["nginx", "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")])
    until = time.monotonic() + 20
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}/healthz")
            break
        except httpx.TransportError:
            assert process.poll() is None and time.monotonic() < until, (folder / "error.log").read_text()
            time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(timeout=20)
    shutil.rmtree(folder)


def test_t13_a_shared_cache_mixes_no_callers(server, cache):
    def seen(who) -> tuple:
        answer = httpx.get(f"{cache}/rest/v1/notes?select=body", headers=server.headers(who))
        return answer.json(), answer.headers["x-cache"]

    for _ in range(2):
        assert seen(FIRST) == ([{"body": "of the first"}], "MISS")
        assert seen(SECOND) == ([{"body": "of the second"}], "MISS")
        assert seen("anon") == ([{"body": "open"}], "MISS")
        assert seen("nobody") == ([{"body": "open"}], "MISS")
        assert len(seen("service")[0]) == 3


@pytest.mark.parametrize("path", ["/rest/v1/nothing", "/rest/v1/notes?id=eq.x", "/rest/v1/", "/auth/v1/user", "/auth/v1/settings"])
def test_t13_errors_and_descriptions_are_not_kept(server, cache, path):
    for who in [FIRST, "anon"]:
        answer = httpx.get(f"{cache}{path}", headers=server.headers(who))
        assert answer.headers["x-cache"] == "MISS", answer.headers
        assert "no-store" in answer.headers["cache-control"], answer.headers


def test_t13_a_function_may_say_that_its_answer_is_everybodys(server, cache):
    asked = [httpx.get(f"{cache}/rest/v1/rpc/shared", headers=server.headers("anon")) for _ in range(2)]
    assert [answer.headers["x-cache"] for answer in asked] == ["MISS", "HIT"]
    assert asked[1].json() == {"said": "to everybody"}
