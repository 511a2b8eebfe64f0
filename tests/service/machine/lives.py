"""The state machine: any request at any time, restarts among them; the books stay those of the model."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from portfolio_service.config import load_settings
from tests.service.fakes import ManualClock
from tests.service.machine import drawn
from tests.service.machine.books import Account, cents, read
from tests.service.machine.desk import START_PRICES, Desk
from tests.service.machine.place import SATURDAY, Place

MOST = 3  # portfolios
REFUSED = {409, 412, 422}


class Lives(RuleBasedStateMachine):
    """Subclasses say where the books are kept."""

    place: Place

    def __init__(self) -> None:
        super().__init__()
        self.database = self.place.fresh()
        options = {"data_dir": Path(self.database.folder), "database_url": self.database.url}
        settings = load_settings(max_portfolios=MOST, log_level="error", **options)
        self.desk = Desk(settings, ManualClock(SATURDAY))
        self.accounts: dict[str, Account] = {}
        self.gone: list[str] = []
        self.answered: list[tuple[str, str, Any, str, httpx.Response]] = []
        self.keys = 0

    # -- requests

    def change(self, path: str, body: Any, codes: set[str], data: st.DataObject, **query: Any) -> httpx.Response | None:
        """A POST that may be refused for the named reasons only; some come with a key, and then come again."""
        headers = {}
        if key := self.key(data):
            headers["Idempotency-Key"] = key
        answer = self.desk.call("POST", path, body, headers, **query)
        if answer.status_code in REFUSED:
            assert answer.json()["code"] in codes, f"POST {path} {body}: {answer.text}"
            return None
        assert answer.status_code in (200, 201), answer.text
        if key and not query and not body.get("dry_run"):
            self.answered.append((path, key, body, answer.text, answer))
            self.again(len(self.answered) - 1)
        return answer

    def key(self, data: st.DataObject) -> str | None:
        self.keys += 1
        return f"key-{self.keys}" if data.draw(st.booleans(), "with a key") else None

    def again(self, number: int) -> None:
        """The same request with the same key gets the same bytes and changes nothing (the invariant looks)."""
        path, key, body, text, first = self.answered[number]
        answer = self.desk.call("POST", path, body, {"Idempotency-Key": key})
        assert (answer.status_code, answer.text) == (first.status_code, text)
        assert answer.headers["Idempotency-Replayed"] == "true"
        assert answer.headers.get("ETag") == first.headers.get("ETag")

    def some(self, data: st.DataObject) -> Account:
        names = list(self.accounts)  # in the order of their creation: ids are random, draws must not depend on them
        return self.accounts[names[data.draw(st.integers(0, len(names) - 1), "portfolio")]]

    def advanced(self, account: Account, answer: httpx.Response) -> None:
        """A change is one version."""
        account.version += 1
        assert answer.headers["ETag"] == f'"{account.version}"'

    @property
    def quotes(self) -> dict[str, Fraction]:
        return self.desk.market.quotes()

    # -- what can happen

    @rule(body=drawn.portfolios(), data=st.data())
    def create(self, body: dict[str, Any], data: st.DataObject) -> None:
        path = "/portfolios/with-symbols" if "symbols" in body else "/portfolios"
        codes = {"portfolio_limit_reached", "nothing_to_invest", "out_of_range", "cash_exceeds_initial_value"}
        answer = self.change(path, body, codes, data)
        if answer is None:
            return
        found, initial = answer.json(), read(body["initial_value"])
        cash = read(body["cash_balance"]) if "cash_balance" in body else cents(initial / 10)
        account = Account(found["portfolio_id"], body["portfolio_name"], 1, cash, initial - cash)
        account.flows, account.paid_in = [initial], initial
        share = (initial - cash) / max(1, len(body.get("symbols", ())))
        for symbol, position in found.get("positions", {}).items():
            account.held[symbol] = read(position["quantity"])
            account.basis[symbol] = cents(account.held[symbol] * self.quotes[symbol])
            account.unallocated -= account.basis[symbol]
            assert abs(account.basis[symbol] - share) <= Fraction(2, 100), "not an equal share"
        if "symbols" in body:
            assert list(found["positions"]) == body["symbols"]
            account.cash, account.unallocated = account.cash + account.unallocated, Fraction(0)
        assert answer.headers["Location"] == f"/portfolios/{account.portfolio_id}"
        self.accounts[account.portfolio_id] = account
        assert account.total(self.quotes) == initial

    @rule(symbol=st.sampled_from(drawn.SYMBOLS), share=st.integers(250, 4000))
    def tick(self, symbol: str, share: int) -> None:
        """The market moves, between a quarter and four times the first price; held prices are stale from now on."""
        self.desk.clock.advance(1000)
        price = round(Fraction(START_PRICES[symbol]) * share / 1000, 8)
        self.desk.market.table[symbol] = Decimal(price.numerator) / price.denominator
        for account in self.accounts.values():
            account.quoted = {own: price for own, price in account.quoted.items() if own not in START_PRICES}

    @precondition(lambda self: self.accounts)
    @rule(data=st.data(), amount=drawn.money)
    def deposit(self, data: st.DataObject, amount: float) -> None:
        account = self.some(data)
        answer = self.change(f"/portfolios/{account.portfolio_id}/deposit", {"amount": amount}, set(), data)
        assert answer is not None
        account.deposit(read(amount))
        self.advanced(account, answer)
        assert read(answer.json()["cash_balance"]) == account.cash
        assert read(answer.json()["total_value"]) == account.total(self.quotes)

    @precondition(lambda self: self.accounts)
    @rule(data=st.data(), amount=drawn.money, all_of_it=st.booleans())
    def withdraw(self, data: st.DataObject, amount: float, all_of_it: bool) -> None:
        account = self.some(data)
        if all_of_it and account.cash:
            amount = float(account.cash)
        body = {"amount": amount, "note": "spent"}
        answer = self.change(f"/portfolios/{account.portfolio_id}/withdraw", body, {"insufficient_cash"}, data)
        assert (answer is None) == (read(amount) > account.cash), "cash that is there can be taken, no more"
        if answer is not None:
            account.withdraw(read(amount))
            self.advanced(account, answer)

    @precondition(lambda self: self.accounts)
    @rule(data=st.data(), amounts=st.lists(drawn.small, min_size=2, max_size=4))
    def deposits_at_once(self, data: st.DataObject, amounts: list[float]) -> None:
        account = self.some(data)
        path = f"/portfolios/{account.portfolio_id}/deposit"
        answers = self.desk.both(*(("POST", path, {"amount": amount}) for amount in amounts))
        assert {answer.status_code for answer in answers} == {200}
        for amount in amounts:
            account.deposit(read(amount))
        account.flows[-len(amounts) :] = []  # in any order: only their sum is known
        account.flows += [read(amount) for amount in amounts]
        account.version += len(amounts)
        versions = sorted(int(answer.headers["ETag"].strip('"')) for answer in answers)
        assert versions[-1] == account.version
        assert len(set(versions)) == len(amounts)

    @precondition(lambda self: self.accounts)
    @rule(data=st.data(), lines=drawn.statements(), replace=st.booleans())
    def state(self, data: st.DataObject, lines: dict[str, dict[str, float]], replace: bool) -> None:
        account = self.some(data)
        path, body = f"/portfolios/{account.portfolio_id}/positions", {"positions": lines}
        query = {"replace": "true"} if replace else {}
        answer = self.change(path, body, {"out_of_range", "unknown_symbol", "no_price"}, data, **query)
        if answer is not None:
            cash = account.cash
            account.state(lines, replace, self.quotes)
            self.advanced(account, answer)
            assert account.cash == cash
            assert read(answer.json()["total_value"]) == account.total(self.quotes)

    @precondition(lambda self: self.accounts)
    @rule(data=st.data(), body=drawn.rebalances())
    def rebalance(self, data: st.DataObject, body: dict[str, Any]) -> None:
        account = self.some(data)
        path = f"/portfolios/{account.portfolio_id}/rebalance"
        codes = {"no_target", "target_relaxed", "unnamed_positions", "cannot_rebalance", "out_of_range", "no_weights"}
        plan = self.change(path, {**body, "dry_run": True}, codes, data)
        answer = self.change(path, body, codes, data)
        assert (plan is None) == (answer is None), "planned and not done, or done and not to be planned"
        if plan is None or answer is None:
            return
        planned, done = plan.json(), answer.json()
        keys = ("symbol", "side", "quantity", "price", "value", "cost")
        assert [[t[k] for k in keys] for t in planned["trades"]] == [[t[k] for k in keys] for t in done["trades"]]
        before = account.total(self.quotes)
        account.quoted = {own: price for own, price in account.quoted.items() if own not in START_PRICES}
        worth = account.total(self.quotes)  # the market is asked, prices sent before are over
        if done["trades"]:
            account.cash, account.unallocated = account.cash + account.unallocated, Fraction(0)
        sides = [trade["side"] for trade in done["trades"]]
        assert sides == sorted(sides, reverse=True), "sells come first"
        for trade in done["trades"]:
            account.trade(trade, self.quotes)
        cost = sum((read(trade["cost"]) for trade in done["trades"]), Fraction(0))
        assert read(done["execution_cost"]) == cost
        assert read(done["total_turnover"]) == sum((read(trade["value"]) for trade in done["trades"]), Fraction(0))
        lost = worth - cost - account.total(self.quotes)
        assert abs(lost) <= Fraction(len(sides) + 1, 100), f"{float(lost)} lost beyond costs, of {float(before)}"
        self.advanced(account, answer)

    @precondition(lambda self: self.accounts)
    @rule(data=st.data(), method=drawn.methods, cap=st.none() | st.integers(30, 100))
    def optimize(self, data: st.DataObject, method: str, cap: int | None) -> None:
        account = self.some(data)
        body: dict[str, Any] = {"method": method}
        if cap is not None and method in ("min_variance", "mean_variance"):
            body["constraints"] = {"max_position_weight": cap / 100}
        codes = {"no_positions", "insufficient_history", "infeasible"}
        answer = self.change(f"/portfolios/{account.portfolio_id}/optimize", body, codes, data)
        if answer is None:
            return
        found = answer.json()
        weights = found["target_weights"]
        left_out = {symbol for symbol, weight in (account.target or {}).items() if weight == 0}
        assert set(weights) == set(account.held) | left_out, "what is held, and what the last one gave nothing"
        assert abs(sum(weights.values()) - 1) <= 1e-9
        highest = (cap or 100) / 100 if "constraints" in body else 1.0
        assert all(-1e-9 <= weight <= highest + 1e-9 for weight in weights.values())
        account.target, account.optimisations = weights, account.optimisations + 1
        self.advanced(account, answer)

    @precondition(lambda self: self.accounts)
    @rule(data=st.data(), status=st.sampled_from(["active", "paused"]), name=st.sampled_from(["Growth", "Quiet"]))
    def amend(self, data: st.DataObject, status: str, name: str) -> None:
        account = self.some(data)
        body = {"status": status, "portfolio_name": name, "metadata": {"n": self.keys}}
        tag = {"If-Match": f'"{account.version}"'}
        answer = self.desk.call("PATCH", f"/portfolios/{account.portfolio_id}", body, tag)
        assert answer.status_code == 200, answer.text
        account.name, account.status = name, status
        assert answer.json()["version"] in (account.version, account.version + 1)
        account.version = answer.json()["version"]

    @precondition(lambda self: self.accounts)
    @rule(data=st.data(), level=st.integers(5, 100))
    def limit(self, data: st.DataObject, level: int) -> None:
        account = self.some(data)
        path = f"/portfolios/{account.portfolio_id}/limits"
        answer = self.desk.call("PUT", path, {"max_position_weight": {"breach": level / 100}})
        assert answer.status_code == 200, answer.text
        account.version = answer.json()["version"]
        assert self.desk.call("GET", path).json()["limits"]["max_position_weight"]["breach"] == level / 100

    @rule()
    def look_at_limits(self) -> None:
        """Alerts come up; one of them is acknowledged, twice."""
        self.desk.watch()
        found = self.desk.call("GET", "/alerts").json()["alerts"]
        for alert in found[:1]:
            path = f"/alerts/{alert['alert_id']}/acknowledge"
            first = self.desk.call("POST", path, {"note": "seen"}).json()
            assert first["acknowledged_at"] is not None
            assert self.desk.call("POST", path, {"note": "again"}).json()["note"] == "seen"
        assert self.desk.call("POST", "/alerts/alert_000000000000/acknowledge", {}).status_code == 404

    @precondition(lambda self: self.accounts)
    @rule(data=st.data())
    def stale(self, data: st.DataObject) -> None:
        """A request about another version changes nothing."""
        account = self.some(data)
        own, tag = f"/portfolios/{account.portfolio_id}", {"If-Match": f'"{account.version + 1}"'}
        requests: list[tuple[str, str, Any]] = [
            ("POST", f"{own}/deposit", {"amount": 1}),
            ("POST", f"{own}/withdraw", {"amount": 0.01}),
            ("POST", f"{own}/positions", {"positions": {"AAPL": {"quantity": 1}}}),
            ("POST", f"{own}/rebalance", {"target_weights": {"AAPL": 0.1}}),
            ("POST", f"{own}/optimize", {}),
            ("PATCH", own, {"status": "paused"}),
            ("PUT", f"{own}/limits", {}),
            ("DELETE", own, None),
        ]
        for method, path, body in requests:
            answer = self.desk.call(method, path, body, tag)
            assert (answer.status_code, answer.json()["code"]) == (412, "stale_version"), f"{method} {path}"

    @precondition(lambda self: self.answered)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """Much later, after restarts and other changes, a key still stands for its first answer, and for no other."""
        number = data.draw(st.integers(0, len(self.answered) - 1), "earlier request")
        self.again(number)
        path, key, body, _, _ = self.answered[number]
        other = self.desk.call("POST", path, {**body, "metadata": {"x": 1}}, {"Idempotency-Key": key})
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")

    @precondition(lambda self: self.accounts)
    @rule(data=st.data())
    def archive(self, data: st.DataObject) -> None:
        account = self.some(data)
        assert self.desk.call("DELETE", f"/portfolios/{account.portfolio_id}").status_code == 200
        del self.accounts[account.portfolio_id]
        self.gone.append(account.portfolio_id)

    @precondition(lambda self: self.gone)
    @rule(data=st.data())
    def nothing_is_left_of_an_archived_one(self, data: st.DataObject) -> None:
        own = f"/portfolios/{self.gone[data.draw(st.integers(0, len(self.gone) - 1))]}"
        for path in ("", "/trades", "/cash-flows", "/schedule", "/limits", "/performance"):
            assert self.desk.call("GET", own + path).status_code == 404
        assert self.desk.call("POST", f"{own}/deposit", {"amount": 1}).status_code == 404

    @precondition(lambda self: self.accounts)
    @rule(data=st.data())
    def read_everything(self, data: st.DataObject) -> None:
        account = self.some(data)
        own = f"/portfolios/{account.portfolio_id}"
        assert self.desk.call("GET", f"{own}/trades", limit=1).json()["count"] == account.trades
        assert self.desk.call("GET", f"{own}/optimization-history").json()["count"] == account.optimisations
        flows = self.desk.call("GET", f"{own}/cash-flows", limit=1000).json()
        assert flows["count"] == len(account.flows)
        assert sorted(read(flow["amount"]) for flow in flows["cash_flows"]) == sorted(account.flows)
        assert read(flows["totals"]["net"]) == sum(account.flows)
        assert read(flows["totals"]["deposits"]) == account.paid_in
        assert read(flows["totals"]["withdrawals"]) == account.taken_out
        for path in (f"{own}/performance", f"{own}/schedule", f"{own}/alerts", "/metrics", "/health", "/"):
            assert self.desk.call("GET", path).status_code == 200, path
        assert self.desk.call("GET", f"{own}/risk").status_code in (200, 409, 422)
        assert self.desk.call("POST", f"{own}/stress-test", {}).status_code in (200, 409, 422)

    @rule()
    def restart(self) -> None:
        """Close the application and open it on the same database: everything is as it was."""
        before = self.everything()
        assert self.desk.audit() == []
        self.desk.close()
        self.desk.open()
        assert self.everything() == before

    def everything(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for own in self.accounts:
            for path in ("", "/trades", "/cash-flows"):
                found[own + path] = self.desk.call("GET", f"/portfolios/{own}{path}").json()
            found[own].pop("performance_metrics")  # computed anew: its time differs
        counted = self.desk.call("GET", "/metrics").json()
        found["counters"] = {name: counted[name] for name in ("total_optimizations", "total_rebalances")}
        return found

    # -- what must hold after every step

    @invariant()
    def the_books_are_those_of_the_model(self) -> None:
        for account in self.accounts.values():
            answer = self.desk.call("GET", f"/portfolios/{account.portfolio_id}")
            assert answer.status_code == 200, answer.text
            self.compare(account, answer.json())
            assert answer.headers["ETag"] == f'"{account.version}"'
        listed = self.desk.call("GET", "/portfolios").json()
        assert [row["portfolio_id"] for row in listed["portfolios"]] == list(self.accounts)
        assert listed["count"] == len(self.accounts) <= MOST

    def compare(self, account: Account, found: dict[str, Any]) -> None:
        quotes = self.quotes
        total = account.total(quotes)
        assert read(found["cash_balance"]) == account.cash
        assert read(found["unallocated_capital"]) == account.unallocated
        assert read(found["total_value"]) == total
        assert set(found["positions"]) == set(account.held)
        parts = account.cash + account.unallocated
        for symbol, position in found["positions"].items():
            assert read(position["quantity"]) == account.held[symbol], symbol
            assert read(position["market_value"]) == account.value(symbol, quotes), symbol
            assert read(position["unrealized_pnl"]) == account.value(symbol, quotes) - account.basis[symbol], symbol
            parts += read(position["market_value"])
            if total:
                assert abs(position["weight"] - float(account.value(symbol, quotes) / total)) <= 1e-9
        assert parts == total, "positions + cash + unallocated capital is not the total"
        assert (found["portfolio_name"], found["status"]) == (account.name, account.status)
        assert found["version"] == account.version

    def teardown(self) -> None:
        try:
            assert self.desk.audit() == []
        finally:
            self.desk.end()
            self.place.drop(self.database)
