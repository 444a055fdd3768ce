"""An authenticator in software that can lie, written after W3C Web Authentication Level 3."""

import base64
import hashlib
import json
import os
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 1, 4, 64


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def cbor(value) -> bytes:
    """The few forms that authenticators write (RFC 8949, definite lengths)."""

    def head(major: int, number: int) -> bytes:
        if number < 24:
            return bytes([major << 5 | number])
        if number < 256:
            return bytes([major << 5 | 24, number])
        return bytes([major << 5 | 25]) + struct.pack(">H", number)

    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    return head(5, len(value)) + b"".join(cbor(name) + cbor(item) for name, item in value.items())


class Authenticator:
    """One key. What it says of itself may be changed before each ceremony."""

    def __init__(self, origin: str, rp_id: str = "localhost"):
        self.origin, self.rp_id = origin, rp_id
        self.id = os.urandom(32)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.algorithm = -7
        self.counter = 0
        self.flags = PRESENT | VERIFIED
        self.user = b""

    def client_data(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said, separators=(",", ":")).encode()

    def data(self, flags: int, rest: bytes = b"") -> bytes:
        self.counter += 1
        return hashlib.sha256(self.rp_id.encode()).digest() + struct.pack(">BI", flags, self.counter) + rest

    def create(self, options: dict) -> dict:
        self.user = unb64(options["user"]["id"])
        point = self.key.public_key().public_numbers()
        cose = cbor({1: 2, 3: self.algorithm, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})
        attested = bytes(16) + struct.pack(">H", len(self.id)) + self.id + cose
        made = {"fmt": "none", "attStmt": {}, "authData": self.data(self.flags | ATTESTED, attested)}
        return self.answer({
            "attestationObject": b64(cbor(made)),
            "clientDataJSON": b64(self.client_data("webauthn.create", options["challenge"])),
        })

    def get(self, options: dict) -> dict:
        data, client = self.data(self.flags), self.client_data("webauthn.get", options["challenge"])
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self.answer({
            "authenticatorData": b64(data),
            "clientDataJSON": b64(client),
            "signature": b64(signature),
            "userHandle": b64(self.user),
        })

    def answer(self, response: dict) -> dict:
        return {
            "id": b64(self.id),
            "rawId": b64(self.id),
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        }
