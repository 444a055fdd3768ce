"""Does time tell whether an address has an account? Prints how long known and unknown ones take, asked in turn.

`make auth-times` runs it: times of a shared machine prove nothing in a test, so a reader judges them.
"""

import random
import statistics
import sys
import time

import httpx

from conftest import Databases
from harness.auth import PASSWORD, AuthServer, fresh_email

# What somebody without an account can send, by the address.
CALLS = {
    "password": ("/token?grant_type=password", lambda email: {"email": email, "password": "wrong"}),
    "recover": ("/recover", lambda email: {"email": email}),
    "otp": ("/otp", lambda email: {"email": email}),
    "resend": ("/resend", lambda email: {"type": "signup", "email": email}),
    "resend it": ("/resend", lambda email: {"type": "signup", "email": email}),
    "verify": ("/verify", lambda email: {"type": "recovery", "email": email, "token": "000000"}),
    "sign-up": ("/signup", lambda email: {"email": email, "password": PASSWORD}),
}


def measure(server, samples: int, calls: list[str]) -> None:
    confirmed = [server.new_user()["email"] for _ in range(20)]
    awaited = [fresh_email() for _ in range(20)]
    for email in awaited:
        server.auth("POST", "/signup", {"email": email, "password": PASSWORD})
    client = httpx.Client(base_url=f"{server.url}/auth/v1", headers={"apikey": server.keys["publishable"]}, timeout=60)
    print(f"{'call':10} {'known ms':>9} {'unknown ms':>10} {'ratio':>6} {'noise':>6}")
    for name, (path, body) in CALLS.items():
        if calls and name not in calls:
            continue
        # `resend it`: there is something to send.
        known = awaited if name == "resend it" else confirmed
        times = {"known": [], "unknown": []}
        for n in range(samples):
            for kind in random.sample(list(times), 2):
                email = known[n % len(known)] if kind == "known" else fresh_email("unknown")
                begun = time.perf_counter()
                client.post(path, json=body(email))
                times[kind].append((time.perf_counter() - begun) * 1000)
        middle = {kind: statistics.median(values) for kind, values in times.items()}
        # What two halves of the same differ by.
        halves = [statistics.median(times["known"][half::2]) for half in (0, 1)]
        print(
            f"{name:10} {middle['known']:9.2f} {middle['unknown']:10.2f} {middle['known'] / middle['unknown']:6.2f} {halves[0] / halves[1]:6.2f}",
            flush=True,
        )


def main(samples: int, calls: list[str]) -> None:
    databases = Databases()
    try:
        for engine in ("sqlite", "postgres"):
            with AuthServer(None, databases.environment(engine)) as server:
                print(f"{engine}, {samples} of each:")
                measure(server, samples, calls)
    finally:
        if databases.postgres is not None:
            databases.postgres.stop()


# How many of each, and which calls, if not all.
main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000, sys.argv[2:])
