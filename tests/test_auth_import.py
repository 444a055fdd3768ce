"""`backstay user import --from`: users of other frameworks, read from the tables these keep them in."""

import base64
import csv
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections import namedtuple

import bcrypt
import passlib.hash
import pytest

from harness.auth import PASSWORD, AuthServer, code_of, fresh_email
from harness.server import Project

ODD = "Backstay-42-passw\u00f6rd"
NOW = "2026-01-31 12:00:00"

# A real project of Django's, which makes its own tables and users.
DJANGO = """
import json, sys
import django
from django.conf import settings
path, users = sys.argv[1], json.loads(sys.argv[2])
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": path}},
    USE_TZ=True,
)
django.setup()
from django.core.management import call_command
from django.contrib.auth import get_user_model
call_command("migrate", verbosity=0)
for user in users:
    get_user_model().objects.create_user(**user)
"""


@pytest.fixture(scope="module")
def server():
    with AuthServer(password_peppers__devise="a pepper of theirs") as running:
        running.write_port()
        yield running


Source = namedtuple("Source", "url run")


@pytest.fixture(params=["sqlite", "postgres"])
def source(request, databases, tmp_path):
    """An empty database of somebody else's: its address, and what runs SQL in it."""
    if request.param == "sqlite":
        path = tmp_path / "theirs.db"

        def run(sql: str) -> None:
            with sqlite3.connect(path) as database:
                database.executescript(sql)

        return Source(f"sqlite:{path}", run)
    url = databases.environment("postgres")["BACKSTAY_DATABASE_URL"]
    name = f"project_{databases.made}"
    return Source(url, lambda sql: databases.postgres.psql(sql, name))


def literal(value) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def insert(table: str, *rows: dict) -> str:
    return "\n".join(
        f"insert into {table} ({', '.join(row)}) values ({', '.join(map(literal, row.values()))});" for row in rows
    )


def imported(server, *arguments: str, code: int = 0) -> str:
    done = server.project.run("user", "import", *arguments, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def rehashed(server, email: str, password: str = ODD) -> dict:
    """Signs in with the password they had, and not with another."""
    wrong = server.auth("POST", "/token?grant_type=password", {"email": email, "password": password[:-1]})
    assert code_of(wrong) == (400, "invalid_credentials")
    return server.sign_in(email, password)["user"]


def bcrypt_hash(password: str = ODD, version: str = "2b") -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode().replace("$2b$", f"${version}$")


def test_django(server, tmp_path):
    path, emails = tmp_path / "django.db", [fresh_email("dj") for _ in range(3)]
    users = [
        {"username": "ann", "email": emails[0], "password": ODD, "first_name": "Ann", "is_staff": True},
        {"username": "bob", "email": emails[1], "password": ODD, "is_active": False},
        {"username": "cy", "email": emails[2], "password": None},
        {"username": "nobody", "email": "", "password": ODD},
    ]
    subprocess.run([sys.executable, "-c", DJANGO, path, json.dumps(users)], check=True)
    told = imported(server, "--from", "django", str(path), "--dry-run", code=1)
    assert "3 of 4 can be imported" in told and "row 4" in told
    assert server.admin("GET", f"/admin/users?email={emails[0]}").json()["users"] == []
    assert "3 of 4 imported" in imported(server, "--from", "django", str(path), code=1)
    ann = rehashed(server, emails[0])
    assert ann["user_metadata"]["username"] == "ann" and ann["user_metadata"]["first_name"] == "Ann"
    assert ann["app_metadata"]["former_id"] == 1 and ann["app_metadata"]["is_staff"]
    banned = server.auth("POST", "/token?grant_type=password", {"email": emails[1], "password": ODD})
    assert code_of(banned) == (400, "user_banned")
    none = server.auth("POST", "/token?grant_type=password", {"email": emails[2], "password": ""})
    assert code_of(none) == (400, "invalid_credentials")


def test_django_allauth(server, source):
    email = fresh_email("aa")
    source.run(
        "create table auth_user (id integer primary key, username text, email text, password text, is_active boolean);"
        "create table socialaccount_socialaccount (id integer primary key, provider text, uid text, extra_data text, user_id integer);"
        + insert("auth_user", {"id": 5, "username": "ann", "email": email, "password": "!unusable", "is_active": True})
        + insert("socialaccount_socialaccount", {
            "id": 1, "provider": "google", "uid": f"g-{email}", "extra_data": json.dumps({"email": email, "email_verified": True, "hd": "x"}), "user_id": 5,
        })
    )
    assert "1 of 1 imported" in imported(server, "--from", "django", source.url)
    [user] = server.admin("GET", f"/admin/users?email={email}").json()["users"]
    google = next(identity for identity in user["identities"] if identity["provider"] == "google")
    assert google["id"] == f"g-{email}" and google["identity_data"] == {"sub": f"g-{email}", "email": email, "email_verified": True}
    assert user["app_metadata"]["providers"] == ["email", "google"]


def test_an_account_of_a_provider_is_one_persons(server):
    linked = {"provider": "google", "id": fresh_email("google"), "identity_data": {"name": "Ann"}}
    made = server.new_user(identities=[linked])
    assert [identity["provider"] for identity in made["identities"]] == ["email", "google"]
    again = server.admin("POST", "/admin/users", {"email": fresh_email(), "identities": [linked]})
    assert code_of(again) == (422, "identity_already_exists")
    for odd in ({"provider": "email", "id": "x"}, {"provider": "", "id": "x"}, {"provider": "google", "id": ""}):
        assert code_of(server.admin("POST", "/admin/users", {"email": fresh_email(), "identities": [odd]})) == (400, "validation_failed")


def test_django_on_postgresql(server, databases, tmp_path):
    """The same table, as Django makes it there."""
    url = databases.environment("postgres")["BACKSTAY_DATABASE_URL"]
    email = fresh_email("dj")
    path = tmp_path / "django.db"
    subprocess.run(
        [sys.executable, "-c", DJANGO, path, json.dumps([{"username": "ann", "email": email, "password": ODD}])], check=True
    )
    with sqlite3.connect(path) as made:
        hash = made.execute("select password from auth_user").fetchone()[0]
    row = {
        "password": hash, "is_superuser": False, "username": "ann", "first_name": "", "last_name": "", "email": email,
        "is_staff": False, "is_active": True, "date_joined": NOW,
    }
    databases.postgres.psql(
        "create table auth_user (id integer generated by default as identity primary key, password varchar(128) not null,"
        " last_login timestamptz, is_superuser boolean not null, username varchar(150) not null unique,"
        " first_name varchar(150) not null, last_name varchar(150) not null, email varchar(254) not null,"
        " is_staff boolean not null, is_active boolean not null, date_joined timestamptz not null);" + insert("auth_user", row),
        f"project_{databases.made}",
    )
    assert "1 of 1 imported" in imported(server, "--from", "django", url)
    assert rehashed(server, email)["user_metadata"]["username"] == "ann"


def test_rails(server, source, tmp_path):
    confirmed, unconfirmed = fresh_email("ra"), fresh_email("ra")
    source.run(
        "create table users (id integer primary key, email varchar(255) not null default '',"
        " encrypted_password varchar(255) not null default '', reset_password_token varchar(255), confirmed_at timestamp,"
        " unconfirmed_email varchar(255), name varchar(255), created_at timestamp not null, updated_at timestamp not null);"
        + insert("users", *[
            {"id": number, "email": email, "encrypted_password": bcrypt_hash(version="2a"), "confirmed_at": at, "name": "Ann",
             "created_at": NOW, "updated_at": NOW}
            for number, email, at in [(1, confirmed, NOW), (2, unconfirmed, None)]
        ])
    )
    ids = tmp_path / "ids.csv"
    assert "2 of 2 imported" in imported(server, "--from", "rails", source.url, "--map", str(ids))
    user = rehashed(server, confirmed)
    assert user["user_metadata"]["full_name"] == "Ann"
    with ids.open() as file:
        assert {row["former_id"]: row["id"] for row in csv.DictReader(file)}["1"] == user["id"]
    waits = server.auth("POST", "/token?grant_type=password", {"email": unconfirmed, "password": ODD})
    assert code_of(waits) == (400, "email_not_confirmed")


def test_devise_with_a_pepper(server, source):
    email = fresh_email("ra")
    source.run(
        "create table members (id integer primary key, email varchar(255), encrypted_password varchar(255));"
        + insert("members", {"id": 1, "email": email, "encrypted_password": bcrypt_hash(ODD + "a pepper of theirs", "2a")})
    )
    unknown = imported(server, "--from", "rails", source.url, "--table", "members", "--pepper", "other", code=1)
    assert "unknown form" in unknown
    imported(server, "--from", "rails", source.url, "--table", "members", "--pepper", "devise")
    rehashed(server, email)


def test_laravel(server, source):
    first, second, gone = fresh_email("la"), fresh_email("la"), fresh_email("la")
    source.run(
        "create table users (id bigint primary key, name varchar(255) not null, email varchar(255) not null unique,"
        " email_verified_at timestamp, password varchar(255) not null, remember_token varchar(100), created_at timestamp,"
        " updated_at timestamp, deleted_at timestamp);"
        + insert("users", *[
            {"id": number, "name": "Ann", "email": email, "password": bcrypt_hash(version="2y"), "deleted_at": at}
            for number, email, at in [(1, first, None), (2, second, None), (3, gone, NOW)]
        ])
    )
    told = imported(server, "--from", "laravel", source.url)
    # A project that verifies nobody's address does not keep everybody out.
    assert "2 of 2 imported" in told and "no address is marked as confirmed" in told and "1 left out" in told
    assert rehashed(server, second)["user_metadata"]["full_name"] == "Ann"
    assert server.admin("GET", f"/admin/users?email={gone}").json()["users"] == []


def test_laravel_with_accounts_of_socialite(server, source):
    """In a table of their own, as packages make it, and in columns beside the user."""
    first, second, third, fourth = (fresh_email("so") for _ in range(4))
    github = time.time_ns()
    source.run(
        "create table users (id bigint primary key, name varchar(255), email varchar(255) not null unique, email_verified_at timestamp,"
        " password varchar(255), google_id varchar(255), github_id bigint, provider varchar(255), provider_id varchar(255));"
        "create table social_accounts (id bigint primary key, user_id bigint not null, provider_name varchar(255), provider_user_id varchar(255), email varchar(255), avatar varchar(255), token text);"
        + insert("users", *[
            {"id": number, "name": "Ann", "email": email, "email_verified_at": NOW, **more}
            for number, email, more in [
                (1, first, {"google_id": f"g-{first}"}), (2, second, {"github_id": github}), (3, third, {"provider": "discord", "provider_id": f"d-{third}"}), (4, fourth, {}),
            ]
        ])
        + insert("social_accounts", *[
            {"id": number, "user_id": user, "provider_name": provider, "provider_user_id": id, "email": first, "avatar": "https://x.example/a.png", "token": "a secret of theirs"}
            for number, user, provider, id in [(1, 1, "google", f"g-{first}"), (2, 1, "linkedin-openid", f"l-{first}"), (3, 4, "microsoft", "m")]
        ])
    )
    told = imported(server, "--from", "laravel", source.url)
    assert "4 of 4 imported" in told and "accounts at microsoft are left out" in told
    user = lambda email: server.admin("GET", f"/admin/users?email={email}").json()["users"][0]
    linked = lambda email: sorted((one["provider"], one["id"]) for one in user(email)["identities"] if one["provider"] != "email")
    assert linked(first) == [("google", f"g-{first}"), ("linkedin_oidc", f"l-{first}")]
    assert linked(second) == [("github", str(github))] and linked(third) == [("discord", f"d-{third}")] and linked(fourth) == []
    assert "a secret of theirs" not in json.dumps(user(first))
    [linkedin] = [one for one in user(first)["identities"] if one["provider"] == "linkedin_oidc"]
    assert linkedin["identity_data"]["avatar_url"] == "https://x.example/a.png"


def test_symfony(server, source):
    email = fresh_email("sy")
    source.run(
        'create table "user" (id integer primary key, email varchar(180) not null unique, roles text not null,'
        " password varchar(255) not null, is_verified boolean not null);"
        + insert('"user"', {"id": 1, "email": email, "roles": '["ROLE_ADMIN"]', "password": bcrypt_hash(version="2y"), "is_verified": True})
    )
    imported(server, "--from", "symfony", source.url)
    assert rehashed(server, email)["app_metadata"]["roles"] == ["ROLE_ADMIN"]


def test_symfony_with_salts_beside_the_hashes(server, source):
    first, second = fresh_email("sy"), fresh_email("sy")
    salted = (ODD + "{salt123}").encode()
    digest = hashlib.sha512(salted).digest()
    for _ in range(4999):
        digest = hashlib.sha512(digest + salted).digest()
    derived = hashlib.pbkdf2_hmac("sha512", ODD.encode(), b"salt123", 1000, 40)
    for table, email, hash, form in [
        ("fos_user", first, digest, "symfony-digest,alg=sha512,i=5000"),
        ("app_user", second, derived, "symfony-pbkdf2,alg=sha512,i=1000,l=40"),
    ]:
        row = {"id": 1, "username": "ann", "email": email, "enabled": True, "salt": "salt123", "password": base64.b64encode(hash).decode()}
        source.run(
            f"create table {table} (id integer primary key, username varchar(180), email varchar(180), enabled boolean,"
            f" salt varchar(255), password varchar(255));" + insert(table, row)
        )
        imported(server, "--from", "symfony", source.url, "--table", table, "--hash", form)
        rehashed(server, email)


def test_spring(server, source):
    email, off = fresh_email("sp"), fresh_email("sp")
    source.run(
        "create table users (username varchar(50) not null primary key, password varchar(500) not null, enabled boolean not null);"
        "create table authorities (username varchar(50) not null references users (username), authority varchar(50) not null);"
        + insert("users", {"username": email, "password": "{bcrypt}" + bcrypt_hash(version="2a"), "enabled": True},
                 {"username": off, "password": "{bcrypt}" + bcrypt_hash(version="2a"), "enabled": False})
        + insert("authorities", {"username": email, "authority": "ROLE_USER"}, {"username": email, "authority": "ROLE_ADMIN"})
    )
    imported(server, "--from", "spring", source.url)
    assert sorted(rehashed(server, email)["app_metadata"]["roles"]) == ["ROLE_ADMIN", "ROLE_USER"]
    assert code_of(server.auth("POST", "/token?grant_type=password", {"email": off, "password": ODD})) == (400, "user_banned")


def test_aspnet(server, source):
    email, phone = fresh_email("as"), "447700955555"
    salt = os.urandom(16)
    head = bytes([1]) + (2).to_bytes(4, "big") + (100_000).to_bytes(4, "big") + (16).to_bytes(4, "big")
    hash = base64.b64encode(head + salt + hashlib.pbkdf2_hmac("sha512", ODD.encode(), salt, 100_000, 32)).decode()
    id = "6f9619ff-8b86-4011-b42d-00c04fc964ff"
    source.run(
        'create table "AspNetUsers" ("Id" text primary key, "UserName" varchar(256), "Email" varchar(256), "EmailConfirmed" boolean,'
        ' "PasswordHash" text, "PhoneNumber" text, "PhoneNumberConfirmed" boolean, "TwoFactorEnabled" boolean, "LockoutEnd" text);'
        'create table "AspNetRoles" ("Id" text primary key, "Name" varchar(256));'
        'create table "AspNetUserRoles" ("UserId" text, "RoleId" text);'
        + insert('"AspNetUsers"', {
            '"Id"': id, '"UserName"': "ann", '"Email"': email, '"EmailConfirmed"': True, '"PasswordHash"': hash, '"PhoneNumber"': phone,
            '"PhoneNumberConfirmed"': False, '"TwoFactorEnabled"': False, '"LockoutEnd"': "2001-01-01 00:00:00+00:00",
        })
        + insert('"AspNetRoles"', {'"Id"': "r1", '"Name"': "Editors"})
        + insert('"AspNetUserRoles"', {'"UserId"': id, '"RoleId"': "r1"})
    )
    imported(server, "--from", "aspnet", source.url)
    user = rehashed(server, email)
    assert (user["id"], user["phone"], user["app_metadata"]["roles"]) == (id, phone, ["Editors"])
    assert "phone_confirmed_at" not in user
    server.admin("DELETE", f"/admin/users/{id}")


def test_pocketbase(server, tmp_path):
    first, second = fresh_email("pb"), fresh_email("pb")
    for file, column, email in [("new.db", "password", first), ("old.db", "passwordHash", second)]:
        row = {
            "id": "a1b2c3d4e5f6g7h", column: bcrypt_hash(version="2a"), "email": email, "emailVisibility": False,
            "verified": True, "name": "Ann", "avatar": "", "tokenKey": "x",
        }
        with sqlite3.connect(tmp_path / file) as database:
            database.executescript(
                f"create table users (id text primary key, {column} text not null, email text, emailVisibility boolean,"
                " verified boolean, name text, avatar text, tokenKey text);" + insert("users", row)
            )
        imported(server, "--from", "pocketbase", str(tmp_path / file))
        user = rehashed(server, email)
        assert user["app_metadata"]["former_id"] == "a1b2c3d4e5f6g7h" and user["user_metadata"]["full_name"] == "Ann"


def test_wordpress(server, source):
    old, new = fresh_email("wp"), fresh_email("wp")
    digest = base64.b64encode(__import__("hmac").digest(b"wp-sha384", ODD.encode(), "sha384"))
    since_6_8 = "$wp" + bcrypt.hashpw(digest, bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$")
    source.run(
        'create table wp_users ("ID" bigint primary key, user_login varchar(60), user_pass varchar(255), user_nicename varchar(50),'
        " user_email varchar(100), user_registered timestamp, display_name varchar(250));"
        "create table wp_usermeta (umeta_id bigint primary key, user_id bigint, meta_key varchar(255), meta_value text);"
        + insert("wp_users", *[
            {'"ID"': number, "user_login": f"user{number}", "user_pass": hash, "user_email": email, "user_registered": NOW, "display_name": "Ann"}
            for number, email, hash in [(1, old, passlib.hash.phpass.using(rounds=7).hash(ODD)), (2, new, since_6_8)]
        ])
        + insert("wp_usermeta", {"umeta_id": 1, "user_id": 2, "meta_key": "wp_capabilities", "meta_value": 'a:1:{s:6:"editor";b:1;}'})
    )
    imported(server, "--from", "wordpress", source.url)
    assert rehashed(server, old)["user_metadata"]["username"] == "user1"
    assert rehashed(server, new)["app_metadata"]["roles"] == ["editor"]


def firebase_hash(password: str, salt: bytes, signer: bytes, separator: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    key = hashlib.scrypt(password.encode(), salt=salt + separator, n=2**10, r=8, p=1, dklen=32)
    cipher = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
    return cipher.update(signer) + cipher.finalize()


def test_firebase(server, tmp_path):
    email, disabled, google = (fresh_email("fb") for _ in range(3))
    salt, signer, separator = os.urandom(10), os.urandom(64), b"\x07"
    hash = base64.urlsafe_b64encode(firebase_hash(ODD, salt, signer, separator)).decode()
    own = {"passwordHash": hash, "salt": base64.urlsafe_b64encode(salt).decode()}
    users = [
        {"localId": "A" * 28, "email": email, "emailVerified": True, **own, "displayName": "Ann", "customAttributes": '{"plan":"gold"}',
         "providerUserInfo": [{"providerId": "password", "rawId": email}]},
        {"localId": "B" * 28, "email": disabled, "emailVerified": True, **own, "disabled": True},
        {"localId": "C" * 28, "email": google, "emailVerified": True, "providerUserInfo": [
            {"providerId": "google.com", "rawId": google, "email": google}, {"providerId": "yahoo.com", "rawId": "7"},
        ]},
        {"localId": "D" * 28},
    ]
    export, config = tmp_path / "users.json", tmp_path / "hash.txt"
    export.write_text(json.dumps({"users": users}))
    assert "parameters" in imported(server, "--from", "firebase", str(export), code=1)
    config.write_text(
        "hash_config {\n  algorithm: SCRYPT,\n"
        f"  base64_signer_key: {base64.b64encode(signer).decode()},\n  base64_salt_separator: Bw==,\n  rounds: 8,\n  mem_cost: 10,\n}}\n"
    )
    told = imported(server, "--from", "firebase", str(export), "--hash-config", str(config))
    assert "3 of 3 imported" in told and "1 left out" in told and "1 sign in with the account of a provider" in told
    [linked] = server.admin("GET", f"/admin/users?email={google}").json()["users"]
    assert [(one["provider"], one["id"]) for one in linked["identities"]][1:] == [("google", google)]
    assert linked["identities"][1]["identity_data"]["email_verified"] is True
    user = rehashed(server, email)
    assert user["user_metadata"]["full_name"] == "Ann"
    assert (user["app_metadata"]["plan"], user["app_metadata"]["former_id"]) == ("gold", "A" * 28)
    assert code_of(server.auth("POST", "/token?grant_type=password", {"email": disabled, "password": ODD})) == (400, "user_banned")


def test_supabase(server, databases):
    environment = databases.environment("postgres")
    with AuthServer(None, environment, enable_anonymous_sign_ins=True) as theirs:
        made = theirs.new_user(app_metadata={"plan": "gold"}, user_metadata={"name": "Ann"})
        theirs.auth("POST", "/signup", {})
        name = f"project_{databases.made}"
        databases.postgres.psql(
            "insert into auth.identities (id, provider_id, user_id, identity_data, provider, created_at, updated_at) values "
            f"(gen_random_uuid(), '4711', '{made['id']}', '{{\"sub\": \"4711\", \"email\": \"{made['email']}\", \"email_verified\": true}}', 'github', now(), now())",
            name,
        )
    told = imported(server, "--from", "supabase", environment["BACKSTAY_DATABASE_URL"])
    assert "1 of 1 imported" in told and "1 left out" in told
    user = rehashed(server, made["email"], PASSWORD)
    assert user["id"] == made["id"] and user["user_metadata"]["name"] == "Ann"
    assert user["app_metadata"]["plan"] == "gold" and user["app_metadata"]["providers"] == ["email", "github"]
    [_, github] = user["identities"]
    assert github["id"] == "4711" and github["identity_data"]["email_verified"] is True


def test_sources_that_cannot_be_read_are_told(server, tmp_path):
    (tmp_path / "text.db").write_text("no database, but long enough to look like one\n" * 100)
    with sqlite3.connect(tmp_path / "empty.db") as database:
        database.execute("create table other (x)")
    for arguments, message in [
        (["--from", "django", str(tmp_path / "none.db")], "there is no file"),
        (["--from", "django", str(tmp_path / "text.db")], "damaged"),
        (["--from", "django", str(tmp_path / "empty.db")], "there is no table auth_user"),
        (["--from", "django", "mysql://x@y/z"], "not from `mysql`"),
        (["--from", "nothing", "x"], "possible values"),
    ]:
        done = server.project.run("user", "import", *arguments, check=False)
        assert done.returncode != 0 and message in done.stdout + done.stderr, done.stdout + done.stderr


def test_a_command_without_a_server_imports_into_the_database_itself(tmp_path):
    project = Project({"migrations/0001_none.sql": "select 1;", "users.csv": f"email,password_hash\na@example.com,{bcrypt_hash()}\n"})
    try:
        assert "1 of 1 imported" in project.run("user", "import", "users.csv").stdout
    finally:
        project.remove()
