# SPDX-License-Identifier: Apache-2.0
"""Disks that are full, and files that are damaged, gone or somebody else's."""

import fcntl
import os
import re
import subprocess
import threading
import time

from case import account, settle, wait_delivered, webhook
from stage import KEELWATCH, STEADILY, fill, wait_for

SMALL_QUEUE = "store: {queue_size: 256KiB}"


def findings(monitor):
    return [r for r in monitor.found() if r["kind"] == "finding"]


def gaps(monitor, reason):
    """Those told so far; none in the moment when one store is gone and the next is not there."""
    try:
        records = monitor.stored()
    except subprocess.CalledProcessError:
        return []
    return [r for r in records if r["kind"] == "gap" and r["reason"] == reason]


def fill_disk(path):
    """Until nothing goes in any more; what is freed meanwhile too, when it is called again."""
    with open(path, "ab", buffering=0) as f:
        try:
            while True:
                f.write(b"\0" * 4096)
        except OSError:
            pass


def test_full(case):
    """A full disk: counted to the record, told as a gap when it is over, resumed by itself; standard output goes on"""
    receiver = case.receiver()
    monitor = case.monitor({"hook": webhook(receiver)}, SMALL_QUEUE)
    os.mkdir(monitor.state, 0o750)
    case.run("mount", "-t", "tmpfs", "-o", "size=32m,mode=0750", "keelwatch-test", monitor.state)
    case.ends.callback(case.run, "umount", "-l", monitor.state)
    monitor.start()
    case.ends.callback(monitor.end)
    load = case.load(script=STEADILY)
    wait_for("findings are stored", lambda: receiver.counts()[0] > 100)
    ballast = os.path.join(monitor.state, "ballast")
    wait_for("the disk is full", lambda: fill_disk(ballast) or "cannot be written" in monitor.said())
    wait_for("records are refused", lambda: "could not be kept" in monitor.said())
    seen = len(findings(monitor))
    wait_for("standard output goes on", lambda: len(findings(monitor)) > seen + 200)
    os.unlink(ballast)
    wait_for("it is written again", lambda: "is written again" in monitor.said())
    load.stop()
    wait_for("a gap is told", lambda: gaps(monitor, "queue"))
    settle(monitor, receiver)
    told = gaps(monitor, "queue")
    lost = sum(gap["records"] for gap in told)
    refused = int(re.search(r"(\d+) records stored, (\d+) not \(counted\)", monitor.said())[2])
    assert lost == refused, f"told {lost}, counted {refused}"
    of_findings = sum(int(re.search(r"(\d+) findings", gap["message"])[1]) for gap in told)
    printed = findings(monitor)
    unstored = sum(r["metadata"]["sequence"] == 0 for r in printed)
    assert unstored == of_findings, f"findings printed and not stored {unstored}, told {of_findings}"
    stored = sum(r["kind"] == "finding" for r in monitor.stored())
    assert len(printed) == stored + unstored, f"printed {len(printed)}, stored {stored}, lost {unstored}"
    assert all(gap["exact"] and gap["from"] <= gap["to"] for gap in told)
    return f"sent {len(printed)}, {account(monitor, receiver)}, counted lost {lost} in {len(told)} gap records ({of_findings} findings)"


def test_full_at_start(case):
    """A disk that is full from the start: said, what is found waits in memory, and is kept once there is room"""
    receiver = case.receiver()
    monitor = case.monitor({"hook": webhook(receiver)})
    os.mkdir(monitor.state, 0o750)
    case.run("mount", "-t", "tmpfs", "-o", "size=16m,mode=0750", "keelwatch-test", monitor.state)
    case.ends.callback(case.run, "umount", "-l", monitor.state)
    ballast = os.path.join(monitor.state, "ballast")
    fill_disk(ballast)
    monitor.start()
    case.ends.callback(monitor.end)
    assert "cannot be written: No space left on device; findings wait in memory" in monitor.said(), monitor.said()
    load = case.load(script=STEADILY)
    wait_for("findings are printed", lambda: len(findings(monitor)) > 100)
    load.stop()
    assert not receiver.requests
    os.unlink(ballast)
    wait_for("it is written again", lambda: "is written again" in monitor.said())
    settle(monitor, receiver)
    stored = monitor.stored()
    printed = {r["metadata"]["id"] for r in findings(monitor)}
    assert printed == {r["metadata"]["id"] for r in stored if r["kind"] == "finding"}
    assert [r["metadata"]["sequence"] for r in stored] == list(range(1, len(stored) + 1))
    return f"sent {len(printed)}, {account(monitor, receiver)}, counted lost 0"


def damage(path, begin, end):
    """Overwrites that part of the file, 0 to 1 of it."""
    size = os.path.getsize(path)
    with open(path, "r+b") as f:
        f.seek(int(size * begin))
        f.write(os.urandom(int(size * (end - begin))))


def set_aside(monitor):
    return [name for name in os.listdir(monitor.state) if ".damaged-" in name and not name.endswith(("-wal", "-shm"))]


def test_damaged(case):
    """A database overwritten in the middle while it is read: set aside, said, a new one begun; what is new arrives"""
    receiver = case.receiver()
    receiver.stop()
    monitor = case.monitor({"hook": webhook(receiver)})
    fill(monitor.state, 20000)
    monitor.start()
    wait_for("the receiver is missed", lambda: "trying again" in monitor.said())
    damage(os.path.join(monitor.state, "store.db"), 0.3, 0.7)
    receiver.start()
    wait_for("it is set aside", lambda: set_aside(monitor))
    gap = wait_for("a gap is told", lambda: gaps(monitor, "damaged"))[0]
    load = case.load(script=STEADILY)
    wait_for("what is new arrives", lambda: receiver.arrived_since(time.time() - 1) > 50)
    load.stop()
    pid = monitor.process.pid
    settle(monitor, receiver)
    new = monitor.stored()
    assert {r["metadata"]["id"] for r in new} <= set(receiver.ids), "of the new one all arrived"
    assert new[0]["metadata"]["sequence"] > 20000, "the numbers go on"
    assert gap["last_sequence"] >= 20000 and set_aside(monitor)[0] in gap["message"], gap
    assert monitor.verify().startswith("whole: ")
    lines = len(monitor.said().splitlines())
    assert lines < 30, monitor.said()
    before = len(set(receiver.ids)) - len(new)
    return (
        f"sent 20000 and {len(new)} afterwards, delivered {before} and {len(new)}, duplicated {receiver.counts()[1]}, "
        f"in the damaged file {gap['last_sequence']}; monitor {pid} never ended"
    )


def test_gone(case):
    """A database that is deleted while it is written: a new one is begun, the gap is told, the numbers go on"""
    receiver = case.receiver()
    monitor = case.monitor({"hook": webhook(receiver)})
    fill(monitor.state, 1000)
    monitor.start()
    wait_delivered(receiver, 1001)
    for part in ("-wal", "-shm", ""):
        os.unlink(os.path.join(monitor.state, "store.db" + part))
    load = case.load(script=STEADILY)
    wait_for("what is new arrives", lambda: receiver.counts()[0] > 1100)
    load.stop()
    wait_for("the gap is told", lambda: gaps(monitor, "damaged"))
    settle(monitor, receiver)
    new = monitor.stored()
    assert {r["metadata"]["id"] for r in new} <= set(receiver.ids)
    assert new[0]["metadata"]["sequence"] > 1000
    return f"sent 1001 and {len(new)} afterwards, delivered {len(receiver.ids)}, {monitor.verify()}"


def test_damaged_at_start(case):
    """Rubbish for a database at the start, a cut or an emptied one: set aside, said, begun anew"""
    said = []
    for name, content in (("rubbish", b"keelwatch" * 1000), ("cut", None), ("empty", b"")):
        receiver = case.receiver()
        monitor = case.monitor({"hook": webhook(receiver)}, name=name)
        path = os.path.join(monitor.state, "store.db")
        fill(monitor.state, 1000)
        if content is None:
            os.truncate(path, os.path.getsize(path) // 2)
        else:
            with open(path, "wb") as f:
                f.write(content)
        monitor.start()
        wait_delivered(receiver, 1)
        monitor.stop()
        assert monitor.verify().startswith("whole: ")
        aside = set_aside(monitor)
        assert len(aside) == 1, f"{name}: {os.listdir(monitor.state)}"
        first = monitor.stored()[0]["metadata"]["sequence"]
        assert first > 1000, f"{name}: the numbers begin anew at {first}"
        said.append(f"{name}: {len(aside)} set aside")
    return ", ".join(said)


def test_second_monitor(case):
    """A second monitor on the same state says who is there and ends with 2; --no-store runs beside"""
    receiver = case.receiver()
    monitor = case.monitor({"hook": webhook(receiver)}).start()
    done = case.run("timeout", "20", KEELWATCH, "run", "--config", monitor.config, check=False)
    assert done.returncode == 2, done
    assert f"pid {monitor.process.pid}" in done.stderr and "--no-store" in done.stderr, done.stderr
    beside = case.monitor({"hook": webhook(receiver)}, name="beside", arguments=["--no-store"])
    beside.start()
    load = case.load(script=STEADILY)
    wait_for("both see it", lambda: findings(monitor) and findings(beside))
    load.stop()
    assert "nothing is shipped" in beside.said(), beside.said()
    assert not os.path.exists(beside.state)
    beside.stop()
    settle(monitor, receiver)
    return f"{account(monitor, receiver)}; beside it {len(findings(beside))} findings unstored"


def test_inherited_lock(case):
    """A lock that a killed monitor's child still has for a moment is waited for; a living one's is not"""
    dead = subprocess.Popen(["true"])
    dead.wait()
    monitor = case.monitor({})
    os.mkdir(monitor.state, 0o750)
    path = os.path.join(monitor.state, "lock")
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(f"{dead.pid}\n")
        lock.flush()
        threading.Timer(0.4, fcntl.flock, (lock, fcntl.LOCK_UN)).start()
        began = time.monotonic()
        monitor.start()
        waited = time.monotonic() - began
    monitor.stop()
    assert waited > 0.35, "it did not ask for the lock"
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        began = time.monotonic()
        done = case.run("timeout", "20", KEELWATCH, "run", "--config", monitor.config, check=False)
        assert done.returncode == 2 and f"pid {os.getpid()}" in done.stderr, done
    return f"waited {waited:.2f} s; a living one's refused after {time.monotonic() - began:.2f} s"


def test_clock_back(case):
    """Times that go back by an hour again and again: order is by number, nothing is dropped, the chain is whole"""
    receiver = case.receiver()
    receiver.keep = True
    monitor = case.monitor({"hook": webhook(receiver)}, "store: {max_age: 3650d}")
    fill(monitor.state, 2000, "--kinds", "--clock-back")
    monitor.start()
    wait_delivered(receiver, 2000)
    monitor.stop()
    records = monitor.stored()
    back = sum(b["time"] < a["time"] for a, b in zip(records, records[1:]))
    assert back >= 19, back
    came = sorted(receiver.records.values(), key=lambda r: receiver.arrived[r["metadata"]["id"]])
    assert [r["metadata"]["sequence"] for r in came] == sorted(r["metadata"]["sequence"] for r in came)
    return f"sent 2000, {account(monitor, receiver)}, counted lost 0; set back {back} times"
