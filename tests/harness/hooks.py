"""An endpoint for hooks: it checks each signature, remembers what came and answers as it is told."""

import base64
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEYS = [b"the first secret of the hooks", b"the second secret of the hooks"]
SECRETS = "|".join(f"v1,whsec_{base64.b64encode(key).decode()}" for key in KEYS)


def is_signed(headers, body: bytes) -> bool:
    """By every secret, as Standard Webhooks say."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    made = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in KEYS]
    return headers["webhook-signature"] == " ".join(f"v1,{one}" for one in made)


class Answer:
    def __init__(self, body=b"{}", status: int = 200, headers: dict | None = None):
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status = status
        self.headers = {"Content-Type": "application/json", **(headers or {})}


class Hooks:
    """`answers[name]` is an `Answer`, a list of them (one for each call), or a function of what came."""

    def __init__(self):
        self.calls: list[tuple[str, dict]] = []
        self.answers: dict = {}
        self.problems: list[str] = []
        hooks = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                if not is_signed(self.headers, body):
                    hooks.problems.append(f"a bad signature for {self.path}")
                answer = hooks.answer(self.path.strip("/"), json.loads(body))
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, name: str, told: dict) -> Answer:
        self.calls.append((name, told))
        answer = self.answers.get(name, Answer({"claims": told["claims"]} if "claims" in told else {}))
        if isinstance(answer, list):
            answer = answer.pop(0)
        return answer(told) if callable(answer) else answer

    def settings(self, *names: str) -> dict:
        return {
            f"hook__{name}__{key}": value
            for name in names
            for key, value in [("enabled", True), ("uri", f"{self.url}/{name}"), ("secrets", SECRETS)]
        }

    def told(self, name: str) -> list[dict]:
        return [told for called, told in self.calls if called == name]

    def reset(self) -> None:
        self.calls.clear()
        self.answers.clear()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
