# SPDX-License-Identifier: Apache-2.0
"""One fault test: what it has started, what it counts, and that nothing of it is left behind."""

import contextlib
import json
import os
import re
import subprocess

from stage import KEELWATCH, Load, Loads, Monitor, Receiver, wait_for

# Short waits: what is tested is that it is tried again, not for how long it waits by default.
QUICK = {"retry": "{min: 50ms, max: 300ms}", "timeout": "5s"}


class Skipped(Exception):
    """This machine has not what the test needs: says what."""


class Case:
    """What a test is given. All that it starts by this ends with it."""

    def __init__(self, work):
        self.work = work
        self.ends = contextlib.ExitStack()

    def folder(self, name):
        path = os.path.join(self.work, name)
        os.makedirs(path, exist_ok=True)
        return path

    def monitor(self, sinks, *args, name="a", **kwargs):
        """Not yet started: its state can be filled before."""
        monitor = Monitor(self.folder(name), sinks, *args, **kwargs)
        self.ends.callback(monitor.end)
        return monitor

    def receiver(self, **kwargs):
        receiver = Receiver(**kwargs)
        self.ends.callback(receiver.stop)
        return receiver

    def load(self, *args, **kwargs):
        load = Load(self.work, *args, **kwargs)
        self.ends.callback(load.stop)
        return load

    def loads(self):
        loads = Loads(self.work)
        self.ends.callback(loads.stop)
        return loads

    def run(self, *command, check=True):
        return subprocess.run(command, capture_output=True, text=True, check=check)

    def sink_test(self, monitor, name="hook"):
        """Its exit code, and all it said."""
        done = self.run(KEELWATCH, "sink", "test", name, "--config", monitor.config, check=False)
        return done.returncode, done.stdout + done.stderr


@contextlib.contextmanager
def bpffs(case):
    folder = case.folder("bpf")
    subprocess.run(["mount", "-t", "bpf", "-o", "mode=700", "bpf", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def webhook(receiver, **settings):
    return {"type": "webhook", "url": receiver.url(), **QUICK, **settings}


def dead_letters(monitor, sink="hook", suffix=""):
    path = os.path.join(monitor.state, "dead-letter", f"{sink}.jsonl{suffix}")
    if not os.path.exists(path):
        return []
    with open(path) as f:
        return [json.loads(line) for line in f]


def wait_delivered(receiver, count, seconds=60):
    """Until so many different records are there."""
    wait_for(f"{count} records are delivered", lambda: receiver.counts()[0] >= count, seconds)


def wait_settled(monitor, *receivers):
    """Until all that is stored has arrived."""

    def all_there():
        stored = {r["metadata"]["id"] for r in monitor.stored()}
        return all(stored <= set(receiver.ids) for receiver in receivers)

    wait_for("all that is stored arrives", all_there)


def settle(monitor, *receivers):
    """Ends the monitor once all has arrived: at its end it waits two seconds for that, no more."""
    wait_settled(monitor, *receivers)
    monitor.stop()


def to_go(monitor):
    """What the monitor said at its end that a sink has not yet: it waits two seconds for a receiver, no more."""
    said = [int(number) for number in re.findall(r"sink \S+: .* (\d+) to go", monitor.said().rsplit("records stored", 1)[-1])]
    return max(said, default=0)


def account(monitor, receiver, refused=(), unasked=(), again=0):
    """
    After the end: what the store has is what the receiver has, but for what it refused, what it is not
    to get and what the monitor says is still to go, the newest; the chain is whole. again: how many may
    have come twice. The numbers.
    """
    sequences = {r["metadata"]["id"]: r["metadata"]["sequence"] for r in monitor.stored()}
    stored = set(sequences)
    delivered = set(receiver.ids)
    left = to_go(monitor)
    acknowledged = max(sequences.values()) - left
    missing = {n for n in stored - delivered - set(refused) - set(unasked) if sequences[n] <= acknowledged}
    assert not missing, f"{len(missing)} of {len(stored)} stored records never came: {sorted(missing)[:3]}"
    assert not delivered - stored, f"came and is not stored: {sorted(delivered - stored)[:3]}"
    assert not delivered & set(unasked), "came and was not asked for"
    twice = receiver.counts()[1]
    assert twice <= again, f"{twice} came more than once; at most {again} may"
    assert monitor.verify().startswith("whole: ")
    return (
        f"stored {len(stored)}, delivered {len(delivered)}, duplicated {twice}"
        + (f", to go {left}" if left else "")
        + (f", dead letters {len(refused)}" if refused else "")
        + (f", not for this sink {len(unasked)}" if unasked else "")
    )
