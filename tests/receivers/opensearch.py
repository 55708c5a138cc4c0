#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real OpenSearch node: _bulk, what it has of it, and what it does not take."""

import collections
import json
import os
import sys
import urllib.error
import urllib.request

from lib import QUICK, Process, Store, main, made, sink_test, wait_for
from stage import Receiver, free_port


class Node(Process):
    def __init__(self, part, folder):
        work = part.folder()
        os.makedirs(os.path.join(work, "config"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        classes = os.path.join(folder, "classes") + ":" + os.path.join(folder, "lib", "*")
        command = ["java", "-Xmx700m", "-cp", classes, "Node", work, str(self.port), str(free_port())]
        super().__init__(work, command, "node started")

    def call(self, method, path, body=None):
        """The answer; an assertion where it is none of success."""
        request = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code}: {error.read()[:500]}") from error

    def count(self, index):
        """How many documents can be found, a second after they came; 0 too while nobody answers."""
        try:
            return self.call("GET", f"/{index}/_count")["count"]
        except (AssertionError, OSError):
            return 0

    def documents(self, index):
        """All of them, as they were sent, by id."""
        found = {}
        self.call("POST", f"/{index}/_refresh")
        page = self.call("POST", f"/{index}/_search?scroll=1m", {"size": 5000, "version": True})
        while page["hits"]["hits"]:
            for hit in page["hits"]["hits"]:
                assert hit["_version"] == 1, f"{hit['_id']} was written {hit['_version']} times"
                assert hit["_id"] not in found
                found[hit["_id"]] = hit["_source"]
            page = self.call("POST", "/_search/scroll", {"scroll": "1m", "scroll_id": page["_scroll_id"]})
        return found


def sink(node, index, **settings):
    return {"type": "elasticsearch", "url": node.url, "index": index, "format": "native", **QUICK, **settings}


def arrive(node, index, store):
    wait_for("all are there", lambda: node.count(index) >= len(store.records))


def whole(part, node):
    store = Store(part.folder(), {"siem": sink(node, "whole")}, 6000, "--kinds")
    with store:
        arrive(node, "whole", store)
    documents = node.documents("whole")
    wrong = [name for name, record in store.records.items() if documents.get(name) != record]
    assert not wrong, f"{len(wrong)} are not as they are stored: {wrong[:3]}"
    return store.account(collections.Counter(documents.keys()))


def twice(part, node):
    store = Store(part.folder(), {"siem": sink(node, "twice")}, 3000)
    with store:
        arrive(node, "twice", store)
    # A sink of another name begins at the oldest: all that was sent is sent again.
    store.monitor.write_config({"again": sink(node, "twice")})

    def conflicts():
        return node.call("GET", "/twice/_stats/indexing")["_all"]["primaries"]["indexing"]["index_failed"]

    with store:
        wait_for("all were refused as there already", lambda: conflicts() >= len(store.records))
    assert not store.dead_letters("again")
    last = store.monitor.said().splitlines()[-1]
    assert last.startswith("keelwatch: sink again: ") and last.endswith(" 0 refused, 0 to go"), last
    return store.account(collections.Counter(node.documents("twice").keys())) + "; each was sent twice"


def killed(part, node):
    store = Store(part.folder(), {"siem": sink(node, "killed", batch="{records: 100}", timeout="5s")}, 5000)
    with store:
        wait_for("some are there", lambda: node.count("killed") > 0)
        node.kill()
        wait_for("it is said", lambda: "sink siem" in store.monitor.said())
        node.start()
        arrive(node, "killed", store)
    return store.account(collections.Counter(node.documents("killed").keys()))


def strict(part, node):
    """A mapping that has no place for how a container ended."""
    mapping = {"properties": {"exit": {"type": "object", "dynamic": "strict", "properties": {}}}}
    node.call("PUT", "/strict", {"mappings": mapping})
    store = Store(part.folder(), {"siem": sink(node, "strict")}, 4000, "--kinds")
    unfit = {name for name, record in store.records.items() if "exit" in record}
    assert 0 < len(unfit) < len(store.records)
    with store:
        wait_for(
            "all are settled",
            lambda: node.count("strict") + len(store.dead_letters("siem")) >= len(store.records),
        )
    letters = store.dead_letters("siem")
    assert unfit <= letters.keys(), "what does not fit is no dead letter"
    for letter in letters.values():
        assert "exit" in letter["record"], letter["why"]
        assert "status 400: strict_dynamic_mapping_exception: " in letter["why"], letter["why"]
    return store.account(collections.Counter(node.documents("strict").keys()), refused=letters)


def data_stream(part, node):
    template = {"index_patterns": ["logs-*"], "data_stream": {"timestamp_field": {"name": "@timestamp"}}}
    node.call("PUT", "/_index_template/logs", template)
    stream = "logs-keelwatch-default"
    store = Store(part.folder(), {"siem": sink(node, stream, format="ecs")}, 5000, "--kinds")
    with store:
        arrive(node, stream, store)
    streams = node.call("GET", "/_data_stream")["data_streams"]
    assert [s["name"] for s in streams] == [stream], streams
    return store.account(collections.Counter(node.documents(stream).keys()))


def closed(part, node):
    """An index that is closed takes nothing for a while; nothing is lost of it."""
    node.call("PUT", "/closed")
    node.call("POST", "/closed/_close")
    store = Store(part.folder(), {"siem": sink(node, "closed")}, 1000)
    with store:
        wait_for("it is said", lambda: "sink siem: " in store.monitor.said())
        node.call("POST", "/closed/_open")
        arrive(node, "closed", store)
    return store.account(collections.Counter(node.documents("closed").keys()), refused=store.dead_letters("siem"))


def in_between(part):
    """What stands before the node refuses all: what is wrong with a record, only its item can say."""
    receiver = Receiver(parse=lambda body: [])
    receiver.behave = lambda path, records: (400, {}, b"The plain HTTP request was sent to HTTPS port")
    try:
        code, said = sink_test(part.folder(), {**QUICK, "type": "elasticsearch", "url": receiver.url(), "index": "x"})
    finally:
        receiver.stop()
    assert code == 1 and "not delivered" in said and "sent to HTTPS port" in said, said
    return said.splitlines()[0]


def no_index(part, node):
    setting = {"persistent": {"action.auto_create_index": "false"}}
    node.call("PUT", "/_cluster/settings", setting)
    code, said = sink_test(part.folder(), sink(node, "none"))
    assert code == 1 and "index_not_found_exception: no such index [none]" in said, said
    store = Store(part.folder(), {"siem": sink(node, "none")}, 500)
    with store:
        wait_for("it is said", lambda: "no such index" in store.monitor.said())
        node.call("PUT", "/none")
        arrive(node, "none", store)
    assert not store.dead_letters("siem")
    return store.account(collections.Counter(node.documents("none").keys()))


def run(part):
    node = Node(part, made("opensearch"))
    try:
        node.start()
        part.test("OpenSearch: every record of every kind is there, as it is stored", whole, part, node)
        part.test("OpenSearch: what is sent a second time is there once", twice, part, node)
        part.test("OpenSearch: what a mapping does not take is a dead letter, its neighbours arrive", strict, part, node)
        part.test("OpenSearch: a data stream takes them", data_stream, part, node)
        part.test("OpenSearch: an index that is closed for a while", closed, part, node)
        part.test("OpenSearch: killed in the middle and begun again: nothing is missing", killed, part, node)
        part.test("OpenSearch: an index that is missing is said, and waited for", no_index, part, node)
        part.test("Elasticsearch: a refusal of the whole is no fault of the records", in_between, part)
    finally:
        node.stop()


if __name__ == "__main__":
    sys.exit(main("opensearch", run))
