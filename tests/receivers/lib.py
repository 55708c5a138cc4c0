# SPDX-License-Identifier: Apache-2.0
"""What the tests with real receivers share: a process of one, a monitor with a filled store, the numbers."""

import collections
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "../..")
sys.path.insert(0, os.path.join(ROOT, "tests/ship"))

import case  # noqa: E402
from case import Skipped  # noqa: E402
from stage import KEELWATCH, Monitor, fill, wait_for  # noqa: E402

START_SECONDS = 90  # for a receiver in Java, on a machine that does other things too
# Short waits between attempts, and each may take the time that it may by default.
QUICK = {"retry": case.QUICK["retry"]}


def made(part):
    """The folder scripts/receivers has made."""
    done = subprocess.run([os.path.join(ROOT, "scripts/receivers"), part], capture_output=True, text=True)
    if done.returncode:
        raise Skipped((done.stderr.strip() or "scripts/receivers failed").splitlines()[-1])
    return done.stdout.strip()


class Process:
    """A receiver: its command is run until it says that it is ready, and again after it was killed."""

    def __init__(self, work, command, ready, **kwargs):
        self.command = command
        self.ready = ready
        self.log = os.path.join(work, "receiver.log")
        self.kwargs = kwargs
        self.process = None

    def start(self):
        with open(self.log, "a") as log:
            at = log.tell()
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, **self.kwargs
            )
        wait_for(
            f"{self.ready} in {self.log}",
            lambda: self.ready in self.said(at) or self.process.poll() is not None,
            START_SECONDS,
        )
        assert self.process.poll() is None, self.said(at)[-2000:]

    def said(self, at=0):
        with open(self.log, errors="replace") as f:
            f.seek(at)
            return f.read()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.kill()


class Store:
    """A monitor's state filled with so many findings before it begins; they are what is counted."""

    def __init__(self, work, sinks, count, *options, extra=""):
        os.makedirs(work, exist_ok=True)
        self.monitor = Monitor(work, sinks, extra)
        fill(self.monitor.state, count, *options)
        self.records = {r["metadata"]["id"]: r for r in self.monitor.stored()}
        assert len(self.records) == count

    def __enter__(self):
        self.monitor.start()
        return self

    def __exit__(self, kind, *args):
        if kind is None:
            self.monitor.stop()
        else:
            self.monitor.end()
            print("".join(self.monitor.said().splitlines(True)[-15:]))

    def dead_letters(self, sink):
        """By the records' ids."""
        return {letter["record"]["metadata"]["id"]: letter for letter in case.dead_letters(self.monitor, sink)}

    def account(self, ids, refused=(), again=0):
        """ids: a count of each id that the receiver has. The numbers; an assertion where they do not add up."""
        missing = self.records.keys() - ids.keys() - set(refused)
        assert not missing, f"{len(missing)} of {len(self.records)} never came: {sorted(missing)[:3]}"
        stored = {r["metadata"]["id"] for r in self.monitor.stored()}
        assert not ids.keys() - stored, f"came and is not stored: {sorted(ids.keys() - stored)[:3]}"
        twice = sum(1 for n in ids.values() if n > 1)
        assert twice <= again, f"{twice} came more than once; at most {again} may"
        sent = sum(ids.values())
        return (
            f"stored {len(self.records)}, delivered {len(self.records.keys() & ids.keys())}, "
            f"duplicated {twice}, dead letters {len(refused)}, counted lost 0 (the receiver took {sent})"
        )


def sink_test(work, settings, seconds=30):
    """`keelwatch sink test` of one sink: (exit code, what it said)."""
    monitor = Monitor(work, {"siem": settings})
    done = subprocess.run(
        [KEELWATCH, "sink", "test", "siem", "--config", monitor.config],
        capture_output=True,
        text=True,
        timeout=seconds + 30,
    )
    return done.returncode, (done.stdout + done.stderr).strip()


class Part:
    """The tests of one receiver, in the order they stand in; each says its sentence and its numbers."""

    def __init__(self, name):
        self.name = name
        self.counts = collections.Counter()
        self.work = tempfile.mkdtemp(prefix=f"keelwatch-{name}-")
        os.chmod(self.work, 0o711)  # the shipper's user passes through to what is its own
        self.folders = 0

    def folder(self):
        self.folders += 1
        path = os.path.join(self.work, str(self.folders))
        os.makedirs(path)
        return path

    def test(self, sentence, function, *args):
        began = time.monotonic()
        try:
            numbers = function(*args)
        except Exception:
            self.counts["failed"] += 1
            print(f"FAIL  {sentence}")
            traceback.print_exc(limit=6, file=sys.stdout)
            return False
        self.counts["passed"] += 1
        print(f"ok    {sentence}")
        print(f"      {numbers or 'as it should'} ({time.monotonic() - began:.1f} s)", flush=True)
        return True

    def close(self):
        """The closing line, and the exit code."""
        if os.environ.get("KEEP"):
            print(f"kept: {self.work}")
        else:
            shutil.rmtree(self.work, ignore_errors=True)
        passed, failed, skipped = (self.counts[k] for k in ("passed", "failed", "skipped"))
        print(f"{self.name}: {passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
        return 1 if failed or not passed + skipped else 0


def main(name, run):
    """run(part) tests one receiver."""
    os.chdir(ROOT)
    if os.geteuid():
        sys.exit(f"{name}: needs root")
    part = Part(name)
    try:
        run(part)
    except Skipped as why:
        part.counts["skipped"] += 1
        print(f"skipped: {why}")
    except Exception:
        part.counts["failed"] += 1
        print("FAIL  the receiver itself")
        traceback.print_exc(limit=6, file=sys.stdout)
    return part.close()
