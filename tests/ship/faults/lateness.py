# SPDX-License-Identifier: Apache-2.0
"""What stands still holds up nothing else: times are looked at, so these run with nothing beside them."""

import contextlib
import fcntl
import json
import os
import re
import signal
import subprocess
import threading
import time

from case import account, settle, wait_delivered, wait_settled, webhook
from stage import KEELWATCH, Lateness, Receiver, SlowDisk, numbered, seconds_of, wait_for

ALONE = True
# More lines than wait for their reader, below what is told of a container one by one.
UNREAD_CONTAINERS = 12
UNREAD_TRIES = 450


def test_stalled(case):
    """A disk that stands still for five seconds delays no finding on standard output, and loses nothing"""
    receiver = case.receiver()
    monitor = case.monitor({"hook": webhook(receiver)})
    disk = SlowDisk(case.work, monitor.state)
    case.ends.callback(disk.remove)
    late = Lateness(monitor)
    monitor.start()
    case.ends.callback(monitor.end)
    case.ends.callback(disk.thaw)
    load = case.loads()
    wait_delivered(receiver, 500)
    begin = time.time()
    time.sleep(2)
    frozen = time.time()
    disk.freeze()
    time.sleep(5)
    during = receiver.counts()[0]
    thawed = time.time()
    disk.thaw()
    wait_for("what waited arrives", lambda: receiver.counts()[0] > during + 500)
    load.stop()
    settle(monitor, receiver)
    before, stalled = late.between(begin, frozen), late.between(frozen, thawed)
    assert len(stalled) > 500, f"{len(stalled)} findings while the disk stood still"
    assert stalled[-1] < 3, f"{stalled[-1]:.3f} s late, before {before[-1]:.3f} s"
    assert ", 0 not (counted)" in monitor.said(), monitor.said()
    return (
        f"sent {len(late.seen)}, {account(monitor, receiver)}, counted lost 0; late at most {1000 * before[-1]:.0f} ms "
        f"before, {1000 * stalled[-1]:.0f} ms of {len(stalled)} while it stood still"
    )


def test_unread(case):
    """Output and error lines that nobody reads hold up nothing: all is found and stored, what was not printed is counted"""
    monitor = case.monitor({})
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4096)
    said = os.fdopen(read_end, "rb")
    run = subprocess.Popen(
        [KEELWATCH, "run", "--json", "--config", monitor.config], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=write_end
    )
    monitor.process = run
    while b"keelwatch: watching" not in said.readline():
        assert run.poll() is None, "it has ended"
    full = os.open(f"/proc/self/fd/{write_end}", os.O_WRONLY | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(full, b"full\n")
    os.close(full)
    os.close(write_end)
    run.send_signal(signal.SIGHUP)
    wait_for("it has had no reader", lambda: any(r["kind"] == "monitor" and r["operation"] == "reload" for r in monitor.stored()))
    # What watches system calls comes with the first container.
    case.load(name="keelwatch-idle", script="sleep 1000")
    wait_for("it is seen", lambda: monitor.stored("--kind", "container"))
    loads = [case.load(name=f"keelwatch-load{i}", script=numbered(UNREAD_TRIES, 10, 0.1)) for i in range(UNREAD_CONTAINERS)]
    tried = UNREAD_CONTAINERS * UNREAD_TRIES
    wait_for("all is found", lambda: len(monitor.stored("--kind", "finding")) >= tried)
    for load in loads:
        load.stop()
    fcntl.fcntl(said, fcntl.F_SETPIPE_SZ, 65536)
    output = []
    readers = [threading.Thread(target=lambda pipe=pipe: output.append(pipe.read())) for pipe in (run.stdout, said)]
    for reader in readers:
        reader.start()
    run.send_signal(signal.SIGINT)
    assert run.wait(30) == 0
    for reader in readers:
        reader.join()
    printed, log = sorted(output, key=lambda text: not text.startswith(b"{"))
    printed = [json.loads(line) for line in printed.splitlines()]
    stored = {r["metadata"]["id"] for r in monitor.stored("--kind", "finding")}
    not_printed = int(re.search(rb"keelwatch: (\d+) lines were not printed", log).group(1))
    not_said = int(re.search(rb"(\d+) lines before this one had no reader", log).group(1))
    gaps = len(monitor.stored("--kind", "gap"))  # each a line without an id, too
    assert not_printed > 0 and {f["metadata"]["id"] for f in printed if "metadata" in f} <= stored
    assert len(printed) + not_printed == len(stored) + gaps, (len(printed), not_printed, len(stored), gaps)
    return f"tried {tried}, stored {len(stored)}, printed {len(printed)}, not printed and counted {not_printed}; log lines counted {not_said}"


def latencies(monitor, receiver, names):
    """Seconds from a finding's own time to its arrival."""
    return sorted(
        receiver.arrived[r["metadata"]["id"]] - seconds_of(r["time"])
        for r in monitor.stored()
        if r["kind"] == "finding" and r["metadata"]["id"] in names
    )


def arrivals(monitor, receiver, seconds=4):
    """The latencies of what arrives within so long."""
    before = set(receiver.ids)
    time.sleep(seconds)
    return latencies(monitor, receiver, set(receiver.ids) - before)


def test_dead_sink(case):
    """A sink whose receiver never answers slows neither the other one nor the monitor"""
    dead, well = case.receiver(), case.receiver()
    monitor = case.monitor({"dead": webhook(dead), "well": webhook(well)}).start()
    load = case.loads()
    wait_delivered(well, 50)
    before = arrivals(monitor, well)

    def hang(path, records):
        raise Receiver.Hang

    dead.behave = hang
    # What is with the dead one is far more than one batch.
    wait_for("the dead one is missed", lambda: "sink dead: " in monitor.said())
    found = len(monitor.found())
    after = arrivals(monitor, well)
    assert len(monitor.found()) - found > 100, "the monitor stands still"
    assert len(before) > 100 and len(after) > 100, (len(before), len(after))
    middle = before[len(before) // 2], after[len(after) // 2]
    worst = before[int(len(before) * 0.95)], after[int(len(after) * 0.95)]
    assert middle[1] < 3 * middle[0] + 0.5, f"median {middle[0]:.3f} s, beside a dead one {middle[1]:.3f} s"
    load.stop()
    wait_settled(monitor, well)
    began = time.monotonic()
    monitor.stop()
    took = time.monotonic() - began
    assert took < 8, f"the end took {took:.1f} s"
    delivered = len(well.ids)
    assert {r["metadata"]["id"] for r in monitor.stored()} == set(well.ids)
    return (
        f"well: delivered {delivered} of {delivered} stored; latency median {1000 * middle[0]:.0f} ms, beside a dead sink "
        f"{1000 * middle[1]:.0f} ms; 95 of 100 within {1000 * worst[0]:.0f} and {1000 * worst[1]:.0f} ms; ended in {took:.1f} s"
    )
