"""SIGKILL in the middle of writes, with clients that repeat every request until it is answered.

Each write carries an Idempotency-Key of its own and is repeated with it, so in the end each was acknowledged and must
be in the books exactly once; every event of it must have come, in order, to a follower that resumes.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from bench.served import Served

SYMBOLS = ["AAPL", "GOOGL", "MSFT"]
THREADS = 32
PATIENCE_S = 300


@dataclass
class Expected:
    """What one portfolio must hold when all is said."""

    cash_in: Decimal = Decimal(0)
    deposits: int = 0
    rebalances: int = 0
    trades: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class Outcome:
    """What a run found; every count but kills and writes must be 0."""

    kills: int = 0
    writes: int = 0
    repeated: int = 0
    lost: int = 0
    twice: int = 0
    events: int = 0
    events_missing: int = 0
    events_out_of_order: int = 0
    slowest_restart_s: float = 0.0
    differences: list[str] = field(default_factory=list)


class Kills:
    """One run: a service that is killed and started again on the same books and the same port."""

    def __init__(
        self, folder: Path, kills: int, writes: int, database: str | None = None, threads: int = THREADS
    ) -> None:
        self.folder, self.kills, self.writes, self.threads = folder, kills, writes, threads
        self.environment = {"DATABASE_URL": database} if database else {}
        self.told: dict[str, Expected] = {}
        self.outcome = Outcome()
        self._count = threading.Lock()
        self._done = threading.Event()
        self._seen: list[tuple[int, str, str]] = []  # what the follower was sent: id, topic, portfolio
        self._service = Served(folder, **self.environment)
        self.environment["PORT"] = self._service.url.rpartition(":")[2]
        self.url = self._service.url

    def run(self) -> Outcome:
        """Writes, kills, and compares."""
        chance = random.Random(20250824)
        threading.Thread(target=self._follow, daemon=True).start()
        try:
            with ThreadPoolExecutor(self.threads) as pool:
                clients = [pool.submit(self._client, random.Random(k)) for k in range(self.threads)]
                for life in range(1, self.kills + 1):
                    self._await_writes(life * self.writes // (self.kills + 1))
                    time.sleep(0.05 * chance.random())  # the moment of the kill
                    self._service.kill()
                    self.outcome.kills += 1
                    self._service = Served(self.folder, **self.environment)
                    restart = self._service.ready_after_s
                    self.outcome.slowest_restart_s = max(self.outcome.slowest_restart_s, restart)
                for client in clients:
                    client.result()
            self._compare_books()
            self._compare_events()
            assert self._service.stop()[0] == 0
            self._check()
        finally:
            self._done.set()
            self._service.kill()
        return self.outcome

    def _await_writes(self, number: int) -> None:
        until = time.monotonic() + PATIENCE_S
        while self.outcome.writes < number:
            assert time.monotonic() < until, f"only {self.outcome.writes} of {number} writes in {PATIENCE_S} s"
            time.sleep(0.002)

    def _write(self, http: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer, asked for with one key until it comes; also 503 means: try again."""
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        until, heard = time.monotonic() + PATIENCE_S, ""
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = http.post(path, json=body, headers=headers)
                heard = answer.text
                if answer.status_code in (200, 201):
                    with self._count:
                        self.outcome.writes += 1
                    return dict(answer.json())
                assert answer.status_code == 503, answer.text
            assert time.monotonic() < until, f"no answer to {path} in {PATIENCE_S} s; the last was {heard!r}"
            with self._count:
                self.outcome.repeated += 1
            time.sleep(0.25)

    def _client(self, chance: random.Random) -> None:
        """Creates portfolios and changes everybody's, until enough was written."""
        with httpx.Client(base_url=self.url, timeout=30, trust_env=False) as http:
            while self.outcome.writes < self.writes:
                step = chance.random()
                if not self.told or step < 0.1:
                    body = {"portfolio_name": "P", "symbols": SYMBOLS, "initial_value": 10000, "cash_balance": 1000}
                    portfolio_id = self._write(http, "/portfolios/with-symbols", body)["portfolio_id"]
                    self.told[portfolio_id] = Expected()
                    continue
                portfolio_id, expected = chance.choice(list(self.told.items()))
                if step < 0.55:
                    cents = chance.randrange(1, 100_000)
                    self._write(http, f"/portfolios/{portfolio_id}/deposit", {"amount": cents / 100})
                    with expected.lock:
                        expected.deposits += 1
                        expected.cash_in += Decimal(cents) / 100
                else:
                    weights = {"AAPL": 0.1 + 0.3 * chance.random(), "GOOGL": 0.2, "MSFT": 0.2}
                    body = {"target_weights": weights, "rebalance_threshold": 0.0}
                    answer = self._write(http, f"/portfolios/{portfolio_id}/rebalance", body)
                    with expected.lock:
                        expected.rebalances += 1
                        expected.trades += answer["trades_executed"]

    def _compare_books(self) -> None:
        with httpx.Client(base_url=self.url, timeout=60, trust_env=False) as http:
            count = http.get("/portfolios?limit=1").json()["count"]
            self._difference("portfolios", len(self.told), count)
            for portfolio_id, expected in self.told.items():
                flows = http.get(f"/portfolios/{portfolio_id}/cash-flows?limit=1000").json()["cash_flows"]
                deposits = [flow for flow in flows if flow["kind"] == "deposit" and flow["amount"] != 10000]
                trades = http.get(f"/portfolios/{portfolio_id}/trades?limit=1").json()["count"]
                paid_in = sum((Decimal(str(flow["amount"])) for flow in deposits), Decimal(0))
                self._difference(f"{portfolio_id} deposits", expected.deposits, len(deposits))
                self._difference(f"{portfolio_id} trades", expected.trades, trades)
                if paid_in != expected.cash_in:
                    self.outcome.differences.append(f"{portfolio_id} paid in {paid_in}, told {expected.cash_in}")

    def _check(self) -> None:
        """The chain of the audit trail, and every book from its ledger, by the command an operator has."""
        program = Path(sys.executable).with_name("portfolio-engine")
        where = {"DATA_DIR": str(self.folder / "data"), **self.environment}
        done = subprocess.run([program, "db", "check"], env={**os.environ, **where}, capture_output=True, text=True)
        if done.returncode:
            self.outcome.differences.append(f"db check: {done.stdout}{done.stderr}")

    def _difference(self, what: str, told: int, there: int) -> None:
        self.outcome.lost += max(0, told - there)
        self.outcome.twice += max(0, there - told)
        if told != there:
            self.outcome.differences.append(f"{what}: told {told}, there {there}")

    def _compare_events(self) -> None:
        """The follower, resumed after each kill, was sent what a fresh reader finds: all of it, in order."""
        with httpx.Client(base_url=self.url, timeout=60, trust_env=False) as http:
            there = events_of(http.get("/events?last_event_id=0&follow=false").text.splitlines())
        until = time.monotonic() + 30
        while (not self._seen or self._seen[-1][0] < there[-1][0]) and time.monotonic() < until:
            time.sleep(0.1)
        self._done.set()
        seen = list(self._seen)
        first_seen = list(dict.fromkeys(seen))
        self.outcome.events = len(there)
        self.outcome.events_missing = len(set(there) - set(seen))
        ids = [number for number, _, _ in there]
        self.outcome.events_out_of_order = sum(b <= a for a, b in itertools.pairwise(ids))
        self.outcome.events_out_of_order += sum(a != b for a, b in zip(first_seen, sorted(first_seen), strict=True))
        counts = Counter((topic, portfolio_id) for _, topic, portfolio_id in there)
        for portfolio_id, expected in self.told.items():
            self._difference(f"{portfolio_id} created", 1, counts["portfolio.created", portfolio_id])
            rebalanced = counts["portfolio.rebalanced", portfolio_id]
            self._difference(f"{portfolio_id} rebalanced", expected.rebalances, rebalanced)

    def _follow(self) -> None:
        """GET /events for ever, resumed at the last id after every end of the connection."""
        last = 0
        while not self._done.is_set():
            with contextlib.suppress(httpx.TransportError), httpx.Client(base_url=self.url, trust_env=False) as http:
                timeout = httpx.Timeout(5, read=60)
                with http.stream("GET", "/events", headers={"Last-Event-ID": str(last)}, timeout=timeout) as stream:
                    lines: list[str] = []
                    for line in stream.iter_lines():
                        lines.append(line)
                        if not line:  # an event is complete
                            self._seen += events_of(lines)
                            last, lines = (self._seen[-1][0] if self._seen else 0), []
                        if self._done.is_set():
                            return
            time.sleep(0.02)


def events_of(lines: list[str]) -> list[tuple[int, str, str]]:
    """(id, topic, portfolio) of each event in the lines of a stream."""
    found: list[tuple[int, str, str]] = []
    number = 0
    for line in lines:
        if line.startswith("id:"):
            number = int(line[3:])
        elif line.startswith("data:") and number:
            envelope = json.loads(line[5:])
            found.append((number, envelope["topic"], envelope["payload"]["portfolio_id"]))
            number = 0
    return found
