# SPDX-License-Identifier: Apache-2.0
"""What operators do under load, sinks beside a dead one, and names that attackers choose."""

import json
import os
import re
import signal
import subprocess
import time

from case import account, dead_letters, settle, wait_delivered, webhook
from stage import KEELWATCH, STEADILY, fill, wait_for


def test_reload(case):
    """Sinks added, taken away and given back by SIGHUP under load, and a wrong file between: nothing is lost"""
    first, second = case.receiver(), case.receiver()
    one = {"one": webhook(first, batch="{records: 100}")}
    two = {"two": webhook(second, batch="{records: 100}")}
    monitor = case.monitor(one)
    fill(monitor.state, 2000)
    monitor.start()
    load = case.load(script=STEADILY)
    reloads = 0
    for sinks in (one | two, two, one | two, one, two | one):
        time.sleep(0.7)
        monitor.reload(sinks)
        reloads += 1
    with open(monitor.config, "a") as f:
        f.write("sinks:\n  three: {type: nothing}\n")
    at = os.path.getsize(monitor.stderr)
    monitor.process.send_signal(signal.SIGHUP)
    wait_for("the wrong file is told", lambda: "stay as they were" in monitor.said(at))
    assert f"{monitor.config}:" in monitor.said(at), monitor.said(at)
    load.stop()
    settle(monitor, first, second)
    again = reloads * 100
    numbers = [account(monitor, r, again=again) for r in (first, second)]
    return f"reloads {reloads} and a wrong one; one: {numbers[0]}; two: {numbers[1]}"


def test_later(case):
    """What a new start alone brings into force is named at SIGHUP: as long as it differs from the start, and no longer"""
    other = {
        "pins": "pins: /sys/fs/bpf/keelwatch-other",
        "store.queue_size": "store: {queue_size: 2MiB}",
        "metrics": "metrics: {listen: 127.0.0.1:9999, bpf_stats: true, containers: 5}",
    }
    later = ["pins", "store.queue_size", "metrics.listen", "metrics.bpf_stats", "metrics.containers"]
    monitor = case.monitor({}).start()

    def named(extra):
        at = os.path.getsize(monitor.stderr)
        monitor.reload({}, extra)
        return re.findall(r"(\S+) changes at the next start only", monitor.said(at))

    # What is in force at once is not named.
    assert not named("heartbeat: 5s\nstore: {max_age: 1d, max_size: 100MiB}")
    for _ in range(2):
        assert named("\n".join(other.values())) == later
    assert named(other["pins"]) == ["pins"]
    assert not named("")
    monitor.stop()
    reloads = [r["message"] for r in monitor.stored() if r["kind"] == "monitor" and r["operation"] == "reload"]
    assert reloads == ["new settings are in force"] * 5, reloads
    return f"named {len(later)}, then 1, then none"


def test_reload_often(case):
    """SIGHUP without end: the settings are read once a second at most, and the last ones are in force"""
    monitor = case.monitor({}).start()
    began = time.monotonic()
    for i in range(200):
        if i == 199:
            monitor.write_config({}, "pins: /sys/fs/bpf/keelwatch-other")
        monitor.process.send_signal(signal.SIGHUP)
        time.sleep(0.01)
    wait_for("the last ones are read", lambda: "pins changes at the next start only" in monitor.said())
    took = time.monotonic() - began
    monitor.stop()
    times = sum(r["kind"] == "monitor" and r["operation"] == "reload" for r in monitor.stored())
    assert 2 <= times <= took + 2, f"{times} times in {took:.1f} s"
    return f"200 signals, read {times} times in {took:.1f} s"


def test_counts_stay(case):
    """What was delivered is counted on over a reload"""
    receiver = case.receiver()
    sinks = {"hook": webhook(receiver)}
    monitor = case.monitor(sinks)
    fill(monitor.state, 500)
    monitor.start()
    wait_delivered(receiver, 500)
    monitor.reload(sinks)
    settle(monitor, receiver)
    assert f"sink hook: {len(receiver.ids)} delivered" in monitor.said(), monitor.said()
    # A request that the reload breaks off may have been taken.
    return account(monitor, receiver, again=500)


def test_lost_letters(case):
    """Dead letters that their bound pushes out are told as gaps, each once, over a reload too"""
    receiver = case.receiver()
    receiver.behave = lambda path, records: (400, {}, b"never")
    small = "shipper: {dead_letter_max_size: 64KiB}"
    sinks = {"hook": webhook(receiver, kinds="[finding]", min_severity="critical", batch="{records: 50}")}
    monitor = case.monitor(sinks, small)
    fill(monitor.state, 900)  # a third of them critical
    monitor.start()

    def told():
        return sum(r["records"] for r in monitor.stored() if r["kind"] == "gap" and r["reason"] == "dead-letter")

    def kept():
        return len(dead_letters(monitor)) + len(dead_letters(monitor, "hook", ".1"))

    def findings():
        return sum(r["kind"] == "finding" and r["severity"] == "critical" for r in monitor.stored())

    wait_for("all is refused, and what is lost of it is told", lambda: told() + kept() == findings() >= 300)
    before = told()
    monitor.reload(sinks, small)
    time.sleep(2.5)  # longer than it takes to tell them a second time
    lost, left, sent = told(), kept(), findings()
    monitor.stop()
    assert before and lost + left == sent, f"lost {lost}, kept {left} of {sent}"
    return f"sent {sent}, delivered {len(receiver.ids)}, dead letters {left}, counted lost {lost}"


HOSTILE = {
    "quotes": b'"},{"rule":"none"},{"x":"',
    "lines": b"a\nb\r\n<134>1 - - - - - - forged",
    "escapes": b"\x1b[2J\x1b]0;title\a\x1b[31m",
    "bidi": "\u202egpj.exe\u202c\u2066\u200f".encode(),
    "invalid": b"\xff\xfe\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80",
    "separators": "\u2028\u2029\u0085".encode(),
    "formats": b"CEF:0|a|b\\|c=d\\=e|%s%n${jndi:ldap://x}",
    "controls": bytes(range(1, 32)) + b"\x7f",
    "long": b"n" * 200,
}


def prepare_hostile(load_bundle):
    """Programs and folders in the container's root that no shell has to spell."""
    root = os.path.join(load_bundle, "rootfs").encode()
    for name in HOSTILE.values():
        path = os.path.join(root, b"bin", name.replace(b"/", b"_"))
        with open(path, "wb") as f:
            f.write(b'#!/bin/sh\n: > "$1"\n')
        os.chmod(path, 0o755)
    # A folder as deep as a path can be named: 19 of 200 bytes.
    here = os.open(os.path.join(root, b"etc"), os.O_DIRECTORY)
    for _ in range(19):
        os.mkdir(b"d" * 200, dir_fd=here)
        deeper = os.open(b"d" * 200, os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)


def octal(text):
    return "".join(f"\\{byte:03o}" for byte in text)


def hostile_script():
    lines = []
    for name in HOSTILE.values():
        flat = octal(name.replace(b"/", b"_"))
        # A final newline would be cut off by $(): none of them has one.
        lines.append(f"touch \"$(printf '/etc/{flat}')\" \"$(printf '/etc/b{flat}')\"")
        lines.append(f"cd /etc; \"$(printf '/bin/{flat}')\" \"$(printf 'c{flat}')\"")
    deep = "/".join(["/etc"] + ["d" * 200] * 19)
    lines.append(f"touch {deep}/x {'a' * 4096}")
    return "sleep 0.3; " + "; ".join(lines) + "; sleep 60"


def test_hostile(case):
    """Names, arguments and paths that an attacker chose: valid JSON at the receiver, the same as `events --json` has"""
    receiver = case.receiver()
    receiver.keep = True
    monitor = case.monitor({"hook": webhook(receiver)}).start()
    case.load(
        name="hostile",
        script=hostile_script(),
        prepare=prepare_hostile,
        annotations={
            "io.kubernetes.cri.container-type": "container",
            "io.kubernetes.cri.container-name": HOSTILE["quotes"].decode(),
            "io.kubernetes.cri.image-name": HOSTILE["lines"].decode() + HOSTILE["bidi"].decode(),
            "io.kubernetes.cri.sandbox-name": HOSTILE["escapes"].decode(),
            "io.kubernetes.cri.sandbox-namespace": HOSTILE["separators"].decode(),
        },
    )

    def paths():
        return [r["file"]["path"] for r in list(receiver.records.values()) if r.get("file")]

    wait_for("the last one arrives", lambda: any(len(path) > 3800 for path in paths()))
    monitor.stop()
    stored = {r["metadata"]["id"]: r for r in monitor.stored()}
    assert stored == receiver.records, "what arrived is not what is stored"
    own = [r for r in stored.values() if "hostile" in r.get("container", {}).get("cgroup", "")]
    text = json.dumps(own, ensure_ascii=False)
    dangerous = [c for c in text if ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in "\u2028\u2029\u202e\u202c\u2066\u200f"]
    assert not dangerous, f"{dangerous[:5]}"
    seen = " ".join(paths())
    for word in ("\\x1b[2J", "\\xff\\xfe\\xc0\\xaf", "forged", '"},{"rule"', "%s%n"):
        assert word in seen, f"{word} is in no path"
    names = {r["process"]["comm"] for r in own if r.get("process")}
    assert len(names) > len(HOSTILE), f"processes by hostile names are missing: {names}"
    longest = max(len(r["file"]["path"]) for r in own if r.get("file"))
    people = subprocess.run([KEELWATCH, "events", "--state", monitor.state, "--limit", "0"], capture_output=True, check=True)
    assert not any(byte < 32 and byte != 10 or byte == 127 for byte in people.stdout), "a terminal would obey"
    return f"{account(monitor, receiver)}; {len(own)} records of the container, equal at both ends; longest path {longest}"
