"""A certificate authority that speaks ACME (RFC 8555) over TLS, as far as `http-01` goes.

It is strict where the RFC is: signatures, nonces that are used once, the URL in the signed header,
the key authorization at the well-known address. What it should do otherwise is set on it.
"""

import base64
import datetime
import hashlib
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import NameOID

PROBLEM = "urn:ietf:params:acme:error:"
NOW = lambda: datetime.datetime.now(datetime.timezone.utc)  # noqa: E731


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


class Refusal(Exception):
    def __init__(self, kind: str, detail: str, status: int = 400):
        self.kind, self.detail, self.status = kind, detail, status


class Authority:
    """`challenged_at` is the port where it looks for the answers to challenges, in place of 80."""

    def __init__(self, folder: Path, challenged_at: int):
        self.challenged_at = challenged_at
        self.lifetime = datetime.timedelta(days=90)
        self.refuses: Refusal | None = None
        # How many of the next signed requests have a nonce that is said to be bad.
        self.bad_nonces = 0
        self.nonces: set[str] = set()
        self.accounts: dict[str, ec.EllipticCurvePublicKey] = {}
        self.contacts: list = []
        self.orders: list[dict] = []
        self.issued: list[x509.Certificate] = []
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.lock = threading.Lock()
        self.key, self.root = ec.generate_private_key(ec.SECP256R1()), None
        self.root = self.certify("the root", self.key.public_key(), [], NOW() + datetime.timedelta(days=1), authority=True)
        own = ec.generate_private_key(ec.SECP256R1())
        chain = pem(self.certify("acme", own.public_key(), ["localhost"], NOW() + datetime.timedelta(days=1)))
        self.root_file = folder / "root.pem"
        self.root_file.write_bytes(pem(self.root))
        secret = own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (folder / "acme.pem").write_bytes(secret + chain)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "acme.pem")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://localhost:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def certify(self, subject: str, key, names: list[str], until, authority: bool = False) -> x509.Certificate:
        named = lambda text: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])  # noqa: E731
        builder = (
            x509.CertificateBuilder()
            .subject_name(named(subject)).issuer_name(named("the root")).public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW()).not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def handler(self):
        authority = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, status: int, body, headers: dict, kind: str = "application/json"):
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Replay-Nonce": authority.nonce(), "Content-Type": kind, **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            def do_GET(self):
                names = {"newNonce": "/nonce", "newAccount": "/account", "newOrder": "/order"}
                if self.path == "/directory":
                    return self.answer(200, {name: authority.url + path for name, path in names.items()}, {})
                self.answer(200 if self.path == "/nonce" else 404, {}, {})

            do_HEAD = do_GET

            def do_POST(self):
                data = self.rfile.read(int(self.headers["Content-Length"]))
                with authority.lock:
                    try:
                        self.answer(*authority.signed(self.path, self.headers["Content-Type"], json.loads(data)))
                    except Refusal as refusal:
                        problem = {"type": PROBLEM + refusal.kind, "detail": refusal.detail, "status": refusal.status}
                        self.answer(refusal.status, problem, {}, "application/problem+json")
                    except Exception as error:  # noqa: BLE001 - told to the test, which fails
                        authority.errors.append(repr(error))
                        self.answer(500, {"type": PROBLEM + "serverInternal"}, {}, "application/problem+json")

        return Handler

    def nonce(self) -> str:
        made = b64(hashlib.sha256(str(len(self.nonces)).encode()).digest()) + str(len(self.nonces))
        self.nonces.add(made)
        return made

    def signed(self, path: str, kind: str, message: dict):
        """Checks a request as section 6 has it, and answers it."""
        self.requests.append(path)
        header, payload = json.loads(unb64(message["protected"])), unb64(message["payload"])
        if kind != "application/jose+json" or header["alg"] != "ES256" or header["url"] != self.url + path:
            raise Refusal("malformed", "not signed for this")
        if header["nonce"] not in self.nonces or self.bad_nonces:
            self.bad_nonces = max(self.bad_nonces - 1, 0)
            raise Refusal("badNonce", "the nonce was used before")
        self.nonces.discard(header["nonce"])
        if ("jwk" in header) != (path == "/account"):
            raise Refusal("malformed", "jwk or kid")
        if path != "/account" and header["kid"] not in self.accounts:
            raise Refusal("accountDoesNotExist", "no such account")
        key = self.key_of(header["jwk"]) if path == "/account" else self.accounts[header["kid"]]
        signature = unb64(message["signature"])
        halves = encode_dss_signature(*[int.from_bytes(half) for half in (signature[:32], signature[32:])])
        try:
            key.verify(halves, f"{message['protected']}.{message['payload']}".encode(), ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise Refusal("unauthorized", "the signature is wrong", 403) from None
        body = json.loads(payload) if payload else None
        if path == "/account":
            return self.account(key, body)
        if path == "/order":
            return self.order(header["kid"], body)
        kind, number = path.strip("/").split("/")
        order = self.orders[int(number)]
        if order["account"] != header["kid"]:
            raise Refusal("unauthorized", "another account's", 403)
        return getattr(self, f"on_{kind}")(order, body)

    @staticmethod
    def key_of(jwk: dict) -> ec.EllipticCurvePublicKey:
        x, y = (int.from_bytes(unb64(jwk[name])) for name in "xy")
        return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()

    @staticmethod
    def thumbprint(key: ec.EllipticCurvePublicKey) -> str:
        numbers = key.public_numbers()
        text = '{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}' % tuple(b64(n.to_bytes(32)) for n in (numbers.x, numbers.y))
        return b64(hashlib.sha256(text.encode()).digest())

    def account(self, key, body: dict):
        if not body.get("termsOfServiceAgreed"):
            raise Refusal("userActionRequired", "agree to the terms", 403)
        url = f"{self.url}/acct/{len(self.accounts)}"
        self.accounts[url] = key
        self.contacts.append(body.get("contact"))
        return 201, {"status": "valid"}, {"Location": url}

    def order(self, account: str, body: dict):
        if self.refuses and self.refuses.kind != "unauthorized":
            raise self.refuses
        number = len(self.orders)
        names = [one["value"] for one in body["identifiers"]]
        self.orders.append({"account": account, "number": number, "names": names, "status": "pending", "valid": set(), "error": None})
        return 201, self.shown(self.orders[-1]), {"Location": f"{self.url}/orders/{number}"}

    def shown(self, order: dict) -> dict:
        number, last = order["number"], {"certificate": f"{self.url}/certificate/{order['number']}"} if order["status"] == "valid" else {}
        return {
            "status": order["status"], "identifiers": [{"type": "dns", "value": name} for name in order["names"]],
            "authorizations": [f"{self.url}/authz{at}/{number}" for at in range(len(order["names"]))],
            "finalize": f"{self.url}/finalize/{number}", **last,
        }

    def on_orders(self, order: dict, _):
        return 200, self.shown(order), {}

    def __getattr__(self, name: str):
        """`on_authz0`, `on_challenge1`: of the names of an order."""
        for kind in ("authz", "challenge"):
            if name.startswith(f"on_{kind}"):
                return lambda order, body: getattr(self, kind)(order, int(name.removeprefix(f"on_{kind}")))
        raise AttributeError(name)

    def authz(self, order: dict, at: int):
        status = "valid" if at in order["valid"] else "invalid" if order["error"] else "pending"
        challenge = {
            "type": "http-01", "status": status, "url": f"{self.url}/challenge{at}/{order['number']}",
            "token": f"token-{order['number']}-{at}", **({"error": order["error"]} if order["error"] else {}),
        }
        challenges = [{"type": "dns-01", "status": "pending", "url": f"{self.url}/none", "token": "x"}, challenge]
        return 200, {"identifier": {"type": "dns", "value": order["names"][at]}, "status": status, "challenges": challenges}, {}

    def challenge(self, order: dict, at: int):
        """Looks at the address of the challenge as section 8.3 has it; the name leads to this machine."""
        token = f"token-{order['number']}-{at}"
        url = f"http://127.0.0.1:{self.challenged_at}/.well-known/acme-challenge/{token}"
        found = httpx.get(url, headers={"Host": order["names"][at]})
        expected = f"{token}.{self.thumbprint(self.accounts[order['account']])}"
        if self.refuses or found.status_code != 200 or found.text != expected:
            detail = self.refuses.detail if self.refuses else f"found {found.status_code} {found.text}"
            order["error"] = {"type": PROBLEM + "unauthorized", "detail": detail}
            order["status"] = "invalid"
        else:
            order["valid"].add(at)
            order["status"] = "ready" if len(order["valid"]) == len(order["names"]) else "pending"
        shown = self.authz(order, at)[1]["challenges"][1]
        # The outcome is told when it is asked for.
        return 200, {**{k: v for k, v in shown.items() if k != "error"}, "status": "processing"}, {}

    def on_finalize(self, order: dict, body: dict):
        request = x509.load_der_x509_csr(unb64(body["csr"]))
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
        if order["status"] != "ready" or not request.is_signature_valid or sorted(names) != sorted(order["names"]):
            raise Refusal("badCSR", "the request does not fit the order")
        order["issued"] = self.certify(names[0], request.public_key(), names, NOW() + self.lifetime)
        self.issued.append(order["issued"])
        order["status"] = "valid"
        return 200, {**self.shown(order), "status": "processing"}, {}

    def on_certificate(self, order: dict, _):
        return 200, pem(order["issued"]) + pem(self.root), {}, "application/pem-certificate-chain"
