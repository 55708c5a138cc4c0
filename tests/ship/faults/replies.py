# SPDX-License-Identifier: Apache-2.0
"""Answers that are none: what a receiver does not say of a record is not believed of it."""

import json
import os
import time

from case import account, dead_letters, settle, wait_delivered, webhook
from stage import RawReceiver, fill, memory_kb, parse_bulk, wait_for

MEMORY_MAX_KB = 96 << 10  # of the shipper at its largest, whatever it is answered


def answer_bulk(records, status=201):
    items = [{"create": {"_id": r["_id"], "status": status}} for r in records]
    return json.dumps({"errors": status >= 300, "items": items}).encode()


def rubbish(records):
    """Answers with status 200 that say nothing, or too much, of what was sent."""
    whole = json.loads(answer_bulk(records))
    short = {"items": whole["items"][: len(records) // 2]}
    foreign = {"items": [{"create": {"_id": "another", "status": 201}} for _ in records]}
    wrong = {"items": [{"create": {"_id": r["_id"], "status": "201"}} for r in records]}
    return {
        "no JSON": b"<html>all is well</html>",
        "half of the items": json.dumps(short).encode(),
        "other records' ids": json.dumps(foreign).encode(),
        "a status that is text": json.dumps(wrong).encode(),
        "items that are no list": b'{"items":{"create":{"status":201}}}',
        "nothing": b"",
        "JSON 100,000 deep": b'{"items":' + b"[" * 100000 + b"]" * 100000 + b"}",
        "100 MB": b'{"took":1,"items":[' + b" " * (100 << 20) + b"]}",
        "a key 60,000 times": b'{"items":[' + b'{"create":{}},' * 60000 + b"{}]}",
    }


def bulk(receiver, **settings):
    return webhook(receiver, type="elasticsearch", index="findings", format="native", **settings)


def test_bulk_rubbish(case):
    """_bulk answered by rubbish with status 200: what is not named as created is sent again"""
    receiver = case.receiver(parse=parse_bulk)
    names = list(rubbish([{"_id": "x"}]))
    answered, created = [], set()

    def behave(path, records):
        assert path == "/_bulk", path
        if len(answered) == len(names):
            created.update(r["_id"] for r in records)
            return 200, {}, answer_bulk(records)
        name = names[len(answered)]
        answered.append(name)
        if name.startswith("half"):
            created.update(r["_id"] for r in records[: len(records) // 2])
        return 200, {}, rubbish(records)[name]

    receiver.behave = behave
    monitor = case.monitor({"hook": bulk(receiver, batch="{records: 100}")})
    fill(monitor.state, 1000)
    monitor.start()
    shipper = monitor.shipper()
    wait_for("all are created", lambda: len(created) >= 1000)
    assert monitor.shipper() == shipper, "the shipper did not live through it"
    peak = memory_kb(shipper, "VmHWM")
    assert peak < MEMORY_MAX_KB, f"{peak} KiB"
    monitor.stop()
    # The first hundred came again for each, and once when all was well.
    numbers = account(monitor, receiver, again=100)
    assert created == {r["metadata"]["id"] for r in monitor.stored()}
    assert max(receiver.ids.values()) == len(names) + 1, max(receiver.ids.values())
    return f"sent 1000, {numbers}, counted lost 0; {len(names)} kinds of rubbish, shipper at most {peak >> 10} MiB"


def test_bulk_items(case):
    """_bulk: of one request each item has its fate: created, there already, later, never"""
    receiver = case.receiver(parse=parse_bulk)
    monitor = case.monitor({"hook": bulk(receiver, batch="{records: 100}")})
    fill(monitor.state, 1000)
    ids = [r["metadata"]["id"] for r in monitor.stored()]
    never, later, there = set(ids[3::100]), set(ids[5::100]), set(ids[7::100])
    asked = set()

    def status(name):
        if name in never:
            return 400
        if name in later and name not in asked:
            return 429
        return 409 if name in there else 201

    def behave(path, records):
        items = []
        for r in records:
            item = {"_id": r["_id"], "status": status(r["_id"])}
            if item["status"] == 400:
                item["error"] = {"type": "mapper_parsing_exception", "reason": "bad \"field\"\n[x]"}
            items.append({"create": item})
        asked.update(r["_id"] for r in records)
        return 200, {}, json.dumps({"errors": True, "items": items}).encode()

    receiver.behave = behave
    monitor.start()
    wait_for("the bad ones are dead letters", lambda: len(dead_letters(monitor)) == len(never))
    wait_delivered(receiver, 1000)
    wait_for("nothing is left", lambda: receiver.requests >= 21)
    monitor.stop()
    letters = dead_letters(monitor)
    assert {letter["record"]["metadata"]["id"] for letter in letters} == never
    assert all("mapper_parsing_exception" in letter["why"] for letter in letters), letters[0]
    assert {n for n, times in receiver.ids.items() if times == 2} == later, "only what was to come later came twice"
    return f"sent 1000, {account(monitor, receiver, again=len(later))}, dead letters {len(letters)}, 409 {len(there)}, 429 {len(later)}"


def bomb(lines):
    def respond(connection, n):
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for _ in range(lines):
            connection.sendall(b"X-Filler: " + b"x" * 8000 + b"\r\n")
        connection.sendall(b"Content-Length: 0\r\n\r\n")

    return respond


def endless_interim(connection, n):
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


def drip(connection, n):
    """A byte of a header now and then: alive, and never done."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-")
    while True:
        connection.sendall(b"a")
        time.sleep(0.05)


def no_http(connection, n):
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" + os.urandom(1 << 16))


def endless_body(connection, n):
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"10000\r\n" + b"y" * 0x10000 + b"\r\n")


def test_bombs(case):
    """Endless headers, bodies, half answers and no HTTP at all: nothing counts as delivered, memory stays"""
    bombs = {"headers": bomb(10000), "interim answers": endless_interim, "a dripping header": drip,
             "no HTTP": no_http, "an endless body": endless_body}  # fmt: skip
    receiver = case.receiver()
    monitor = case.monitor({"hook": webhook(receiver)})
    fill(monitor.state, 1000)
    peaks = {}
    raws = {name: RawReceiver(respond) for name, respond in bombs.items()}
    monitor.write_config({"hook": webhook(raws["headers"], timeout="1s")})
    monitor.start()
    for name, raw in raws.items():
        monitor.reload({"hook": webhook(raw, timeout="1s")})
        before = raw.requests
        wait_for(f"{name}: tried again and again", lambda: raw.requests >= before + 3)
        peaks[name] = memory_kb(monitor.shipper(), "VmHWM")
    assert all(peak < MEMORY_MAX_KB for peak in peaks.values()), peaks
    monitor.reload({"hook": webhook(receiver)})
    wait_delivered(receiver, 1000)
    settle(monitor, receiver)
    return f"sent 1000, {account(monitor, receiver)}, counted lost 0; shipper at most {max(peaks.values()) >> 10} MiB"
