#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Splunk's HTTP Event Collector, as its documentation has it ("HTTP Event Collector Indexer
Acknowledgment", "Troubleshoot HTTP Event Collector"); Splunk itself is not to be had.
"""

import collections
import gzip
import http.server
import json
import os
import re
import sys
import threading
import time
import uuid

from lib import QUICK, Store, main, sink_test, wait_for

EVENT, ACK = "/services/collector/event", "/services/collector/ack"
TOKEN, PLAIN_TOKEN, DISABLED_TOKEN = (str(uuid.uuid4()) for _ in range(3))
WAY = {"Content-Type": "application/json"}


class Refusal(Exception):
    """(status, code, text, more)"""


class Collector:
    """Takes events by token and channel, indexes them after a while, and answers for it by ackId."""

    def __init__(self):
        self.lock = threading.RLock()
        self.indexed = collections.Counter()
        self.faults = []  # what the sink did that the documentation does not allow
        self.channels = {}  # to a list of (time it is indexed at, ids) or None: lost
        self.questions = self.requests = self.unacknowledged = 0
        self.hosts = set()
        self.delay = 0.0
        self.lose = 0  # so many of the requests to come
        self.busy = 0
        self.invalid = set()  # ids that are no events
        self.count_from = 0
        self.indexes = None  # all
        self.max_bytes = 1 << 20
        self.page = None  # something else answers
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                if collector.page:
                    return self.answer(200, collector.page, {"Content-Type": "text/html"})
                headers = dict(WAY)
                try:
                    with collector.lock:
                        status, said = 200, collector.post(self.path, self.headers, body)
                except Refusal as refusal:
                    status, code, text, more = refusal.args
                    said = {"text": text, "code": code, **more}
                    if status == 503:
                        headers["Retry-After"] = "1"
                self.answer(status, json.dumps(said).encode(), headers)

            def answer(self, status, body, headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def fault(self, what):
        self.faults.append(what)

    def authorise(self, headers):
        """Whether the token has acknowledgement on."""
        word, _, token = headers.get("Authorization", "").partition(" ")
        if not token:
            raise Refusal(401, 2, "Token is required", {})
        if word != "Splunk":
            raise Refusal(401, 3, "Invalid authorization", {})
        if token == DISABLED_TOKEN:
            raise Refusal(403, 1, "Token disabled", {})
        if token not in (TOKEN, PLAIN_TOKEN):
            raise Refusal(403, 4, "Invalid token", {})
        return token == TOKEN

    def channel(self, headers):
        name = headers.get("X-Splunk-Request-Channel")
        if not name:
            raise Refusal(400, 10, "Data channel is missing", {})
        if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", name):
            raise Refusal(400, 11, "Invalid data channel", {})
        return name

    def post(self, path, headers, body):
        acknowledges = self.authorise(headers)
        if path == ACK:
            return self.acknowledge(acknowledges, headers, body)
        if path != EVENT:
            self.fault(f"a path that is not there: {path}")
        self.requests += 1
        if self.busy:
            self.busy -= 1
            raise Refusal(503, 9, "Server is busy", {})
        if len(body) > self.max_bytes:
            raise Refusal(413, 27, "Request entity too large", {})
        channel = self.channel(headers) if acknowledges else None
        ids, refusal = self.parse(body)
        lost = self.lose > 0
        self.lose -= lost
        entry = None if lost else [time.monotonic() + self.delay, ids]
        if refusal:
            # Those before the wrong one are taken, and nobody is told.
            self.indexed.update(ids)
            raise refusal
        if not acknowledges:
            self.indexed.update(ids)
            return {"text": "Success", "code": 0}
        entries = self.channels.setdefault(channel, [])
        entries.append(entry)
        if entry:
            threading.Timer(self.delay, self.index, (entry,)).start()
        return {"text": "Success", "code": 0, "ackId": len(entries) - 1}

    def index(self, entry):
        with self.lock:
            self.indexed.update(entry[1])

    def parse(self, body):
        """The ids of the events up to the first that is wrong, and how that is refused."""
        text, at, ids = body.decode(), 0, []
        decoder = json.JSONDecoder()
        if not text.strip():
            raise Refusal(400, 5, "No data", {})
        while at < len(text):
            number = {"invalid-event-number": len(ids) + self.count_from}
            event, at = decoder.raw_decode(text, at)
            while at < len(text) and text[at] in "\r\n ":
                at += 1
            if "event" not in event:
                self.fault("no event")
                return ids, Refusal(400, 12, "Event field is required", number)
            if self.indexes is not None and event.get("index") not in self.indexes:
                return ids, Refusal(400, 7, "Incorrect index", number)
            name = event["event"]["metadata"]["id"]
            if event["fields"] != {"id": name} or event["sourcetype"] != "keelwatch":
                self.fault(f"fields {event['fields']}")
            if not isinstance(event["time"], (int, float)):
                self.fault(f"time {event['time']}")
            if name in self.invalid:
                return ids, Refusal(400, 6, "Invalid data format", number)
            self.hosts.add(event["host"])
            ids.append(name)
        return ids, None

    def acknowledge(self, acknowledges, headers, body):
        self.questions += 1
        if not acknowledges:
            raise Refusal(400, 14, "ACK is disabled", {})
        entries = self.channels.get(self.channel(headers))
        if entries is None:
            raise Refusal(400, 11, "Invalid data channel", {})
        said = {}
        for number in json.loads(body)["acks"]:
            entry = entries[number] if number < len(entries) else None
            there = bool(entry) and time.monotonic() >= entry[0]
            said[str(number)] = there
            self.unacknowledged += not there
            if there:
                entries[number] = None  # said once, forgotten
        return {"acks": said}


def token_file(part, token):
    path = os.path.join(part.folder(), "token")
    with open(path, "w") as f:
        f.write(token + "\n")
    os.chmod(path, 0o600)
    return path


def sink(part, collector, token=TOKEN, **settings):
    return {
        "type": "splunk_hec", "url": collector.url, "token_file": token_file(part, token), "timeout": "10s",
        **QUICK, **settings,
    }  # fmt: skip


def deliver(part, collector, count, *options, meanwhile=lambda store: None, again=0, refused=False, **settings):
    """A store of so many, sent; the numbers."""
    store = Store(part.folder(), {"siem": sink(part, collector, **settings)}, count, *options)
    with store:
        meanwhile(store)
        wait_for(
            "all are settled",
            lambda: store.records.keys() <= collector.indexed.keys() | store.dead_letters("siem").keys(),
        )
    letters = store.dead_letters("siem")
    assert refused or not letters, list(letters.values())[:1]
    assert not collector.faults, collector.faults[:3]
    return store, store.account(collector.indexed, refused=letters, again=again)


def indexed_later(part, collector):
    collector.delay = 0.3
    store, numbers = deliver(part, collector, 5000, "--kinds", compression="gzip")
    assert collector.unacknowledged, "the answer was never no"
    assert collector.hosts == {r["metadata"]["host"]["name"] for r in store.records.values()}
    return numbers + f"; asked {collector.questions} times, {collector.unacknowledged} times no"


def lost_before(part, collector):
    """Taken, and gone before it was indexed."""
    collector.lose = 3
    store, numbers = deliver(part, collector, 2000, timeout="1s")
    assert collector.lose == 0
    assert "did not acknowledge" in store.monitor.said()
    return numbers + f"; {collector.requests} requests, 3 of them lost"


def indexed_too_late(part, collector):
    collector.delay = 1.5

    def meanwhile(store):
        wait_for("it was given up once", lambda: "did not acknowledge" in store.monitor.said())
        collector.delay = 0.0

    return deliver(part, collector, 1000, timeout="1s", meanwhile=meanwhile, again=1000)[1]


def without_acknowledgement(part, collector):
    numbers = deliver(part, collector, 2000, token=PLAIN_TOKEN)[1]
    assert collector.questions == 0
    return numbers


def not_asked_for(part, collector):
    """The token has it on, and the settings do not want it."""
    numbers = deliver(part, collector, 1000, acknowledge="false")[1]
    assert collector.questions == 0
    return numbers


def invalid(part, collector, count_from):
    collector.count_from = count_from
    store = Store(part.folder(), {"siem": sink(part, collector)}, 2000)
    collector.invalid = set(sorted(store.records)[::400])
    with store:
        wait_for("all are settled", lambda: len(store.records.keys() & collector.indexed.keys()) >= 1995)
        wait_for("the others too", lambda: len(store.dead_letters("siem")) >= 5)
    letters = store.dead_letters("siem")
    assert letters.keys() == collector.invalid, letters.keys() ^ collector.invalid
    for letter in letters.values():
        assert "code 6: Invalid data format" in letter["why"], letter["why"]
    assert not collector.faults, collector.faults[:3]
    # Those in front of a wrong one come again: nobody was told that they were taken.
    return store.account(collector.indexed, refused=letters, again=2000) + f"; {collector.requests} requests"


def wrong_index(part, collector):
    collector.indexes = {"main"}

    def meanwhile(store):
        wait_for("it is said", lambda: "Incorrect index" in store.monitor.said())
        assert not collector.indexed
        collector.indexes = None

    return deliver(part, collector, 500, index="security", meanwhile=meanwhile)[1]


def busy(part, collector):
    collector.busy = 2
    began = time.monotonic()
    store, numbers = deliver(part, collector, 500)
    assert "Server is busy" in store.monitor.said()
    assert time.monotonic() - began >= 2, "Retry-After was not waited for"
    return numbers


def too_large(part, collector):
    collector.max_bytes = 12000
    store, numbers = deliver(part, collector, 200, refused=True)
    letters = store.dead_letters("siem")
    assert letters
    for letter in letters.values():
        assert "413" in letter["why"], letter["why"]
        assert len(json.dumps(letter["record"], ensure_ascii=False)) > 11000
    return numbers


def other_page(part, collector):
    collector.page = b"<html>Please log in</html>"

    def meanwhile(store):
        wait_for("it is said", lambda: "none of an HTTP Event Collector's" in store.monitor.said())
        collector.page = None

    return deliver(part, collector, 500, meanwhile=meanwhile)[1]


def refused(part, collector, token, *words):
    code, said = sink_test(part.folder(), sink(part, collector, token=token))
    assert code == 1 and all(word in said for word in words), said
    return said.splitlines()[0]


def fresh(function, *arguments):
    """With a collector of its own."""

    def test(part):
        collector = Collector()
        try:
            return function(part, collector, *arguments)
        finally:
            collector.stop()

    return test


def run(part):
    for sentence, function in (
        ("indexed a while after it was taken: acknowledged, and each there once", fresh(indexed_later)),
        ("lost before it was indexed: sent again", fresh(lost_before)),
        ("indexed after it was given up: there twice, by the same id", fresh(indexed_too_late)),
        ("a token without acknowledgement is not asked for any", fresh(without_acknowledgement)),
        ("acknowledgement can be left out", fresh(not_asked_for)),
        ("events that are wrong, numbered from 0, are dead letters, their neighbours arrive", fresh(invalid, 0)),
        ("the same numbered from 1", fresh(invalid, 1)),
        ("an index that the token may not use is no fault of the records", fresh(wrong_index)),
        ("busy: asked again after as long as it says", fresh(busy)),
        ("longer than it takes: halved, and one that is alone too long is a dead letter", fresh(too_large)),
        ("a page that something else answers with is no receipt", fresh(other_page)),
        ("a wrong token is said", fresh(refused, str(uuid.uuid4()), "403", "Invalid token")),
        ("a disabled token is said", fresh(refused, DISABLED_TOKEN, "403", "Token disabled")),
    ):
        part.test(f"HEC: {sentence}", function, part)


if __name__ == "__main__":
    sys.exit(main("hec", run))
