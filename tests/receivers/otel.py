#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real OpenTelemetry collector: OTLP over HTTP in, what it understood of it out to a file."""

import collections
import json
import os
import signal
import sys

from certificates import Authority
from lib import QUICK, Process, Store, main, made, sink_test, wait_for
from stage import Receiver, free_port

# Appendix B of the logs data model, by the names of our severities.
SEVERITIES = {"debug": 5, "info": 9, "notice": 10, "warning": 13, "error": 17, "critical": 18}


class Collector(Process):
    def __init__(self, part, folder):
        work = part.folder()
        self.port, self.tls_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.out = os.path.join(work, "logs.jsonl")
        self.authority = Authority(os.path.join(work, "authority"))
        certificate, key = self.authority.sign("localhost", "DNS:localhost")
        config = {
            "receivers": {
                "otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{self.port}"}}},
                "otlp/tls": {
                    "protocols": {
                        "http": {
                            "endpoint": f"127.0.0.1:{self.tls_port}",
                            "tls": {
                                "cert_file": certificate,
                                "key_file": key,
                                "client_ca_file": self.authority.certificate,
                            },
                        }
                    }
                },
            },
            "exporters": {"file": {"path": self.out, "append": True, "flush_interval": "100ms"}},
            "service": {
                "telemetry": {"metrics": {"level": "none"}},
                "pipelines": {"logs": {"receivers": ["otlp", "otlp/tls"], "exporters": ["file"]}},
            },
        }
        path = os.path.join(work, "otel.yaml")
        with open(path, "w") as f:
            json.dump(config, f)  # which is YAML too
        super().__init__(work, [os.path.join(folder, "otel"), "--config", path], "Everything is ready")

    def end_well(self):
        """What it has answered for it writes first."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)

    def logs(self):
        """(resource's attributes, scope, log record) of each."""
        if not os.path.exists(self.out):
            return
        with open(self.out) as f:
            text = f.read()
        for line in text[: text.rfind("\n") + 1].splitlines():
            for resource in json.loads(line)["resourceLogs"]:
                for scope in resource["scopeLogs"]:
                    for log in scope["logRecords"]:
                        yield attributes(resource["resource"]), scope["scope"], log

    def empty(self):
        self.end_well()
        os.remove(self.out)
        self.start()

    def ids(self):
        return collections.Counter(attributes(log)["keelwatch.id"] for _, _, log in self.logs())


def attributes(holder):
    plain = {}
    for pair in holder["attributes"]:
        ((kind, value),) = pair["value"].items()
        assert pair["key"] not in plain, f"{pair['key']} is there twice"
        plain[pair["key"]] = int(value) if kind == "intValue" else value
    return plain


def sink(collector, **settings):
    return {"type": "otlp", "url": collector.url, **QUICK, **settings}


def compare(record, resource, scope, log):
    """What was understood against what is stored."""
    metadata, host = record["metadata"], record["metadata"]["host"]
    assert json.loads(log["body"]["stringValue"]) == record
    assert log["severityText"] == record["severity"]
    assert log["severityNumber"] == SEVERITIES[record["severity"]]
    assert scope["name"] == resource["service.name"] == "keelwatch"
    assert resource["service.version"] == metadata["version"]
    assert resource["host.name"] == host["name"]
    seconds, fraction = record["time"].rstrip("Z").split(".")
    assert log["timeUnixNano"].endswith(fraction), (log["timeUnixNano"], seconds)
    said = attributes(log)
    assert said["keelwatch.kind"] == record["kind"]
    assert said["keelwatch.message"] == record["message"]
    for key, place, name in (
        ("container.id", "container", "id"),
        ("container.name", "container", "name"),
        ("container.image.name", "container", "image"),
        ("process.pid", "process", "pid"),
        ("process.executable.path", "process", "exe"),
        ("file.path", "file", "path"),
    ):
        assert said.get(key) == record.get(place, {}).get(name), f"{key}: {said.get(key)}"
    if "rule" in record:
        assert said["keelwatch.rule"] == record["rule"]


def whole(part, collector, compression):
    collector.empty()
    store = Store(part.folder(), {"siem": sink(collector, compression=compression)}, 10000, "--kinds")
    with store:
        wait_for("all are there", lambda: len(collector.ids()) >= len(store.records))
    ids = collector.ids()
    for resource, scope, log in collector.logs():
        record = store.records.get(attributes(log)["keelwatch.id"])
        if record:
            compare(record, resource, scope, log)
    return store.account(ids)


def restarted(part, collector):
    collector.empty()
    store = Store(part.folder(), {"siem": sink(collector, batch="{records: 100}", timeout="5s")}, 10000)
    with store:
        wait_for("some are there", collector.ids)
        collector.end_well()
        wait_for("it is said", lambda: "sink siem" in store.monitor.said())
        collector.start()
        wait_for("all are there", lambda: len(collector.ids()) >= len(store.records))
    return store.account(collector.ids(), again=100)


def paused(part, collector):
    collector.empty()
    store = Store(part.folder(), {"siem": sink(collector, timeout="1s", batch="{records: 200}")}, 5000)
    with store:
        wait_for("some are there", collector.ids)
        collector.pause()
        wait_for("it is said", lambda: "sink siem" in store.monitor.said())
        collector.resume()
        wait_for("all are there", lambda: len(collector.ids()) >= len(store.records))
    # Each attempt that was given up may have arrived after all.
    return store.account(collector.ids(), again=len(store.records))


def formats(part, collector):
    """The body in the format that is asked for."""
    bodies = {"ecs": lambda body: json.loads(body)["ecs"], "ocsf": lambda body: json.loads(body)["class_uid"],
              "cef": lambda body: body.startswith("CEF:0|")}  # fmt: skip
    for name, holds in bodies.items():
        collector.empty()
        code, said = sink_test(part.folder(), sink(collector, format=name))
        assert code == 0, said
        (log,) = wait_for("it is there", lambda: [log for _, _, log in collector.logs()])
        assert holds(log["body"]["stringValue"]), log["body"]
    return ", ".join(bodies)


def mutual(part, collector):
    certificate, key = collector.authority.sign("client", use="clientAuth")
    tls = f"ca_file: {collector.authority.certificate}"
    url = f"https://localhost:{collector.tls_port}"
    code, said = sink_test(
        part.folder(), sink(collector, url=url, tls=f"{{{tls}, certificate_file: {certificate}, key_file: {key}}}")
    )
    assert code == 0, said
    code, refusal = sink_test(part.folder(), sink(collector, url=url, tls=f"{{{tls}}}"))
    assert code == 1 and "certificate" in refusal, refusal
    return said + "; without a certificate of ours: " + refusal.splitlines()[0]


# ExportLogsServiceResponse: partial_success (1) with rejected_log_records (1) = 3, error_message (2).
PARTIAL = b"\x0a\x0b\x08\x03\x12\x07too old"
PARTIAL_JSON = b'{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"too old"}}'


def partial(part, answer):
    """A receiver that rejects three of the first batch and does not say which."""
    receiver = Receiver(parse=lambda body: [])
    receiver.behave = lambda path, records: (200, {}, answer if receiver.requests == 1 else b"")
    try:
        store = Store(part.folder(), {"siem": {"type": "otlp", "url": receiver.url(), **QUICK}}, 800)
        with store:
            wait_for("it is told as a gap", lambda: rejections(store))
    finally:
        receiver.stop()
    (gap,) = rejections(store)
    assert gap["records"] == 3 and gap["exact"] and gap["sinks"] == ["siem"] and gap["severity"] == "error", gap
    said = store.monitor.said()
    assert "3 of 500 records were rejected for good, which ones is not said: too old" in said, said
    last = said.splitlines()[-1]
    assert " 3 refused, " in last, last
    assert not store.dead_letters("siem")
    return f"{last}; {gap['message']}"


def rejections(store):
    return [r for r in store.monitor.stored() if r.get("reason") == "rejected"]


def all_rejected(part):
    """Rejected as a whole: then it is known which."""
    receiver = Receiver(parse=lambda body: [])
    receiver.behave = lambda path, records: (200, {}, PARTIAL)
    settings = {"type": "otlp", "url": receiver.url(), "batch": "{records: 3}", "kinds": "[finding]", **QUICK}
    try:
        store = Store(part.folder(), {"siem": settings}, 3)
        with store:
            wait_for("they are dead letters", lambda: len(store.dead_letters("siem")) >= 3)
    finally:
        receiver.stop()
    letters = store.dead_letters("siem")
    assert letters.keys() >= store.records.keys()
    assert all(letter["why"] == "too old" for letter in letters.values())
    return f"dead letters {len(letters)}"


def no_receipt(part):
    """A page that something else answers with."""
    receiver = Receiver(parse=lambda body: [])
    receiver.behave = lambda path, records: (200, {"Content-Type": "text/html"}, b"<html>Please log in</html>")
    try:
        code, said = sink_test(part.folder(), {"type": "otlp", "url": receiver.url(), **QUICK})
    finally:
        receiver.stop()
    assert code == 1 and "none of an OTLP receiver's" in said, said
    return said.splitlines()[0]


def elsewhere(part, collector):
    """A path that is none of a receiver's is an operator's to mend: nothing is refused for good."""
    code, said = sink_test(part.folder(), sink(collector, url=collector.url + "/v1/nothing"))
    assert code == 1 and "not delivered" in said and "404" in said, said
    return said.splitlines()[0]


def run(part):
    collector = Collector(part, made("otel"))
    try:
        collector.start()
        for compression in ("gzip", "none"):
            sentence = f"OpenTelemetry: every record of every kind is understood, compression {compression}"
            part.test(sentence, whole, part, collector, compression)
        part.test("OpenTelemetry: ended in the middle and begun again: nothing is missing", restarted, part, collector)
        part.test("OpenTelemetry: one that stands still is given up in time", paused, part, collector)
        part.test("OpenTelemetry: the body in each other format", formats, part, collector)
        part.test("OpenTelemetry: TLS with certificates on both sides", mutual, part, collector)
        part.test("OpenTelemetry: a path that is not there is said", elsewhere, part, collector)
    finally:
        collector.stop()
    part.test("OTLP: a partial success is counted, and told as a gap", partial, part, PARTIAL)
    part.test("OTLP: the same in JSON", partial, part, PARTIAL_JSON)
    part.test("OTLP: a success of which nothing is left are dead letters", all_rejected, part)
    part.test("OTLP: a page that something else answers with is no receipt", no_receipt, part)


if __name__ == "__main__":
    sys.exit(main("otel", run))
