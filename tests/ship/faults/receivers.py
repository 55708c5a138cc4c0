# SPDX-License-Identifier: Apache-2.0
"""Receivers that are down, slow, refuse, break off or never answer: all arrives in the end."""

import hashlib
import hmac
import os
import socket
import time

from case import account, dead_letters, settle, wait_delivered, webhook
from stage import RawReceiver, Receiver, fill, wait_for


def finish(monitor, receiver, sent, **kwargs):
    """Waits for what was sent and the monitor's own words, ends, and counts."""
    wait_delivered(receiver, sent)
    settle(monitor, receiver)
    return f"sent {sent}, {account(monitor, receiver, **kwargs)}, counted lost 0"


def first(n, answer):
    """A behaviour for the first n requests; then all is well."""
    count = 0

    def behave(path, records):
        nonlocal count
        count += 1
        if count > n:
            return 200, {}
        return answer() if callable(answer) else answer

    return behave


def raises(what):
    def answer():
        raise what

    return answer


def test_down(case):
    """A receiver that was down for the length of 100,000 findings gets all of them, none twice"""
    receiver = case.receiver()
    receiver.stop()
    monitor = case.monitor({"hook": webhook(receiver)})
    fill(monitor.state, 100000)
    monitor.start()
    wait_for("the receiver is missed", lambda: "trying again" in monitor.said())
    receiver.start()
    began = time.monotonic()
    wait_delivered(receiver, 100000)
    took = time.monotonic() - began
    assert "works again" in monitor.said()
    return f"{finish(monitor, receiver, 100000)}; {100000 / took:.0f} records/s"


def test_slow(case):
    """A receiver that takes half a second for each answer slows nothing but itself"""
    receiver = case.receiver()

    def slowly(path, records):
        time.sleep(0.5)
        return 200, {}

    receiver.behave = slowly
    monitor = case.monitor({"hook": webhook(receiver, batch="{records: 500}")})
    fill(monitor.state, 3000)
    monitor.start()
    return finish(monitor, receiver, 3000)


def test_retry_after(case):
    """429 with Retry-After: nothing is sent before that time is over"""
    receiver = case.receiver()
    receiver.behave = first(1, (429, {"Retry-After": "2"}))
    monitor = case.monitor({"hook": webhook(receiver)})
    fill(monitor.state, 1000)
    monitor.start()
    numbers = finish(monitor, receiver, 1000)
    waited = receiver.times[1] - receiver.times[0]
    assert 1.9 <= waited < 20, f"asked for 2 s, came after {waited:.2f} s"
    return f"{numbers}; waited {waited:.2f} s of 2"


def test_unavailable(case):
    """503 five times, then all is well"""
    receiver = case.receiver()
    receiver.behave = first(5, (503, {}, b"<html>\x1b[31mno\r\nbackend</html>"))
    monitor = case.monitor({"hook": webhook(receiver)})
    fill(monitor.state, 1000)
    monitor.start()
    numbers = finish(monitor, receiver, 1000)
    said = monitor.said()
    assert "HTTP status 503" in said and "\x1b" not in said, said
    assert said.count("HTTP status 503") == 1, "more than one line while it fails"
    return f"{numbers}; {receiver.requests} requests"


def test_bad_items(case):
    """400 for three records of 1000: those are dead letters with the receiver's words, the rest arrives"""
    receiver = case.receiver()
    monitor = case.monitor({"hook": webhook(receiver, kinds="[finding]")})
    fill(monitor.state, 1000)
    bad = {monitor.stored()[n]["metadata"]["id"] for n in (0, 499, 777)}

    def judge(path, records):
        if bad & {r["metadata"]["id"] for r in records}:
            return 400, {}, b'the field "cwd" is too long'
        return 200, {}

    receiver.behave = judge
    monitor.start()
    wait_delivered(receiver, 997)
    wait_for("three dead letters", lambda: len(dead_letters(monitor)) == 3)
    monitor.stop()
    letters = dead_letters(monitor)
    assert {letter["record"]["metadata"]["id"] for letter in letters} == bad
    assert all('the field "cwd" is too long' in letter["why"] for letter in letters), letters
    assert all(letter["sink"] == "hook" and letter["time"] for letter in letters)
    own = {r["metadata"]["id"] for r in monitor.stored() if r["kind"] != "finding"}
    return f"sent 1000, {account(monitor, receiver, bad, own)}; {receiver.requests} requests"


def test_cut(case):
    """A connection closed in the middle of the answer: sent again, which is all that comes twice"""
    receiver = case.receiver()
    receiver.behave = first(2, raises(Receiver.Cut))
    monitor = case.monitor({"hook": webhook(receiver, batch="{records: 100}")})
    fill(monitor.state, 1000)
    monitor.start()
    return finish(monitor, receiver, 1000, again=100)


def test_hang(case):
    """A receiver that takes a request and never answers: given up after the timeout, tried again"""
    receiver = case.receiver()
    receiver.behave = first(1, raises(Receiver.Hang))
    monitor = case.monitor({"hook": webhook(receiver, timeout="1s")})
    fill(monitor.state, 1000)
    monitor.start()
    numbers = finish(monitor, receiver, 1000, again=500)
    gap = receiver.times[1] - receiver.times[0]
    assert 0.5 <= gap < 20, f"given up after {gap:.2f} s"
    assert "timed out" in monitor.said().lower(), monitor.said()
    return f"{numbers}; given up after {gap:.2f} s of 1"


def test_never_reads(case):
    """A receiver that never reads: given up after the timeout, by `sink test` too"""
    mute = RawReceiver(lambda connection, n: time.sleep(60), read=False)
    mute.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    monitor = case.monitor({"hook": webhook(mute, timeout="1s")})
    fill(monitor.state, 2000)
    code, said = case.sink_test(monitor)
    assert code == 1 and "timed out" in said.lower(), said
    monitor.start()
    wait_for("it is tried again", lambda: mute.requests >= 4)
    receiver = case.receiver()
    monitor.reload({"hook": webhook(receiver)})
    return finish(monitor, receiver, 2000)


def test_redirect(case):
    """A redirect is not followed: records go nowhere that nobody named"""
    elsewhere = case.receiver()
    receiver = case.receiver()
    receiver.behave = first(3, (307, {"Location": elsewhere.url()}))
    monitor = case.monitor({"hook": webhook(receiver)})
    fill(monitor.state, 500)
    monitor.start()
    numbers = finish(monitor, receiver, 500)
    assert not elsewhere.requests
    assert "HTTP status 307" in monitor.said(), monitor.said()
    return f"{numbers}; elsewhere {elsewhere.requests}"


def test_misconfigured(case):
    """A receiver that knows not the path, the method, the type or us: all waits for the operator, no dead letters"""
    statuses = (401, 403, 404, 405, 406, 410, 411, 415, 421, 426, 431, 451)
    receiver = case.receiver()
    answers = iter([(status, {}) for status in statuses])
    receiver.behave = lambda path, records: next(answers, (200, {}))
    monitor = case.monitor({"hook": webhook(receiver)})
    fill(monitor.state, 300)
    monitor.start()
    numbers = finish(monitor, receiver, 300)
    assert not dead_letters(monitor), dead_letters(monitor)[0]["why"]
    return f"{numbers}; {len(statuses)} statuses"


def test_signed(case):
    """A webhook with a key: each request is signed as the man page says, and says how it can be told from others"""
    receiver = case.receiver()
    key = os.path.join(case.work, "key")
    with open(key, "w") as f:
        f.write("the key of the hook\n")
    os.chmod(key, 0o600)
    seen = []

    def inspect(headers, body):
        stamp, signature = headers["X-Keelwatch-Timestamp"], headers["X-Keelwatch-Signature"]
        right = hmac.new(b"the key of the hook", stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        seen.append((signature == f"sha256={right}", abs(int(stamp) - time.time()), headers["Idempotency-Key"]))

    receiver.inspect = inspect
    receiver.behave = first(2, (503, {}))  # what is sent again is told by its key
    monitor = case.monitor({"hook": webhook(receiver, hmac_file=key, compression="gzip", batch="{records: 200}")})
    fill(monitor.state, 1000)
    monitor.start()
    numbers = finish(monitor, receiver, 1000)
    assert all(right and late < 60 for right, late, _ in seen), seen
    keys = [key for _, _, key in seen]
    assert len(keys) >= 7 and keys[0] == keys[1] == keys[2] and len(set(keys)) >= len(keys) - 2, keys
    return f"{numbers}; {len(seen)} requests signed"
