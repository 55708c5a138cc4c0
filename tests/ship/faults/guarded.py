# SPDX-License-Identifier: Apache-2.0
"""What is done to the monitor itself is found, and arrives: before the end where there is one, else by the next start."""

import json
import os
import subprocess

from case import bpffs, webhook
from stage import wait_for

ALONE = True  # the end waits two seconds for a receiver, no more


def receiver_that_keeps(case):
    receiver = case.receiver()
    receiver.keep = True
    return receiver


def said_of(receiver, rule, *words):
    """A finding of that rule whose message has all the words has arrived."""
    return any(
        r["kind"] == "finding" and r["rule"] == rule and all(word in r["message"] for word in words) for r in list(receiver.records.values())
    )


def expect(receiver, rule, *words):
    wait_for(f"{rule} arrives: {' '.join(words)}", lambda: said_of(receiver, rule, *words))


def messages(monitor):
    return [f["message"] for f in monitor.found() if f.get("rule") == "monitor-altered"]


def pin(folder, name):
    return next(os.path.join(at, name) for at, _, names in os.walk(folder) if name in names)


def test_changed(case):
    """Settings, maps and the store changed, a link opened: each is a finding; a map that programs go by is put right"""
    receiver = receiver_that_keeps(case)
    with bpffs(case) as folder:
        monitor = case.monitor({"hook": webhook(receiver)}, extra=f"pins: {folder}/keelwatch").start()
        # By tracepoints, what watches bpf(2) comes with the first container.
        case.load(name="keelwatch-idle", script="sleep 1000")
        wait_for("it is seen", lambda: monitor.stored("--kind", "container"))
        with open(monitor.config, "a") as f:
            f.write("# another line\n")
        expect(receiver, "monitor-altered", "a file of the monitor was changed", monitor.config)
        case.run("bpftool", "map", "delete", "pinned", pin(folder, "shared_syscalls"), "key", "1", "0", "0", "0")
        expect(receiver, "monitor-tampering", "was changed", "shared_syscalls")
        expect(receiver, "monitor-altered", "put right", "shared_syscalls")
        control = case.run("bpftool", "-j", "map", "dump", "pinned", pin(folder, "shared_control"))
        size = len(json.loads(control.stdout)[0]["value"])
        case.run("bpftool", "map", "update", "pinned", pin(folder, "shared_control"), "key", "0", "0", "0", "0", "value", *["0"] * size)
        expect(receiver, "monitor-altered", "put right", "shared_control")
        case.run("bpftool", "link", "show", "pinned", pin(folder, "tp__exec"))
        expect(receiver, "monitor-tampering", "BPF link", "opened")
        os.rename(f"{monitor.state}/store.db", f"{monitor.state}/elsewhere")
        # What it has for its sinks is in there.
        wait_for("the store is missed", lambda: any("a file of the monitor was" in said and "store.db" in said for said in messages(monitor)))
        monitor.kill()
    return "settings, two maps, a link, the store"


def test_killed(case):
    """kill -9: the next start says so, and that arrives"""
    receiver = receiver_that_keeps(case)
    monitor = case.monitor({"hook": webhook(receiver)}).start()
    monitor.kill()
    assert not said_of(receiver, "monitor-interrupted")
    monitor.start()
    expect(receiver, "monitor-interrupted", "was killed, or crashed")
    monitor.stop()
    # One that ended in order is not told of.
    before = len(receiver.records)
    monitor.start()
    monitor.stop()
    assert len(receiver.records) > before
    told = sum(r["kind"] == "finding" and r["rule"] == "monitor-interrupted" for r in receiver.records.values())
    assert told == 1, told
    return "told once"


def test_last_word(case):
    """A signal that ends the monitor, by somebody who did not begin it, has arrived when it is gone"""
    receiver = receiver_that_keeps(case)
    monitor = case.monitor({"hook": webhook(receiver)}).start()
    wait_for("its start arrives", lambda: any(r["kind"] == "monitor" for r in list(receiver.records.values())))
    subprocess.run(["sh", "-c", f"kill -TERM {monitor.process.pid}; :"], check=True)
    assert monitor.process.wait(30) == 0
    assert said_of(receiver, "monitor-tampering", "SIGTERM was sent to the monitor"), [r.get("message") for r in receiver.records.values()]
    assert any(r["kind"] == "monitor" and r["operation"] == "stop" for r in receiver.records.values())
    return f"{len(receiver.records)} records had arrived"
