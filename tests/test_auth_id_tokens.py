"""Id tokens that an app got by itself: each provider's in the form that it signs, and those of others refused."""

import base64
import hashlib
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from harness.auth import AuthServer, code_of
from test_auth_protection import Stub, as_json

NONCE = "raw nonce"
DIGEST = hashlib.sha256(NONCE.encode()).hexdigest()
TENANT = "11111111-2222-4333-8444-555555555555"
# What each provider's token holds besides what all hold. Azure's document names its one tenant.
CLAIMS = {
    "apple": {"email_verified": "true"},
    "google": {"email_verified": True, "name": "Ann"},
    "azure": {"xms_edov": True, "tid": TENANT, "name": "Ann"},
    "facebook": {"nonce": NONCE, "name": "Ann"},
    "keycloak": {"email_verified": True, "name": "Ann"},
    "kakao": {"nickname": "Ann"},
    "snapchat": {"email_verified": True, "name": "Ann"},
    "vercel_marketplace": {"user_name": "Ann", "user_avatar_url": "https://x.example/a.png"},
    "custom:tokens": {"email_verified": True, "name": "Ann"},
}
# Of these an address is known only once its owner confirmed it here.
UNPROVEN = ["kakao"]


class World(Stub):
    """Providers of which only discovery documents and keys exist, to sign any token with."""

    def __init__(self):
        super().__init__(self.reply)
        self.key = rsa.generate_private_key(65537, 2048)
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        self.public = {**public, "kid": "k", "alg": "RS256", "use": "sig"}

    def issuer(self, name: str) -> str:
        return f"{self.url}/{TENANT}/v2.0" if name == "azure" else f"{self.url}/{name}"

    def reply(self, path, body):
        if path == "/keys":
            return as_json({"keys": [self.public]})
        home = self.url + path.removesuffix("/.well-known/openid-configuration")
        # Whichever tenant is asked for by name: it is told by its id.
        named = self.issuer("azure") if home.endswith("/v2.0") else home
        return as_json({"issuer": named, "jwks_uri": f"{self.url}/keys"})

    def token(self, name="custom:tokens", headers=None, signer=None, algorithm="RS256", **claims) -> str:
        email = {"user_email" if name == "vercel_marketplace" else "email": f"ann@{name.replace(':', '-').replace('_', '-')}.example"}
        base = {"iss": self.issuer(name), "aud": "shop", "sub": f"sub-{name}", "exp": int(time.time()) + 600, "nonce": DIGEST}
        made = {key: value for key, value in {**base, **email, **CLAIMS[name], **claims}.items() if value is not None}
        # Not `jwt.encode`, which refuses claims of odd types.
        return jwt.api_jws.encode(json.dumps(made).encode(), signer or self.key, algorithm=algorithm, headers={"kid": "k", **(headers or {})})


@pytest.fixture(scope="module")
def world():
    with World() as made:
        yield made


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(request, databases, world):
    settings = {"enable_manual_linking": True}
    for name in CLAIMS:
        where = json.dumps(name) if ":" in name else name
        url = f"{world.url}/city.example" if name == "azure" else f"{world.url}/{name}"
        for key, value in {"enabled": True, "client_id": "shop,app", "secret": "x", "url": url}.items():
            settings[f"external__{where}__{key}"] = value
    with AuthServer(None, databases.environment(request.param), **settings) as running:
        yield running


def grant(server, text: str, provider: str | None = "custom:tokens", nonce: str | None = NONCE, bearer=None, **more):
    body = {"provider": provider, "id_token": text, "nonce": nonce, **more}
    return server.auth("POST", "/token?grant_type=id_token", body, token=bearer)


@pytest.mark.parametrize("name", CLAIMS)
def test_an_id_token_of_each_provider_signs_in(server, world, name):
    email = f"ann@{name.replace(':', '-').replace('_', '-')}.example"
    answer = grant(server, world.token(name), name)
    if name in UNPROVEN:
        assert code_of(answer) == (422, "provider_email_needs_verification"), answer.text
        server.auth("POST", "/verify", {"type": "signup", "email": email, "token": server.code(email)})
        answer = grant(server, world.token(name), name)
    assert answer.status_code == 200, answer.text
    user = answer.json()["user"]
    [identity] = user["identities"]
    assert (user["email"], identity["provider"], identity["id"]) == (email, name, f"sub-{name}")
    told = identity["identity_data"]
    assert told["iss"] == world.issuer(name) and told["sub"] == told["provider_id"] == f"sub-{name}"
    assert user["user_metadata"].get("full_name") == (None if name == "apple" else "Ann")
    # By issuer and client too, where it names no provider; and the same user again.
    for named in ({"provider": name}, {"provider": None, "client_id": "app", "issuer": world.issuer(name)}):
        if name == "azure" and named["provider"] is None:
            named["issuer"] = f"https://sts.windows.net/{TENANT}/"
        again = grant(server, world.token(name, aud="app"), **named)
        assert again.status_code == 200 and again.json()["user"]["id"] == user["id"], again.text


def test_facebooks_nonce_is_not_hashed_and_others_are(server, world):
    assert grant(server, world.token("facebook", nonce=NONCE), "facebook").status_code == 200
    for held, sent in [(DIGEST, NONCE), (NONCE, DIGEST), (NONCE, None), (None, NONCE), ("another", NONCE)]:
        refused = grant(server, world.token("facebook", nonce=held), "facebook", nonce=sent)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid nonce"), (held, sent)
    assert grant(server, world.token("google", nonce=NONCE), "google").json()["error"] == "invalid nonce"


def test_facebook_vouches_for_the_addresses_that_it_tells(server, world):
    user = grant(server, world.token("facebook"), "facebook").json()["user"]
    assert user["email_confirmed_at"] and user["identities"][0]["identity_data"]["email_verified"] is True
    without = grant(server, world.token("facebook", sub="no address", email=None), "facebook").json()["user"]
    assert without["email"] == "" and without["identities"][0]["identity_data"]["email_verified"] is False


def test_both_forms_of_azures_issuer_are_its_tenants(server, world):
    for issuer in (f"{world.url}/{TENANT}/v2.0", f"https://sts.windows.net/{TENANT}/"):
        assert grant(server, world.token("azure", iss=issuer), "azure").status_code == 200, issuer
    other = TENANT.replace("1", "9")
    for issuer in (f"{world.url}/{other}/v2.0", f"https://sts.windows.net/{other}/", f"https://sts.windows.net/{TENANT}", f"{world.url}/{{tenantid}}/v2.0"):
        assert grant(server, world.token("azure", iss=issuer, tid=other), "azure").status_code == 400, issuer


def test_one_providers_token_is_no_other_providers(server, world):
    """They all have one key here, as if one provider could sign for another."""
    for name in CLAIMS:
        for other in CLAIMS:
            if name != other:
                assert grant(server, world.token(name), other).status_code == 400, (name, other)


def test_an_id_token_links_an_identity(server, world):
    session = server.signed_in()
    mine = world.token("google", sub="linked", email="other@google.example")
    assert grant(server, mine, "google", link_identity=True).status_code == 401
    linked = grant(server, mine, "google", bearer=session["access_token"], link_identity=True)
    assert linked.status_code == 200, linked.text
    user = linked.json()["user"]
    assert user["id"] == session["user"]["id"] and user["email"] == session["user"]["email"]
    assert sorted(identity["provider"] for identity in user["identities"]) == ["email", "google"]
    other = server.signed_in()["access_token"]
    assert code_of(grant(server, mine, "google", bearer=other, link_identity=True)) == (422, "identity_already_exists")


def test_an_id_token_signs_in(server, world):
    for audience in ("shop", "app", ["x", "app"]):
        session = grant(server, world.token(aud=audience))
        assert session.status_code == 200, session.text
        assert session.json()["user"]["email"] == "ann@custom-tokens.example"
    assert grant(server, world.token(nonce=None), nonce=None).status_code == 200
    digest = hashlib.sha256(b"access").digest()[:16]
    hashed = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert grant(server, world.token(at_hash=hashed), access_token="access").status_code == 200
    assert grant(server, world.token(at_hash=hashed), access_token="another").status_code == 400


def test_a38_an_id_token_of_another_is_refused(server, world):
    token, issuer = world.token, world.issuer("custom:tokens")
    stranger = rsa.generate_private_key(65537, 2048)
    head, body, signature = token().split(".")
    none = jwt.encode({"sub": "s1"}, None, algorithm="none").split(".")[0]
    pem = stranger.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    cases = {
        "issuer": token(iss="https://evil.example"), "issuer begins": token(iss=issuer + ".evil.example"), "no issuer": token(iss=None),
        "several issuers": token(iss=[issuer, "https://evil.example"]),
        "audience": token(aud="another"), "no audience": token(aud=None), "expired": token(exp=int(time.time()) - 600), "no end": token(exp=None),
        "not yet": token(nbf=int(time.time()) + 600), "nonce": token(nonce="another"), "no nonce": token(nonce=None),
        "stranger": token(signer=stranger), "unknown key": token(headers={"kid": "other"}),
        "unsigned": f"{none}.{body}.", "no signature": f"{head}.{body}.", "changed": f"{head}.{body[:-2]}AA.{signature}",
        "symmetric": jwt.encode({"sub": "s1", "iss": issuer, "aud": "shop", "exp": int(time.time()) + 600}, pem[:64], algorithm="HS256", headers={"kid": "k"}),
        "huge": token(email="a" * 40_000), "nothing": "x",
    }
    for name, text in cases.items():
        answer = grant(server, text)
        assert answer.status_code == 400 and set(answer.json()) == {"error", "error_description"}, (name, answer.text)
    assert grant(server, token(), nonce=None).status_code == 400
    assert grant(server, token(), nonce="another").status_code == 400
    assert code_of(grant(server, token(), provider="custom:none")) == (400, "provider_disabled")
    assert code_of(grant(server, token(), provider=None, client_id="shop", issuer="https://evil.example")) == (400, "provider_disabled")
    assert code_of(grant(server, token(), provider=None, client_id="another", issuer=issuer)) == (400, "provider_disabled")
    assert code_of(grant(server, token(), provider=None)) == (400, "validation_failed")
    assert grant(server, token(at_hash="wrong"), access_token="a").status_code == 400


def test_a_nonce_is_not_asked_for_where_the_settings_say_so(world, databases):
    own = {"enabled": True, "client_id": "shop", "url": f"{world.url}/google", "skip_nonce_check": True}
    with AuthServer(None, databases.environment("sqlite"), **{f"external__google__{key}": value for key, value in own.items()}) as server:
        for held, sent in [(DIGEST, None), (None, NONCE), ("another", NONCE)]:
            assert grant(server, world.token("google", nonce=held), "google", nonce=sent).status_code == 200, (held, sent)
