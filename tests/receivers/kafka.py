#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real Kafka broker, read back by another program than ours: kcat."""

import collections
import json
import os
import subprocess
import sys
import time
import zlib

from certificates import Authority
from lib import QUICK, Process, Store, main, made, sink_test, wait_for
from stage import free_port

USER, PASSWORD = "keelwatch", "a word of its own"
PARTITIONS = 3
ENDS = 10  # seconds, at most
SIZE_MAX = 1400  # bytes of a batch, compressed, where the broker is to refuse


class Broker(Process):
    """One node that is broker and controller; a listener in clear, one with TLS and SASL."""

    def __init__(self, part, folder):
        self.folder = folder
        self.work = part.folder()
        self.port, self.tls_port, self.controller = free_port(), free_port(), free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.authority = Authority(os.path.join(self.work, "authority"))
        self.java = ["java", "-Xmx512m", "-cp", os.path.join(folder, "lib", "*")]
        self.file = os.path.join(self.work, "server.properties")
        self.configure()
        subprocess.run(
            [
                *self.java, "kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", self.file,
                "--add-scram", f"SCRAM-SHA-256=[name={USER},password={PASSWORD}]",
                "--add-scram", f"SCRAM-SHA-256=[name=guest,password={PASSWORD}]",
            ],
            check=True, capture_output=True,
        )  # fmt: skip
        super().__init__(self.work, [*self.java, "kafka.Kafka", self.file], "Kafka Server started")

    def configure(self, **more):
        certificate, key = self.authority.sign("localhost", "DNS:localhost")
        keystore = os.path.join(self.work, "keystore.pem")
        with open(keystore, "w") as out:
            for path in (key, certificate):
                with open(path) as f:
                    out.write(f.read())
        os.chmod(keystore, 0o600)
        sasl = "listener.name.outside"
        plain = "org.apache.kafka.common.security.plain.PlainLoginModule"
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule"
        settings = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller}",
            "listeners": f"INSIDE://127.0.0.1:{self.port},OUTSIDE://127.0.0.1:{self.tls_port},"
            f"CONTROLLER://127.0.0.1:{self.controller}",
            "advertised.listeners": f"INSIDE://127.0.0.1:{self.port},OUTSIDE://localhost:{self.tls_port}",
            "listener.security.protocol.map": "INSIDE:PLAINTEXT,OUTSIDE:SASL_SSL,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "INSIDE",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": os.path.join(self.work, "log"),
            "num.partitions": PARTITIONS,
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            # One that was killed is let in again only once it counts as gone.
            "broker.session.timeout.ms": 2000,
            "broker.heartbeat.interval.ms": 300,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:ANONYMOUS;User:{USER}",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": keystore,
            f"{sasl}.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256",
            f"{sasl}.plain.sasl.jaas.config": f'{plain} required user_{USER}="{PASSWORD}" user_guest="{PASSWORD}";',
            f"{sasl}.scram-sha-256.sasl.jaas.config": f"{scram} required;",
            **{name.replace("_", "."): value for name, value in more.items()},
        }
        with open(self.file, "w") as f:
            f.writelines(f"{name}={value}\n" for name, value in settings.items())

    def kcat(self, *arguments):
        done = subprocess.run(
            ["kcat", "-b", self.address, "-X", "topic.metadata.refresh.interval.ms=1000", "-q", *arguments],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def messages(self, topic):
        return [json.loads(line) for line in self.kcat("-C", "-J", "-o", "beginning", "-e", "-t", topic).splitlines()]

    def length(self, topic):
        """How many messages there are; 0 too while nobody answers."""
        try:
            said = self.kcat("-Q", *(a for p in range(PARTITIONS) for a in ("-t", f"{topic}:{p}:-1")))
        except (AssertionError, subprocess.TimeoutExpired):
            return 0
        return sum(int(line.split()[-1]) for line in said.splitlines())


def sink(broker, topic, **settings):
    return {"type": "kafka", "brokers": broker.address, "topic": topic, "timeout": "20s", **QUICK, **settings}


def id_of(message):
    headers = dict(zip(message["headers"][::2], message["headers"][1::2]))
    record = json.loads(message["payload"])
    assert headers == {"id": record["metadata"]["id"], "kind": record["kind"]}
    return headers["id"]


def count(broker, topic):
    """The ids there, how often; keys right, and no offset missing."""
    ids = collections.Counter()
    offsets = collections.defaultdict(list)
    partitions = {}
    for message in broker.messages(topic):
        ids[id_of(message)] += 1
        record = json.loads(message["payload"])
        container = record.get("container", {}).get("id")
        assert message["key"] == (container or record["metadata"]["host"]["name"])
        assert partitions.setdefault(message["key"], message["partition"]) == message["partition"]
        offsets[message["partition"]].append(message["offset"])
    return ids, offsets


def arrive(broker, topic, store):
    wait_for("all are delivered", lambda: broker.length(topic) >= len(store.records))


def whole(part, broker):
    store = Store(part.folder(), {"siem": sink(broker, "whole")}, 20000, "--kinds")
    began = time.monotonic()
    with store:
        arrive(broker, "whole", store)
        seconds = time.monotonic() - began
    ids, offsets = count(broker, "whole")
    for partition in offsets.values():
        assert sorted(partition) == list(range(len(partition))), "an offset is missing"
    assert len(offsets) > 1, "all in one partition"
    return store.account(ids) + f", {len(store.records) / seconds:.0f} a second from the start of the monitor on"


def killed(part, broker):
    store = Store(part.folder(), {"siem": sink(broker, "killed", batch="{records: 100}")}, 20000)
    with store:
        wait_for("some are there", lambda: broker.length("killed") > 0)
        broker.kill()
        time.sleep(3)
        broker.start()
        arrive(broker, "killed", store)
    ids, _ = count(broker, "killed")
    return store.account(ids, again=100)


def down(part, broker):
    broker.kill()
    store = Store(part.folder(), {"siem": sink(broker, "down", timeout="3s")}, 5000)
    with store:
        wait_for("it is said", lambda: "Connection refused" in store.monitor.said())
        time.sleep(5)
        broker.start()
        arrive(broker, "down", store)
    ids, _ = count(broker, "down")
    said = [line for line in store.monitor.said().splitlines() if "sink siem" in line]
    assert any("no broker can be reached" in line for line in said), said
    assert any("works again" in line for line in said), said
    return store.account(ids)


def frozen(part, broker):
    """It takes connections and never answers: nothing is called delivered, and afterwards all is there."""
    store = Store(part.folder(), {"siem": sink(broker, "frozen", timeout="2s", batch="{records: 200}")}, 5000)
    with store:
        wait_for("some are there", lambda: broker.length("frozen") > 0)
        broker.pause()
        wait_for("it is said", lambda: "not acknowledged within" in store.monitor.said(), 30)
        broker.resume()
        arrive(broker, "frozen", store)
        wait_for("it works again", lambda: "works again" in store.monitor.said())
    ids, _ = count(broker, "frozen")
    # A broker that wakes up works off what it was sent before, and what was sent again.
    return store.account(ids, again=len(store.records))


def ended(part, broker):
    """The end does not wait for a broker that stands still, and what was not sent is sent the next time."""
    store = Store(part.folder(), {"siem": sink(broker, "ended", timeout="60s", batch="{records: 200}")}, 5000)
    with store:
        wait_for("some are there", lambda: broker.length("ended") > 0)
        broker.pause()
        time.sleep(1)
        began = time.monotonic()
        store.monitor.stop()
        seconds = time.monotonic() - began
        broker.resume()
        assert seconds < ENDS, f"the end took {seconds:.1f} s"
        store.monitor.start()
        arrive(broker, "ended", store)
        wait_for("each is there", lambda: store.records.keys() <= count(broker, "ended")[0].keys())
    return store.account(count(broker, "ended")[0], again=400) + f"; the end took {seconds:.1f} s"


def too_large(part, broker):
    broker.kill()
    broker.configure(message_max_bytes=SIZE_MAX)
    broker.start()
    store = Store(part.folder(), {"siem": sink(broker, "large", batch="{records: 400}")}, 800)
    with store:
        wait_for("all are settled", lambda: broker.length("large") + len(store.dead_letters("siem")) >= 800)
    letters = store.dead_letters("siem")
    ids, _ = count(broker, "large")
    assert letters, "nothing was refused"
    for letter in letters.values():
        assert "too large" in letter["why"], letter["why"]
    assert not letters.keys() & ids.keys()
    # And another program has no better luck with the one that is hardest to compress.
    record = max((json.dumps(letter["record"]) for letter in letters.values()), key=lambda r: len(zlib.compress(r.encode())))
    done = subprocess.run(
        ["kcat", "-P", "-b", broker.address, "-t", "large", "-z", "lz4", "-k", "key", "-D", "\\0", "-E"],
        input=record, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "too large" in done.stderr, done.stderr
    return store.account(ids, refused=letters)


def refused(part, broker, settings, *words):
    code, said = sink_test(part.folder(), {**sink(broker, "whole"), **settings})
    assert code == 1, f"exit code {code}: {said}"
    for word in words:
        assert word in said, f"not said: {word}: {said}"
    return said.splitlines()[0]


def taken(part, broker, settings):
    code, said = sink_test(part.folder(), {**sink(broker, "whole"), **settings})
    assert code == 0, f"exit code {code}: {said}"
    return said


def secret(part, word):
    path = os.path.join(part.folder(), "password")
    with open(path, "w") as f:
        f.write(word + "\n")
    os.chmod(path, 0o600)
    return path


def outside(part, broker, mechanism, word=PASSWORD, user=USER, authority=None, host="localhost"):
    ca = (authority or broker.authority).certificate
    return {
        "brokers": f"{host}:{broker.tls_port}",
        "user": user,
        "password_file": secret(part, word),
        "sasl_mechanism": mechanism,
        "tls": f"{{enabled: true, ca_file: {ca}}}",
    }


def run(part):
    broker = Broker(part, made("kafka"))
    other = Authority(os.path.join(part.folder(), "other"), "other")
    try:
        broker.start()
        part.test("Kafka: every record of every kind is there once, by its container", whole, part, broker)
        part.test("Kafka: killed in the middle and begun again: nothing is missing", killed, part, broker)
        part.test("Kafka: down when the monitor begins: all comes later", down, part, broker)
        part.test("Kafka: a broker that stands still is given up in time", frozen, part, broker)
        part.test("Kafka: the end waits for no broker that stands still", ended, part, broker)
        for mechanism in ("PLAIN", "SCRAM-SHA-256"):
            part.test(f"Kafka: TLS and SASL {mechanism}", taken, part, broker, outside(part, broker, mechanism))
        for what, settings, words in (
            ("a wrong password", outside(part, broker, "SCRAM-SHA-256", "wrong"), ("uthentication",)),
            ("an authority that is not ours", outside(part, broker, "PLAIN", authority=other), ("certificate: unable to get local issuer",)),
            ("another host's name", outside(part, broker, "PLAIN", host="127.0.0.1"), ("certificate: IP address mismatch",)),
            ("TLS to a listener in clear", {"tls": f"{{enabled: true, ca_file: {other.certificate}}}"}, ("no broker",)),
            ("no right to the topic", outside(part, broker, "PLAIN", user="guest"), ("topic whole", "uthorization")),
            ("a name that is no host's", {"brokers": "nowhere.invalid:9092"}, ("nowhere.invalid",)),
        ):
            part.test(f"Kafka: {what} is said", refused, part, broker, settings, *words)
        part.test("Kafka: longer than the topic takes is a dead letter, its neighbours arrive", too_large, part, broker)
        broker.kill()
        broker.configure(auto_create_topics_enable="false")
        broker.start()
        part.test("Kafka: a topic that is not there is said", refused, part, broker, {"topic": "none"}, "topic none", "nknown")
        broker.kill()
        part.test("Kafka: a broker that is down is said", refused, part, broker, {}, "no broker", broker.address, "Connection refused")
    finally:
        broker.stop()


if __name__ == "__main__":
    sys.exit(main("kafka", run))
