#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Real syslog receivers, rsyslog and syslog-ng, each over TLS with certificates on both sides, TCP, UDP and
Unix sockets: what they parsed and wrote down is compared with the store, record by record.

  tests/receivers/syslog.py [rsyslog] [syslog-ng]

Root. What it needs is unpacked by scripts/syslog-receivers.
"""

import collections
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../ship")]

from case import dead_letters  # noqa: E402
from certificates import Authority  # noqa: E402
from stage import FILL, KEELWATCH, Monitor, free_port, wait_for  # noqa: E402

SD_ID = "keelwatch@32473"
FACILITY = 13
RECORDS = 1000  # of the comparison, over each transport
STREAM = 12000  # while the receiver is killed
KILLS = 4
RESEND = 5000  # more than a socket's buffers hold
SEVERITIES = {"critical": 2, "error": 3, "warning": 4, "notice": 5, "info": 6, "debug": 7}
WHAT = {"finding": "rule", "container": "operation", "gap": "reason", "monitor": "operation"}
BIG = 8 << 20  # bytes of a datagram socket's buffer

RSYSLOG = """
global(workDirectory="{work}" maxMessageSize="256k" defaultNetstreamDriver="ossl"
       defaultNetstreamDriverCAFile="{ca}" defaultNetstreamDriverCertFile="{certificate}"
       defaultNetstreamDriverKeyFile="{key}")
main_queue(queue.type="Direct")
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="x509/name"
       permittedPeer=["client.example"])
module(load="imptcp")
module(load="imudp")
module(load="imuxsock" sysSock.use="off")
module(load="mmpstrucdata")
template(name="json" type="list") {{
  constant(value="{{\\"pri\\":") property(name="pri")
  constant(value=",\\"time\\":\\"") property(name="timereported" dateFormat="rfc3339" date.inUTC="on")
  constant(value="\\",\\"host\\":\\"") property(name="hostname" format="json")
  constant(value="\\",\\"program\\":\\"") property(name="app-name" format="json")
  constant(value="\\",\\"msgid\\":\\"") property(name="msgid" format="json")
  constant(value="\\",\\"data\\":") property(name="$!rfc5424-sd")
  constant(value=",\\"message\\":\\"") property(name="msg" format="json")
  constant(value="\\"}}\\n")
}}
"""

RSYSLOG_RULES = """
ruleset(name="{name}") {{
  action(type="mmpstrucdata")
  action(type="omfile" file="{file}" template="json")
}}
"""

SYSLOG_NG = """@version: 3.38
options {{ log-msg-size(262144); keep-hostname(yes); use-dns(no); frac-digits(6); time-zone("UTC");
           log-fifo-size(20000); stats-freq(0); }};
template json {{ template("$(format-json --pair pri=int($PRI) --pair time=$S_ISODATE --pair host=$HOST
  --pair program=$PROGRAM --pair msgid=$MSGID --pair message=$MESSAGE --key .SDATA.*)\\n"); }};
"""

SYSLOG_NG_PATH = """
source s_{name} {{ {source}; }};
destination d_{name} {{ file("{file}" template(json)); }};
log {{ source(s_{name}); destination(d_{name}); flags(flow-control); }};
"""


# The id in structured data, before all that a record says itself.
ID = re.compile(rb'"keelwatch@32473": ?\{ ?(?:"[a-z_]+": ?"(?:[^"\\]|\\.)*", ?)*?"id": ?"([0-9a-f-]+)"')


class Arrived:
    """What one transport brought."""

    def __init__(self):
        self.offset = self.lines = self.cut = 0
        self.ids = collections.Counter()
        self.wanted = []  # the lines of those we look at, the first of each


class Receiver:
    """One of them, with a socket and a file for each transport."""

    def __init__(self, work, root, authority):
        self.work = work
        self.root = root
        self.certificate, self.key = authority.sign("server", "DNS:localhost,IP:127.0.0.1")
        self.ca = authority.certificate
        self.ports = {
            "tls": free_port(),
            "tcp": free_port(),
            "udp": free_port(socket.SOCK_DGRAM),
        }
        self.config = os.path.join(work, "config")
        self.process = None
        self.wanted = set()  # ids whose lines are kept
        self.arrived = {transport: Arrived() for transport in self.transports}
        with open(self.config, "w") as f:
            f.write(self.configuration())

    def address(self, transport):
        return f"localhost:{self.ports[transport]}" if transport in self.ports else self.socket(transport)

    def socket(self, transport):
        return os.path.join(self.work, transport)

    def file(self, transport):
        return os.path.join(self.work, f"{transport}.json")

    def libraries(self):
        folders = {d for d, _, files in os.walk(self.root) if any(".so" in f for f in files)}
        return {**os.environ, "LD_LIBRARY_PATH": ":".join(sorted(folders))}

    def start(self):
        for transport in self.transports:
            if transport not in self.ports and os.path.exists(self.socket(transport)):
                os.unlink(self.socket(transport))
        with open(os.path.join(self.work, "said"), "a") as said:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=self.libraries()
            )
        wait_for(f"{self.name} listens", self.listens, 20)

    def listens(self):
        assert self.process.poll() is None, open(os.path.join(self.work, "said")).read()
        for transport in ("tls", "tcp"):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.ports[transport])):
                    return False
        return all(os.path.exists(self.socket(t)) for t in self.transports if t not in self.ports)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(20)

    def read(self, transport):
        """Reads on in what it wrote down; self.arrived has it. A line cut by its death is none."""
        arrived = self.arrived[transport]
        try:
            with open(self.file(transport), "rb") as f:
                f.seek(arrived.offset)
                text = f.read()
        except FileNotFoundError:
            return arrived
        whole = text.rfind(b"\n") + 1
        arrived.offset += whole
        for line in text[:whole].splitlines():
            arrived.lines += 1
            found = ID.search(line)
            if not found or line[-1:] != b"}":
                arrived.cut += 1
                continue
            record = found.group(1).decode()
            arrived.ids[record] += 1
            if record in self.wanted and arrived.ids[record] == 1:
                arrived.wanted.append(line)
        return arrived


class Rsyslog(Receiver):
    name = "rsyslog"
    transports = ("tls", "tcp", "udp", "unix")

    def configuration(self):
        inputs = {
            "tls": f'input(type="imtcp" address="127.0.0.1" port="{self.ports["tls"]}" ruleset="tls")',
            "tcp": f'input(type="imptcp" address="127.0.0.1" port="{self.ports["tcp"]}" ruleset="tcp")',
            "udp": f'input(type="imudp" address="127.0.0.1" port="{self.ports["udp"]}" rcvbufSize="{BIG}"'
            ' ruleset="udp")',
            "unix": f'input(type="imuxsock" socket="{self.socket("unix")}" useSpecialParser="off"'
            ' parseHostname="on" rateLimit.interval="0" useSysTimeStamp="off" ignoreTimestamp="off" ruleset="unix")',
        }
        text = RSYSLOG.format(work=self.work, ca=self.ca, certificate=self.certificate, key=self.key)
        for name in self.transports:
            text += RSYSLOG_RULES.format(name=name, file=self.file(name)) + inputs[name] + "\n"
        return text

    def command(self):
        modules = next(d for d, _, files in os.walk(self.root) if "imtcp.so" in files)
        return [
            os.path.join(self.root, "usr/sbin/rsyslogd"), "-n", "-C", "-f", self.config,
            "-i", os.path.join(self.work, "pid"), "-M", modules,
        ]  # fmt: skip

    def start(self):
        pid = os.path.join(self.work, "pid")
        if os.path.exists(pid):
            os.unlink(pid)
        super().start()

    @staticmethod
    def data(line):
        return line["data"]


class SyslogNg(Receiver):
    name = "syslog-ng"
    transports = ("tls", "tcp", "udp", "unix", "unix-stream")

    def configuration(self):
        at = 'ip("127.0.0.1") port({})'
        sources = {
            "tls": f'syslog({at.format(self.ports["tls"])} transport("tls") tls(key-file("{self.key}")'
            f' cert-file("{self.certificate}") ca-file("{self.ca}") peer-verify(required-trusted)))',
            "tcp": f'syslog({at.format(self.ports["tcp"])} transport("tcp"))',
            "udp": f'syslog({at.format(self.ports["udp"])} transport("udp") so-rcvbuf({BIG}))',
            "unix": f'unix-dgram("{self.socket("unix")}" flags(syslog-protocol) perm(0666))',
            "unix-stream": f'unix-stream("{self.socket("unix-stream")}" flags(syslog-protocol) perm(0666))',
        }
        text = SYSLOG_NG.format()
        for name in self.transports:
            text += SYSLOG_NG_PATH.format(name=name.replace("-", "_"), source=sources[name], file=self.file(name))
        return text

    def command(self):
        modules = next(d for d, _, files in os.walk(self.root) if "libafsocket.so" in files)
        files = (("cfgfile", "config"), ("persist-file", "persist"), ("pidfile", "pid"), ("control", "control"))
        return [
            os.path.join(self.root, "usr/sbin/syslog-ng"), "--foreground", "--no-caps", "--stderr",
            f"--module-path={modules}", *(f"--{o}={os.path.join(self.work, f)}" for o, f in files),
        ]  # fmt: skip

    @staticmethod
    def data(line):
        return line["_SDATA"]


class Checks:
    """Counts what holds."""

    def __init__(self):
        self.passed = self.failed = 0

    def run(self, what, function, *arguments):
        try:
            said = function(*arguments)
            self.passed += 1
            print(f"ok: {what}{': ' + said if said else ''}", flush=True)
        except Exception:
            self.failed += 1
            traceback.print_exc()
            print(f"FAILED: {what}", flush=True)


def sink(receiver, transport, client, tls=None, **more):
    """Settings of a sink to it; tls: beyond the usual, or instead of it."""
    settings = {
        "type": "syslog",
        "address": receiver.address(transport),
        "transport": transport.split("-")[0],
        "facility": FACILITY,
        "timeout": "10s",
        "retry": "{min: 100ms, max: 1s}",
        **more,
    }
    if transport == "tls":
        tls = {"ca_file": receiver.ca, **(client or {}), **(tls or {})}
        settings["tls"] = "{" + ", ".join(f"{k}: {v}" for k, v in tls.items()) + "}"
    return settings


def name_of(transport):
    return f"by-{transport}"


def expected_data(record):
    """Structured data, as the receiver is to have understood it."""
    container = record.get("container", {})
    pod = container.get("kubernetes", {})
    data = {
        "id": record["metadata"]["id"],
        "sequence": str(record["metadata"]["sequence"]),
        "kind": record["kind"],
        WHAT[record["kind"]]: record.get(WHAT[record["kind"]]),
        "severity": record["severity"],
        "container": container.get("id"),
        "container_name": container.get("name"),
        "image": container.get("image"),
        "namespace": pod.get("namespace"),
        "pod": pod.get("pod"),
    }
    return {k: v for k, v in data.items() if v}


def microseconds(text):
    """A time of RFC 3339, UTC, without what RFC 5424 has no digits for."""
    date, _, fraction = text.replace("+00:00", "Z").rstrip("Z").partition(".")
    return f"{date}.{fraction[:6].ljust(6, '0')}"


def compare(receiver, line, record):
    data = receiver.data(line)
    assert json.loads(line["message"]) == record, line
    assert data[SD_ID] == expected_data(record), (data, expected_data(record))
    number = data["meta"].get("sequenceId", data["meta"].get("sequenceid"))
    assert 1 <= int(number) <= 2147483647, data
    assert line["pri"] == FACILITY * 8 + SEVERITIES[record["severity"]], line
    assert microseconds(line["time"]) == microseconds(record["time"]), (line["time"], record["time"])
    assert line["host"] == record["metadata"]["host"]["name"], line
    assert line["program"] == "keelwatch", line
    assert line["msgid"] == f"{record['kind']}/{record[WHAT[record['kind']]]}"[:32], line


def numbers(arrived, wanted):
    """Of the records we look at: this machine's other containers give records too."""
    ids = {i: n for i, n in arrived.ids.items() if i in wanted}
    sent = sum(ids.values())
    return f"{len(wanted)} stored, {sent} sent, {len(ids)} delivered, {sent - len(ids)} duplicated"


def filled(work, sinks, count, *arguments):
    """A monitor that has begun with so many records to ship, and these."""
    os.makedirs(work)
    monitor = Monitor(work, sinks)
    subprocess.run([FILL, monitor.state, str(count), *arguments], check=True, stdout=subprocess.DEVNULL)
    records = {r["metadata"]["id"]: r for r in monitor.stored()}
    return monitor.start(), records


def every_record_arrives_as_stored(receiver, work, client, checks):
    sinks = {name_of(t): sink(receiver, t, client) for t in receiver.transports}
    monitor, records = filled(work, sinks, RECORDS, "--kinds")
    receiver.wanted = set(records)

    def transport(name):
        letters = {}

        def all_there():
            letters.update({d["record"]["metadata"]["id"]: d["why"] for d in dead_letters(monitor, name_of(name))})
            return set(records) <= set(receiver.read(name).ids) | set(letters)

        wait_for(f"all are there by {name}", all_there)
        arrived = receiver.read(name)
        for line in arrived.wanted:
            line = json.loads(line)
            compare(receiver, line, records[json.loads(line["message"])["metadata"]["id"]])
        # What is longer than a datagram is refused, never cut.
        for record, why in letters.items():
            assert "more than one datagram" in why and name in ("udp", "unix"), why
            assert record not in arrived.ids
        assert all(n == 1 for i, n in arrived.ids.items() if i in records), "sent twice for no reason"
        assert not arrived.cut, f"{arrived.cut} lines are none"
        refused = f", {len(letters)} refused as longer than a datagram" if letters else ""
        return numbers(arrived, records) + refused

    try:
        for name in receiver.transports:
            checks.run(f"{receiver.name} by {name}: every record arrives as it was stored", transport, name)
    finally:
        monitor.stop()


def killed_under_load(receiver, work, client, transport):
    """SIGKILL, and begun again: nothing is missing by id."""
    settings = sink(receiver, transport, client, resend=RESEND, batch="{records: 20}")
    monitor, records = filled(work, {name_of(transport): settings}, STREAM)
    wanted = set(records)

    def there():
        return len(wanted & set(receiver.read(transport).ids))

    try:
        for i in range(1, KILLS + 1):
            wait_for("a part is there", lambda i=i: there() >= len(wanted) * i // (KILLS + 2))
            assert there() < len(wanted), "all are there: it was not in the middle"
            receiver.kill()
            time.sleep(0.3)
            receiver.start()
        wait_for("all are there", lambda: there() == len(wanted), 120)
    finally:
        monitor.stop()
    arrived = receiver.read(transport)
    return f"killed {KILLS} times: {numbers(arrived, wanted)}, {arrived.cut} lines cut"


def refused(receiver, work, settings, words):
    """`keelwatch sink test`: not delivered, for this reason, and nothing is there."""
    before = receiver.read("tls").lines
    monitor = Monitor(work, {"one": settings})
    done = subprocess.run(
        [KEELWATCH, "sink", "test", "one", "--config", monitor.config], capture_output=True, text=True
    )
    said = (done.stdout + done.stderr).strip()
    assert done.returncode == 1, said
    assert any(w in said for w in words), said
    time.sleep(0.2)
    assert receiver.read("tls").lines == before, said
    return done.stdout.strip().partition("not delivered: ")[2]


def refusals(receiver, work, client, authority, checks):
    other = Authority(os.path.join(work, "other"), "other")
    stranger, key = other.sign("stranger", use="clientAuth")
    stranger = {"certificate_file": stranger, "key_file": key}
    cases = (
        ("an authority we do not know", client, {"ca_file": other.certificate}, ("not trusted",)),
        ("another name", client, {"server_name": "elsewhere.example"}, ("for another name",)),
        ("no client certificate", None, {}, ("wants a client certificate", "closed")),
        ("a client certificate of another authority", stranger, {}, ("authority of our", "closed", "certificate")),
    )
    for what, certificate, tls, words in cases:
        folder = tempfile.mkdtemp(dir=work)
        settings = sink(receiver, "tls", certificate, tls=tls)
        checks.run(f"{receiver.name}: refused: {what}", refused, receiver, folder, settings, words)


def run(kind, cache, work, checks):
    os.makedirs(work, 0o755)
    authority = Authority(os.path.join(work, "certificates"))
    certificate, key = authority.sign("client.example", "DNS:client.example", use="clientAuth")
    client = {"certificate_file": certificate, "key_file": key}
    receiver = kind(work, os.path.join(cache, kind.name), authority)
    receiver.start()
    try:
        every_record_arrives_as_stored(receiver, os.path.join(work, "whole"), client, checks)
        refusals(receiver, work, client, authority, checks)
        for transport in ("tls", "tcp"):
            folder = os.path.join(work, f"killed-{transport}")
            what = f"{kind.name} by {transport}: killed in the middle, nothing is missing"
            checks.run(what, killed_under_load, receiver, folder, client, transport)
    finally:
        receiver.stop()


def main():
    kinds = {k.name: k for k in (Rsyslog, SyslogNg)}
    checks = Checks()
    cache = subprocess.run(
        [os.path.join(HERE, "../../scripts/syslog-receivers")], check=True, capture_output=True, text=True
    ).stdout.strip()
    work = tempfile.mkdtemp(prefix="keelwatch-syslog-")
    os.chmod(work, 0o755)
    try:
        for name in sys.argv[1:] or kinds:
            try:
                run(kinds[name], cache, os.path.join(work, name), checks)
            except Exception:
                traceback.print_exc()
                checks.failed += 1
                print(f"FAILED: {name} cannot be tried")
    finally:
        if not os.environ.get("KEEP"):
            shutil.rmtree(work)
    print(f"syslog: {checks.passed} passed, {checks.failed} failed")
    return checks.failed > 0


if __name__ == "__main__":
    sys.exit(main())
