# SPDX-License-Identifier: Apache-2.0
"""
From one monitor to the next, under load: what a container did meanwhile is found, and nothing is told twice.
The programs and the ring are pinned in a bpffs of the test's own.
"""

import os
import random
import re
import signal
import subprocess
import time

from case import bpffs, wait_delivered, webhook
from stage import KEELWATCH, OTHER, fill, numbered, wait_for

ALONE = True
RESTARTS = 20
CONTAINERS = 8
RECORDS_OF_A_TRY = 4  # at least: fork, execution, the refused open, exit
TRIES = 450  # of each: no more findings than are told of one container one by one


def begin_loads(case):
    return [case.load(name=f"keelwatch-load{i}", script=numbered(TRIES, 2, 0.05)) for i in range(CONTAINERS)]


def of_load(records, load):
    return [r for r in records if r.get("container", {}).get("name") == load.name]


def tried_paths(records):
    """The number in each path that was refused."""
    found = []
    for r in records:
        if r["kind"] == "finding" and r["rule"] == "readonly-write-attempt":
            found.append(int(re.search(r" /etc/x(\d+) refused", r["message"]).group(1)))
    return found


def have_found(monitor, loads, number):
    """This try of each, or one after it. Asked seldom: it reads the whole store."""
    time.sleep(1)
    records = monitor.stored()
    return all(any(n >= number for n in tried_paths(of_load(records, load))) for load in loads)


def lost(records):
    return sum(
        int(loss.get(what, 0))
        for r in records
        if r["kind"] == "gap"
        for loss in r.get("loss", [])
        for what in ("lost", "busy", "limited")
    )


def unread(records):
    """What was left in rings of another version, and counted."""
    return sum(int(r["records"]) for r in records if r["kind"] == "gap" and r["reason"] == "upgrade")


def judge(records, loads, found_again=None):
    """
    Each try was found once, each start and end told once. found_again: an operation that may be told of a
    container as well. The numbers.
    """
    ids = [r["metadata"]["id"] for r in records]
    assert len(ids) == len(set(ids)), "an id is there twice"
    gone = lost(records) + unread(records)
    missing = total = 0
    for load in loads:
        mine = of_load(records, load)
        found = tried_paths(mine)
        assert len(found) == len(set(found)), f"told twice: {sorted(n for n in set(found) if found.count(n) > 1)[:5]}"
        total += len(found)
        missing += TRIES - len(found)
        lives = [r["operation"] for r in mine if r["kind"] == "container" and r["operation"] != found_again]
        assert lives == ["start", "end"], f"of its life was told: {lives}"
        wrong = {r["rule"] for r in mine if r["kind"] == "finding"} - {"readonly-write-attempt"}
        assert not wrong, f"it did nothing of the kind: {wrong}"
    assert missing * RECORDS_OF_A_TRY <= gone, f"{missing} of {TRIES * CONTAINERS} not found, {gone} events counted lost"
    return f"tried {TRIES * CONTAINERS}, found {total}, twice 0, counted lost {gone}"


def restart_under_load(case, folder, end, found_again=None, last=TRIES):
    """
    end(monitor, i) ends the monitor for the i-th time, and may say which program is started next. Until the
    try of this number is found. The numbers.
    """
    monitor = case.monitor({}, extra=f"pins: {folder}/keelwatch").start()
    loads = begin_loads(case)
    chance = random.Random(2)
    for i in range(RESTARTS):
        time.sleep(chance.uniform(0.05, 0.5))
        program = end(monitor, i) or KEELWATCH
        time.sleep(chance.uniform(0, 0.3))
        monitor.start(program)
    wait_for("the load has done all", lambda: have_found(monitor, loads, last), 100)
    for load in loads:
        load.stop()
    time.sleep(0.5)
    monitor.stop()
    assert not os.path.exists(f"{folder}/keelwatch"), "something stays pinned"
    assert monitor.verify().startswith("whole: ")
    return f"restarts {RESTARTS}, " + judge(monitor.stored(), loads, found_again)


def test_kills(case):
    """kill -9 of the monitor, 20 times under load: what was done meanwhile is found, once"""
    with bpffs(case) as folder:
        return restart_under_load(case, folder, lambda monitor, i: monitor.kill())


def test_ends(case):
    """SIGTERM of the monitor as its service is restarted, 20 times under load: nothing is missing, nothing is told twice"""

    def end(monitor, i):
        monitor.process.send_signal(signal.SIGTERM)
        assert monitor.process.wait(30) == 0, monitor.said()

    with bpffs(case) as folder:
        return restart_under_load(case, folder, end)


def test_upgrades(case):
    """20 upgrades to a version with another form of records, under load: found, or counted in a gap record; nothing is told twice"""

    def end(monitor, i):
        monitor.process.send_signal(signal.SIGTERM)
        assert monitor.process.wait(30) == 0, monitor.said()
        return OTHER if i % 2 == 0 else KEELWATCH

    with bpffs(case) as folder:
        return restart_under_load(case, folder, end, found_again="found", last=TRIES - 100)


def test_unpin(case):
    """What a monitor that was killed has left is taken away by `keelwatch unpin`, which refuses beside one that runs"""
    with bpffs(case) as folder:
        monitor = case.monitor({}, extra=f"pins: {folder}/keelwatch").start()
        beside = case.run(KEELWATCH, "unpin", "--config", monitor.config, check=False)
        assert beside.returncode == 2 and "a monitor runs" in beside.stderr, beside
        monitor.kill()
        assert os.listdir(f"{folder}/keelwatch"), "nothing is pinned"
        first = case.run(KEELWATCH, "unpin", "--config", monitor.config)
        assert first.stdout == f"{folder}/keelwatch: removed\n", first
        assert not os.path.exists(f"{folder}/keelwatch")
        second = case.run(KEELWATCH, "unpin", "--pins", f"{folder}/keelwatch")
        assert "nothing is there" in second.stdout, second
        os.mkdir(f"{folder}/keelwatch", mode=0o777)
        os.chmod(f"{folder}/keelwatch", 0o777)
        foreign = case.run(KEELWATCH, "unpin", "--pins", f"{folder}/keelwatch", check=False)
        assert foreign.returncode == 2 and "root's alone" in foreign.stderr, foreign
        monitor.start()
        assert "others than root may use it" in monitor.said()
        monitor.stop()
    return "removed, refused, nothing there"


def test_unpinned(case):
    """Pins that somebody removes are put back, and that is a finding; so the next monitor goes on all the same"""
    with bpffs(case) as folder:
        monitor = case.monitor({}, extra=f"pins: {folder}/keelwatch").start()
        pins = [os.path.join(at, name) for at, _, names in os.walk(f"{folder}/keelwatch") for name in names]
        wanted = [next(p for p in pins if p.endswith(end)) for end in ("/shared_ring", "/tp__exec")]
        for path in wanted:
            os.unlink(path)
            said = f"a pin of the monitor was removed, and is put back: {os.path.basename(path)}"
            wait_for("a finding says so", lambda said=said: any(f["message"] == said for f in monitor.found()))
            assert os.path.exists(path), "it is not back"
        monitor.kill()
        monitor.start()
        wait_for("it goes on", lambda: "since the monitor before stopped has been read" in monitor.said())
        monitor.stop()
    return f"of {len(pins)} pins {len(wanted)} removed and put back"


def test_hand_over(case):
    """A monitor that stands by takes over under load when the one before is told to end; the last one leaves nothing"""
    with bpffs(case) as folder:
        extra = f"pins: {folder}/keelwatch"
        first = case.monitor({}, extra=extra, arguments=["--hand-over", "--forget"]).start()
        loads = begin_loads(case)
        old = first.process
        for _ in range(3):
            at = os.path.getsize(first.stderr)
            with open(first.stderr, "a") as said:
                new = subprocess.Popen(
                    [KEELWATCH, "run", "--json", "--config", first.config, "--hand-over", "--forget"],
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said)
            wait_for("it stands by", lambda at=at: "standing by" in first.said(at))
            time.sleep(0.3)
            old.send_signal(signal.SIGTERM)
            assert old.wait(30) == 0, first.said()
            wait_for("it watches", lambda at=at: "keelwatch: watching" in first.said(at))
            old = first.process = new
        wait_for("the load has done all", lambda: have_found(first, loads, TRIES), 100)
        for load in loads:
            load.stop()
        time.sleep(0.5)
        records = first.stored()
        old.send_signal(signal.SIGTERM)
        assert old.wait(40) == 0, first.said()
        numbers = judge(records, loads)
        assert not os.path.exists(f"{folder}/keelwatch"), "something stays pinned"
        assert not os.path.exists(first.state), os.listdir(first.state)
    return f"handed over 3 times, {numbers}; nothing is left"


def test_forget(case):
    """--forget removes a store whose last record has arrived, and no other"""
    receiver = case.receiver()
    monitor = case.monitor({"hook": webhook(receiver)}, arguments=["--hand-over", "--forget"])
    receiver.stop()
    fill(monitor.state, 100)
    monitor.start()
    monitor.stop()
    assert f"{monitor.state} stays: not all of it has arrived" in monitor.said(), monitor.said()
    kept = len(monitor.stored())
    receiver.start()
    monitor.start()
    wait_delivered(receiver, kept)
    monitor.stop()
    assert not os.path.exists(monitor.state), os.listdir(monitor.state)
    return f"kept with {kept} records, removed once they had arrived"
