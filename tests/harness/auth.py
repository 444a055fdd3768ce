"""Sign-in over plain HTTP, for tests that look at statuses, codes and headers."""

import itertools
import json
import re

import httpx

from harness.server import Project, Server

NUMBERS = itertools.count(1)
PASSWORD = "correct horse battery"

# Limits of requests are off, so that tests do not wait; those about limits switch them on.
DEFAULTS = {
    "rate_limit__email_sent": 0,
    "rate_limit__sms_sent": 0,
    "rate_limit__anonymous_users": 0,
    "rate_limit__token_refresh": 0,
    "rate_limit__sign_in_sign_ups": 0,
    "rate_limit__token_verifications": 0,
    "rate_limit__factors": 0,
    "email__max_frequency": "0s",
    "sms__max_frequency": "0s",
}


def settings(**auth) -> str:
    """`[auth]` with these keys; `email__max_frequency` is `email.max_frequency`."""
    lines = [f"{name.replace('__', '.')} = {json.dumps(value)}" for name, value in {**DEFAULTS, **auth}.items()]
    return "\n".join(["[auth]", *lines, ""])


def fresh_phone() -> str:
    return f"4477009{next(NUMBERS):05}"


def fresh_email(name: str = "user") -> str:
    return f"{name}{next(NUMBERS)}@example.com"


class AuthServer(Server):
    """A server in `dev`, whose mails can be read."""

    def __init__(self, files: dict | None = None, environment: dict | None = None, **auth):
        files = {"migrations/0001_none.sql": "select 1;"} | (files or {})
        super().__init__(Project(files, settings(**auth)), "dev", environment)

    def write_port(self) -> None:
        """Into the settings, so that commands find the running server."""
        text = (self.project.folder / "backstay.toml").read_text().split("[server]")[0]
        self.project.write({"backstay.toml": f"{text}[server]\nport = {self.port}\n"})

    def auth(self, method: str, path: str, body=None, token: str | None = None, key: str = "publishable", headers=None):
        sent = {"apikey": self.keys[key], "X-Supabase-Api-Version": "2024-01-01", **(headers or {})}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        sent = {name: value for name, value in sent.items() if value is not None}
        return self.client.request(method, f"{self.url}/auth/v1{path}", headers=sent, json=body)

    def admin(self, method: str, path: str, body=None):
        return self.auth(method, path, body, token=self.keys["secret"], key="secret")

    def mails(self, to: str | None = None) -> list[dict]:
        """The newest first."""
        return [mail for mail in httpx.get(f"{self.url}/dev/mail.json").json() if to in (None, mail["to"])]

    def mail(self, to: str) -> dict:
        mails = self.mails(to)
        assert mails, f"no mail to {to}"
        return mails[0]

    def code(self, to: str) -> str:
        return re.search(r"Your code: (\d+)", self.mail(to)["text"])[1]

    def sms_code(self, phone: str) -> str:
        return re.search(r"Your code is (\d+)", self.mail(phone)["text"])[1]

    def link(self, to: str) -> str:
        return re.search(r"https?://\S+/verify\S+", self.mail(to)["text"])[0]

    def follow(self, link: str, method: str = "GET") -> httpx.Response:
        """Opens a link as a browser does: without a key."""
        path = link.split("/auth/v1", 1)[1]
        return httpx.request(method, f"{self.url}/auth/v1{path}", follow_redirects=False, timeout=60)

    def new_user(self, email: str | None = None, password: str = PASSWORD, **more) -> dict:
        """A confirmed user, made by an administrator."""
        body = {"email": email or fresh_email(), "password": password, "email_confirm": True, **more}
        made = self.admin("POST", "/admin/users", body)
        assert made.status_code == 200, made.text
        return made.json()

    def sign_in(self, email: str, password: str = PASSWORD) -> dict:
        answer = self.auth("POST", "/token?grant_type=password", {"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def signed_in(self, **more) -> dict:
        return self.sign_in(self.new_user(**more)["email"])

    def refresh(self, token: str) -> httpx.Response:
        return self.auth("POST", "/token?grant_type=refresh_token", {"refresh_token": token})

    def user(self, token: str) -> httpx.Response:
        return self.auth("GET", "/user", token=token)


def code_of(answer: httpx.Response) -> tuple[int, str]:
    """Status and error code of a refusal."""
    return answer.status_code, answer.json().get("code", "")
