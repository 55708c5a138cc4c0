# SPDX-License-Identifier: Apache-2.0
"""What the shipper can still do once it speaks to the network: next to nothing."""

import os
import re
import signal
import socket
import subprocess

from case import account, settle, wait_delivered, webhook
from stage import assert_no_capabilities, fill, free_port, status, wait_for

CONFINED = os.environ.get("CONFINED", "build/ship/confined")
NOBODY = 65534
# What its descriptors may be; files by the case's own folder.
DESCRIPTORS = r"/dev/null|socket:\[\d+\]|pipe:\[\d+\]|anon_inode:\[(eventfd|eventpoll|signalfd|timerfd)\]|{work}/a/said|{work}/a/state/dead-letter"


def filled(case):
    """A monitor with a thousand findings to ship, not yet started, and the receiver that is to have them."""
    receiver = case.receiver()
    monitor = case.monitor({"hook": webhook(receiver)})
    fill(monitor.state, 1000)
    return monitor, receiver


def shipping(case):
    """The same at work, when all of them have arrived."""
    monitor, receiver = filled(case)
    monitor.start()
    wait_delivered(receiver, 1000)
    return monitor, receiver


def judge(where, port, *groups):
    """Each thing tried in the sandbox, `where` and `port` as confined.c has them; a group: things, what they may say."""

    def attempt(thing):
        done = subprocess.run([CONFINED, where, port, *thing], capture_output=True, text=True)
        assert done.returncode <= 0, (thing, done)
        return done.stdout.strip() if not done.returncode else signal.Signals(-done.returncode).name

    for things, wanted in groups:
        wrong = [(thing, said) for thing in things if (said := attempt(thing)) not in wanted]
        assert not wrong, f"wanted {wanted}: {wrong}"


def test_rights(case):
    """The shipper at work: no capability, not root, no new rights, seccomp, no descriptor but its own, no dump"""
    monitor, receiver = shipping(case)
    pid = monitor.shipper()
    now = status(pid)
    assert_no_capabilities(now)
    assert all(int(number) for name in ("Uid", "Gid") for number in now[name].split()), (now["Uid"], now["Gid"])
    assert not now["Groups"].strip(), now["Groups"]
    assert (now["NoNewPrivs"], now["Seccomp"]) == ("1", "2"), now
    # Each thread: a filter or a ruleset that only the first has would be none.
    for thread in os.listdir(f"/proc/{pid}/task"):
        own = status(f"{pid}/task/{thread}")
        assert (own["Seccomp"], own["NoNewPrivs"], int(own["CapEff"], 16)) == ("2", "1", 0), own["Name"]
    links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    allowed = DESCRIPTORS.format(work=re.escape(os.path.realpath(case.work)))
    strange = [link for link in links if not re.fullmatch(allowed, link)]
    assert not strange, strange
    # Not dumpable: what belongs to root in /proc is not for its own user's other processes.
    assert os.stat(f"/proc/{pid}/environ").st_uid == 0
    with open(f"/proc/{pid}/limits") as f:
        assert re.search(r"Max core file size +0 +0", f.read())
    assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"
    monitor.stop()
    return f"{account(monitor, receiver)}; uid {now['Uid'].split()[0]}, {len(links)} descriptors, {now['Threads']} threads"


# Of capabilities(7): CHOWN, DAC_READ_SEARCH, KILL, SETGID, SETUID, SETPCAP, SYS_PTRACE, PERFMON, BPF.
MONITOR_KEEPS = sum(1 << number for number in (0, 2, 5, 6, 7, 8, 19, 38, 39))


def test_monitor_rights(case):
    """The monitor at work: nine capabilities in all its threads, no new rights, seccomp, no dump; and each thing tried"""
    monitor, receiver = shipping(case)
    pid = monitor.process.pid
    threads = os.listdir(f"/proc/{pid}/task")
    for thread in threads:
        own = status(f"{pid}/task/{thread}")
        kept = {int(own[name], 16) for name in ("CapPrm", "CapEff", "CapBnd")}
        assert kept == {MONITOR_KEEPS}, (own["Name"], [f"{bits:x}" for bits in kept])
        assert (own["CapInh"], own["CapAmb"]) == ("0" * 16, "0" * 16), own["Name"]
        assert (own["Seccomp"], own["NoNewPrivs"]) == ("2", "1"), own["Name"]
    with open(f"/proc/{pid}/limits") as f:
        assert re.search(r"Max core file size +0 +0", f.read())
    monitor.stop()
    refused = [("packet", ""), ("setns", f"/proc/{os.getpid()}/ns/net")]
    deadly = [("ptrace", str(os.getpid())), ("mount", case.folder("mount")), ("unshare", ""), ("set-clock", ""), ("module", "")]
    fine = [("read", "/etc/shadow"), ("fork", "")]
    judge("monitor", "0", (refused, {"EPERM"}), (deadly, {"SIGSYS"}), (fine, {"ok"}))
    return f"{account(monitor, receiver)}; {len(threads)} threads, {len(refused)} things refused, {len(deadly)} deadly"


def test_monitor_has_no_network(case):
    """The monitor has no socket of the network open while its shipper ships"""
    monitor, receiver = shipping(case)
    pid = monitor.process.pid
    own = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    inodes = set()
    for table in ("tcp", "tcp6", "udp", "udp6", "raw", "packet"):
        with open(f"/proc/net/{table}") as f:
            inodes |= {f"socket:[{word}]" for line in f.read().splitlines()[1:] for word in line.split()}
    assert not own & inodes, own & inodes
    monitor.stop()
    return f"{account(monitor, receiver)}; {len(own)} descriptors"


def test_sandbox(case):
    """The sandbox itself, tried thing by thing: files, ports, processes, system calls"""
    folder = case.folder("writable")
    os.chmod(folder, 0o777)
    outside = case.folder("outside")
    os.chmod(outside, 0o777)
    everybodys = os.path.join(outside, "everybodys")
    with open(everybodys, "w") as f:
        f.write("readable by all, and outside")
    os.chmod(everybodys, 0o666)
    inside = os.path.join(folder, "inside")
    with open(inside, "w"):
        pass
    os.chmod(inside, 0o666)
    listening = socket.create_server(("127.0.0.1", 0))
    other = socket.create_server(("127.0.0.1", 0))
    port, other_port = listening.getsockname()[1], other.getsockname()[1]
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind(f"\0keelwatch-test-{os.getpid()}")
    abstract.listen()
    neighbour = subprocess.Popen(["sleep", "100"], user=NOBODY, group=NOBODY)
    case.ends.callback(neighbour.wait)
    case.ends.callback(neighbour.kill)
    abi = landlock_abi()
    fine = [("read", "/etc/hosts"), ("write", inside), ("write", folder + "/new"), ("connect", str(port))]
    refused = [
        ("read", "/etc/shadow"), ("read", "/proc/1/environ"), ("read", f"/proc/{neighbour.pid}/environ"),
        ("chmod", inside), ("symlink", folder + "/link"), ("mkdir", folder + "/made"), ("listen", ""), ("packet", ""),
        ("kill", str(neighbour.pid)), ("fork", ""), ("setuid", ""), ("type", ""),
    ]  # fmt: skip
    if abi >= 1:
        refused += [("read", everybodys), ("write", everybodys), ("write", outside + "/new"), ("list", outside)]
        refused += [("unlink", everybodys), ("write", "/tmp/keelwatch-must-not-be"), ("read", "/proc/self/status")]
    if abi >= 4:
        refused += [("connect", str(other_port)), ("bind", str(free_port()))]
    if abi >= 6:
        refused += [("tgkill", str(neighbour.pid)), ("abstract", abstract.getsockname()[1:].decode())]
    deadly = [("exec", "/bin/true"), ("ptrace", str(neighbour.pid)), ("mount", folder), ("unshare", ""), ("bpf", "")]
    judge(folder, str(port), (fine, {"ok"}), (refused, {"EPERM", "EACCES"}), (deadly, {"SIGSYS"}))
    assert not os.path.exists("/tmp/keelwatch-must-not-be")
    return f"Landlock ABI {abi}: {len(fine)} things allowed, {len(refused)} refused, {len(deadly)} deadly"


def landlock_abi():
    """0 where the kernel has none."""
    import ctypes

    number = 444  # landlock_create_ruleset, on every architecture
    return max(0, ctypes.CDLL(None).syscall(number, None, 0, 1))


def test_feed_is_not_believed(case):
    """A shipper that is replaced by one that lies is ended, and moves no cursor beyond what it was given"""
    monitor, receiver = filled(case)
    own = os.path.join(case.folder("bin"), "keelwatch")
    os.chmod(os.path.dirname(own), 0o755)
    case.run("cp", os.environ.get("KEELWATCH", "build/keelwatch"), own)
    with open(own + "-shipper", "w") as f:
        f.write(LIAR)
    os.chmod(own + "-shipper", 0o755)
    monitor.start(own)
    wait_for("it is found out", lambda: monitor.said().count("the shipper says what it may not") >= 4)
    monitor.stop()
    assert not receiver.requests
    monitor.start()
    wait_delivered(receiver, 1000)
    settle(monitor, receiver)
    return account(monitor, receiver)


# Says in turn, by its start's number: all is done that was never given, a message that there is not, a
# status of the wrong length, a word of the monitor's.
LIAR = """#!/usr/bin/python3
import os, socket, struct, sys, time
fd = int(sys.argv[-1].split("=")[1])
feed = socket.socket(fileno=fd)
lies = [struct.pack("<IIQ", 4, 0, 1000), struct.pack("<IIQ", 99, 0, 0), struct.pack("<IIQ", 5, 8, 0) + b"x" * 8,
        struct.pack("<IIQ", 2, 4, 1) + b"abcd"]
feed.send(lies[int(time.monotonic() * 4) % 4])
time.sleep(10)
"""
