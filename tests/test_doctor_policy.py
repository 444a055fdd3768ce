"""`backstay doctor --policy TABLE --as USER` says which policy lets in or keeps out a row: the same on both
engines, and the same as what the API then shows."""

import re

import pytest

from harness.server import Project, Server

ANN, BOB = "a0000000-0000-4000-8000-000000000001", "b0000000-0000-4000-8000-000000000002"
SCHEMA = f"""
create table public.teams (id int primary key, name text not null);
alter table public.teams enable row level security;
create table public.members (team int references public.teams, person uuid, primary key (team, person));
alter table public.members enable row level security;
create policy "own memberships" on public.members for select using (person = auth.uid());
create function public.is_member(team int) returns boolean language sql stable security definer set search_path = '' as
  $$ select exists (select 1 from public.members m where m.team = is_member.team and m.person = (select auth.uid())) $$;
create table public.notes (
  id int primary key, owner uuid, team int references public.teams, published boolean not null default false, stars int
);
alter table public.notes enable row level security;
create policy "published notes" on public.notes for select using (published);
create policy "own notes" on public.notes for all to authenticated using (owner = auth.uid()) with check (owner = auth.uid());
create policy "notes of the team" on public.notes for select to authenticated using (public.is_member(team));
create policy "by membership" on public.notes for select to authenticated
  using (exists (select 1 from public.members m where m.team = notes.team));
create policy "few stars" on public.notes as restrictive for select using (stars < 5);
create policy "inverse" on public.notes as restrictive for delete using (10 / stars > 1);
create table public.open_shelf (id int primary key);
create table public.secret (id int primary key);
alter table public.secret enable row level security;
revoke all on public.secret from anon, authenticated;
insert into public.teams values (1, 'red'), (2, 'blue');
insert into public.members values (1, '{ANN}');
insert into public.notes values
  (1, '{BOB}', null, true, 1), (2, '{ANN}', null, false, 2), (3, '{BOB}', 1, false, 3), (4, null, 2, false, 4),
  (5, '{ANN}', 1, true, 5), (6, '{ANN}', null, false, 0);
"""


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(request, databases):
    project = Project({"migrations/0001_notes.sql": SCHEMA})
    environment = databases.environment(request.param)
    if environment:
        # The command reads the same setting.
        project.write({"backstay.toml": f'[database]\nurl = "{environment["BACKSTAY_DATABASE_URL"]}"\n'})
    with Server(project) as running:
        yield running


def explained(server, *arguments: str) -> str:
    return server.project.run("doctor", "--policy", *arguments).stdout


def verdicts(text: str) -> dict[int, bool]:
    return {int(row): answer == "yes" for row, answer in re.findall(r"id = (\d+): (yes|no)", text)}


def seen(server, who) -> set[int]:
    return {row["id"] for row in server.rest("GET", "/notes?select=id", who).json()}


@pytest.mark.parametrize("who", [ANN, BOB, "anon"])
def test_the_verdicts_are_those_of_the_api(server, who):
    told = verdicts(explained(server, "notes", "--as", who))
    assert {row for row, yes in told.items() if yes} == seen(server, who)
    assert set(told) == {1, 2, 3, 4, 5, 6}


def test_each_row_is_explained_in_words(server):
    told = explained(server, "notes", "--as", ANN, "--row", "id=4")
    assert "role authenticated" in told and "select rows of public.notes" in told
    assert "id = 4: no" in told
    assert re.search(r'"published notes": .*published.* is false with published = false', told)
    assert re.search(r'"own notes": .* is null with owner = null', told)
    assert re.search(r'"notes of the team": .* is false with team = 2', told)
    assert re.search(r'"by membership": .* is false with team = 2', told)
    assert '"inverse" does not count: it is for delete to public' in told
    told = explained(server, "notes", "--as", ANN, "--row", "id=3")
    assert 'id = 3: yes, let in by "by membership" and "notes of the team"' in told
    told = explained(server, "notes", "--as", ANN, "--row", "id=5")
    assert re.search(r'id = 5: no\n  "few stars": .* is false with stars = 5\n', told)


def test_an_error_in_a_policy_is_told(server):
    told = explained(server, "notes", "--as", ANN, "--for", "delete", "--row", "id=6")
    assert '"inverse" cannot be asked: division by zero (22012)' in told


def test_what_would_be_inserted_is_held_against_the_check(server):
    told = explained(server, "notes", "--as", ANN, "--for", "insert", "--row", "owner=" + ANN)
    assert "a row like id = 2: yes" in told
    told = explained(server, "notes", "--as", ANN, "--for", "insert", "--row", "id=1")
    assert "a row like id = 1: no" in told and "wants changed rows" not in told
    assert '"own notes" wants changed rows to have' in explained(server, "notes", "--as", ANN, "--for", "update")


def test_rights_come_before_policies(server):
    assert "None: permission denied for table secret." in explained(server, "secret", "--as", "anon")
    closed = explained(server, "open_shelf", "--as", "anon")
    assert "None: permission denied for table open_shelf." in closed and "ENABLE ROW LEVEL SECURITY" in closed
    assert "All of them: row policies do not bind the role" in explained(server, "notes", "--as", "service_role")
    assert "No policy of this role and command lets rows in" in explained(server, "teams", "--as", "anon")


def test_a_user_is_found_by_address_and_has_the_claims_of_the_account(server):
    made = server.client.post(
        f"{server.url}/auth/v1/admin/users", headers=server.headers("service"),
        json={"email": "cy@example.com", "password": "long enough 1", "app_metadata": {"team": 1}, "email_confirm": True},
    )
    assert made.status_code == 200, made.text
    assert "May cy@example.com (role authenticated)" in explained(server, "notes", "--as", "cy@example.com")
    for unknown in (["notes", "--as", "nobody@example.com"], ["nothing", "--as", "anon"]):
        refused = server.project.run("doctor", "--policy", *unknown, check=False)
        assert refused.returncode != 0 and "there is no" in refused.stderr
    told = explained(server, "members", "--as", "anon", "--claims", f'{{"sub": "{ANN}", "role": "authenticated"}}')
    assert 'yes, let in by "own memberships"' in told


def test_a_table_must_come_with_a_user(server):
    refused = server.project.run("doctor", "--policy", "notes", check=False)
    assert refused.returncode == 2 and "--as" in refused.stderr
