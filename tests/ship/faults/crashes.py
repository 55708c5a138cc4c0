# SPDX-License-Identifier: Apache-2.0
"""kill -9, a stopped shipper, one that cannot start: what is stored arrives, the numbers go on."""

import os
import random
import shutil
import signal
import time

from case import account, settle, wait_delivered, webhook
from stage import KEELWATCH, STEADILY, fill, memory_kb, wait_for

KILLS = 50


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def kill_shipper(monitor):
    pid = wait_for("a shipper runs", monitor.shipper)
    os.kill(pid, signal.SIGKILL)
    return pid


def test_kills(case):
    """kill -9 of monitor and shipper, 50 times, under load: all that is stored arrives, no number is missing"""
    receiver = case.receiver()
    monitor = case.monitor({"hook": webhook(receiver, batch="{records: 100}")}).start()
    load = case.load(script=STEADILY)
    chance = random.Random(1)
    shippers = set()
    for i in range(KILLS):
        time.sleep(chance.uniform(0.05, 0.4))
        if i % 2:
            shippers.add(kill_shipper(monitor))
        else:
            shippers.add(monitor.shipper())
            monitor.kill()
            monitor.start()
    load.stop()
    settle(monitor, receiver)
    left = [pid for pid in shippers if pid and is_running(pid)]
    assert not left, f"shippers that outlived their monitor: {left}"
    records = monitor.stored()
    sequences = [r["metadata"]["sequence"] for r in records]
    assert sequences == list(range(1, len(sequences) + 1)), "a number is missing, or twice"
    starts = sum(r["kind"] == "monitor" and r["operation"] == "start" for r in records)
    assert starts > KILLS // 2 - 5, f"{starts} starts are stored: one is lost when it is killed at once"
    again = KILLS * 100  # at most the batch under way at each
    return f"kills {KILLS}, {account(monitor, receiver, again=again)}, numbers missing 0"


def test_stopped_shipper(case):
    """A shipper that is stopped (SIGSTOP) holds up neither the monitor nor its end; all arrives at the next start"""
    receiver = case.receiver()
    monitor = case.monitor({"hook": webhook(receiver)}).start()
    wait_delivered(receiver, 1)
    os.kill(monitor.shipper(), signal.SIGSTOP)
    load = case.load(script=STEADILY)
    wait_for("findings go on", lambda: len(monitor.found()) > 200)
    before = memory_kb(monitor.process.pid)
    load.stop()
    began = time.monotonic()
    monitor.stop()
    took = time.monotonic() - began
    assert took < 12, f"the end took {took:.1f} s"
    delivered = receiver.counts()[0]
    monitor.start()
    settle(monitor, receiver)
    return f"{account(monitor, receiver, again=500)}, while stopped {delivered}; ended in {took:.1f} s, {before >> 10} MiB"


def test_no_program(case):
    """A shipper that is not there is said, and begun as soon as it is; findings are kept meanwhile"""
    receiver = case.receiver()
    monitor = case.monitor({"hook": webhook(receiver)})
    own = os.path.join(case.folder("bin"), "keelwatch")
    shutil.copy(KEELWATCH, own)
    fill(monitor.state, 500)
    monitor.start(own)
    wait_for("it is said", lambda: "the shipper cannot be started" in monitor.said())
    assert not receiver.requests
    os.chmod(os.path.dirname(own), 0o755)
    shutil.copy(KEELWATCH + "-shipper", own + "-shipper")
    wait_delivered(receiver, 500)
    settle(monitor, receiver)
    return f"sent 500, {account(monitor, receiver)}"


def test_no_user(case):
    """shipper.user that does not exist: nothing is sent as somebody else, it is said, and mended by SIGHUP"""
    receiver = case.receiver()
    sinks = {"hook": webhook(receiver)}
    monitor = case.monitor(sinks, "shipper: {user: nobody-of-this-name}")
    fill(monitor.state, 500)
    code, said = case.sink_test(monitor)
    assert code == 1 and "nobody-of-this-name" in said, said
    monitor.start()
    wait_for("it is said", lambda: "shipper.user: nobody-of-this-name" in monitor.said())
    assert not receiver.requests
    monitor.reload(sinks, "shipper: {user: nobody}")
    wait_delivered(receiver, 500)
    settle(monitor, receiver)
    return f"sent 500, {account(monitor, receiver)}"


def test_restart_pause(case):
    """A shipper that dies at once again and again is begun ever more seldom"""
    receiver = case.receiver()
    monitor = case.monitor({"hook": webhook(receiver)}).start()
    for _ in range(4):
        kill_shipper(monitor)
        wait_for("it is gone", lambda: not monitor.shipper())
    said = [line for line in monitor.said().splitlines() if "starting it again in" in line]
    pauses = [float(line.split("again in ")[1].split()[0]) for line in said]
    assert len(pauses) >= 4 and pauses[:4] == sorted(pauses[:4]) and pauses[3] >= 4 * pauses[0], said
    assert all("killed by signal 9" in line for line in said), said
    monitor.stop()
    assert "started again" in monitor.said()
    return f"pauses {pauses[:4]} s"
