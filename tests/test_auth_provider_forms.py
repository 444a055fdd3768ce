"""Each provider in the form that it speaks: what it is asked, what it tells, and what is kept of that."""

import json
import time
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from harness.auth import AuthServer
from test_auth_protection import Stub, as_json
from test_auth_providers import members

OPENID = ["google", "apple", "azure", "keycloak", "linkedin_oidc", "slack_oidc", "custom:own"]
OTHERS = ["github", "gitlab", "discord", "facebook"]


@pytest.fixture(scope="module")
def world():
    """All providers in one. The code that they are given back names whom to tell of."""
    key = rsa.generate_private_key(65537, 2048)
    public = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())), "kid": "k", "alg": "RS256", "use": "sig"}

    def answer(path, body):
        path, name = path.split("?")[0], path.split("/")[1]
        base = f"{world.url}/{name}"
        if path.endswith("/.well-known/openid-configuration"):
            return as_json({
                "issuer": f"{world.url}{path.removesuffix('/.well-known/openid-configuration')}", "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token", "jwks_uri": f"{base}/keys",
            })
        if path.endswith("/keys"):
            return as_json({"keys": [public]})
        sent = {field: values[0] for field, values in parse_qs(body).items()}
        if "code" in sent:
            world.token_requests.append((name, sent))
            return as_json({"access_token": f"at-{name}", "refresh_token": f"rt-{name}", "id_token": token(name, sent["code"])})
        return as_json(world.told[name][1] if path.endswith("/emails") else world.told[name][0])

    def token(name, nonce):
        issuer = f"{world.url}/{name}" + ("/v2.0" if name == "azure" else "")
        claims = {"iss": issuer, "aud": "client", "exp": int(time.time()) + 600, "nonce": nonce, **world.claims.get(name, {})}
        if name == "linkedin_oidc":
            del claims["nonce"]
        return jwt.encode(claims, key, "RS256", {"kid": "k"})

    with Stub(answer) as world:
        world.claims, world.told, world.token_requests = {}, {}, []
        yield world


@pytest.fixture(scope="module")
def server(world):
    settings = {
        f'external__{json.dumps(name) if ":" in name else name}__{key}': value
        for name in OPENID + OTHERS
        for key, value in [("enabled", True), ("client_id", "client"), ("secret", "a secret"), ("url", f"{world.url}/{name}")]
    }
    with AuthServer(**settings) as running:
        yield running


def begun(server, name: str, more: str = "") -> dict:
    answer = httpx.get(f"{server.url}/auth/v1/authorize?provider={name}{more}")
    assert answer.status_code == 302, answer.text
    return {field: values[0] for field, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def returned(server, name: str, **more) -> dict:
    asked = begun(server, name)
    back = {"code": asked.get("nonce", "x"), "state": asked["state"], **more}
    if name == "apple":
        answer = httpx.post(f"{server.url}/auth/v1/callback", data=back)
    else:
        answer = httpx.get(f"{server.url}/auth/v1/callback", params=back)
    assert answer.status_code in (302, 303), answer.text
    found = members(answer.headers["location"])
    assert "access_token" in found, found
    assert (found["provider_token"], found["provider_refresh_token"]) == (f"at-{name}", f"rt-{name}")
    user = server.user(found["access_token"]).json()
    assert user["app_metadata"]["provider"] == name
    claims = jwt.decode(found["access_token"], options={"verify_signature": False})
    assert {"method": "oauth", "provider": name}.items() <= claims["amr"][0].items(), claims["amr"]
    return user


@pytest.mark.parametrize("name", OPENID)
def test_an_openid_provider_signs_people_in(server, world, name):
    email = f"ann@{name.replace(':', '-').replace('_', '-')}.example"
    world.claims[name] = {"sub": f"sub-{name}", "email": email, "email_verified": True, "xms_edov": True, "name": "Ann", "picture": "https://x.example/a.png"}
    asked = begun(server, name, "&scopes=extra&prompt=consent&state=theirs")
    assert asked["client_id"] == "client" and asked["redirect_uri"] == f"{server.url}/auth/v1/callback" and asked["response_type"] == "code"
    assert "extra" in asked["scope"].split() and "openid" in asked["scope"].split() and asked["prompt"] == "consent" and asked["state"] != "theirs"
    assert (asked.get("response_mode") == "form_post") == (name == "apple")
    user = returned(server, name)
    [identity] = user["identities"]
    assert user["email"] == email and user["email_confirmed_at"] and identity["id"] == f"sub-{name}" and identity["provider"] == name
    told = identity["identity_data"]
    assert told["sub"] == told["provider_id"] == f"sub-{name}" and told["email_verified"] is True and told["phone_verified"] is False
    assert (told["full_name"], told["avatar_url"], told["picture"]) == ("Ann", "https://x.example/a.png", "https://x.example/a.png")
    assert user["user_metadata"]["full_name"] == "Ann"
    assert returned(server, name)["id"] == user["id"]


def test_apple_tells_the_name_once(server, world):
    world.claims["apple"] = {"sub": "once", "email": "once@apple.example", "email_verified": "true"}
    first = returned(server, "apple", user=json.dumps({"name": {"firstName": "Ann", "lastName": "Lee"}, "email": "evil@apple.example"}))
    assert first["user_metadata"]["full_name"] == "Ann Lee" and first["email"] == "once@apple.example"
    assert returned(server, "apple")["user_metadata"]["full_name"] == "Ann Lee"


def test_azure_vouches_for_no_address_without_its_mark(server, world):
    world.claims["azure"] = {"sub": "unproven", "email": "boss@azure.example", "email_verified": True}
    asked = begun(server, "azure")
    answer = httpx.get(f"{server.url}/auth/v1/callback", params={"code": asked["nonce"], "state": asked["state"]})
    assert members(answer.headers["location"])["error_code"] == "provider_email_needs_verification"


TOLD = {
    "github": ({"id": 7, "login": "ann", "name": "Ann", "avatar_url": "https://x.example/a.png"}, [{"email": "ann@github.example", "primary": True, "verified": True}]),
    "gitlab": ({"id": 7, "username": "ann", "name": "Ann", "avatar_url": "https://x.example/a.png", "email": "ann@gitlab.example", "confirmed_at": "2020-01-01"}, None),
    "discord": ({"id": "7", "username": "ann", "global_name": "Ann", "avatar": "a", "email": "ann@discord.example", "verified": True}, None),
    "facebook": ({"id": "7", "name": "Ann", "email": "ann@facebook.example", "picture": {"data": {"url": "https://x.example/a.png"}}}, None),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_provider_signs_people_in(server, world, name):
    world.told[name] = TOLD[name]
    user = returned(server, name)
    [identity] = user["identities"]
    assert user["email"] == f"ann@{name}.example" and user["email_confirmed_at"] and identity["id"] == "7"
    told = identity["identity_data"]
    assert told["email_verified"] is True and told["full_name"] and told["avatar_url"].startswith("https://")
    assert returned(server, name)["id"] == user["id"]
    [*_, (_, sent)] = [one for one in world.token_requests if one[0] == name]
    assert sent["client_secret"] == "a secret" and sent["grant_type"] == "authorization_code"


@pytest.mark.parametrize("name", ["github", "discord", "gitlab"])
def test_an_address_that_another_provider_does_not_vouch_for_is_confirmed_first(server, world, name):
    user, emails = json.loads(json.dumps(TOLD[name]))
    user.update({"id": "8", "email": f"bob@{name}.example", "verified": False, "confirmed_at": None})
    world.told[name] = (user, [{"email": f"bob@{name}.example", "primary": True, "verified": False}])
    asked = begun(server, name)
    answer = httpx.get(f"{server.url}/auth/v1/callback", params={"code": "x", "state": asked["state"]})
    assert members(answer.headers["location"])["error_code"] == "provider_email_needs_verification"
    assert server.mail(f"bob@{name}.example")["subject"].startswith("Confirm")
