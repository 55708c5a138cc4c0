# SPDX-License-Identifier: Apache-2.0
"""What the fault tests stand on: the monitor, a receiver that can misbehave, containers that give work."""

import calendar
import collections
import gzip
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

KEELWATCH = os.environ.get("KEELWATCH", "build/keelwatch")
OTHER = os.environ.get("OTHER", "build/ship/keelwatch")  # with another form of records and maps
FILL = os.environ.get("FILL", "build/ship/fill")
# A container's work: some hundred refused writes a second.
STEADILY = "i=0; while :; do i=$((i+1)); touch /etc/x$i; [ $((i%20)) != 0 ] || sleep 0.03; done 2>/dev/null"
# The same from many containers together, each below what is told of one of them one by one.
SLOWLY = "i=0; while :; do i=$((i+1)); touch /etc/x$i; [ $((i%2)) != 0 ] || sleep 0.08; done 2>/dev/null"
MANY = 16
PATIENCE = 60  # seconds for what must come, on a machine that does other things too


def numbered(tries, every, pause):
    """A container's work: so many refused writes, each to a name of its own, with a pause of seconds after every few."""
    return (
        f"i=0; while [ $i -lt {tries} ]; do i=$((i+1)); touch /etc/x$i; [ $((i%{every})) != 0 ] || sleep {pause}; done"
        " 2>/dev/null; sleep 1000"
    )


def wait_for(what, condition, seconds=PATIENCE):
    """The first true value of condition(); an assertion after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def free_port(kind=socket.SOCK_STREAM):
    """A port of loopback that nobody listens on now."""
    with socket.socket(type=kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def parse_bulk(body):
    """The records of a _bulk request, by the ids they are created with."""
    lines = body.split(b"\n")
    return [
        {**json.loads(text), "_id": json.loads(action)["create"]["_id"]}
        for action, text in zip(lines[0:-1:2], lines[1:-1:2], strict=True)
    ]


class Receiver:
    """
    A webhook's receiver. behave(path, records) answers (status, headers) or (status, headers, body), or
    raises Hang or Cut. parse: the records of a body.
    """

    class Hang(Exception):
        """Take the records and never answer."""

    class Cut(Exception):
        """Take the records, and close in the middle of the answer."""

    def __init__(self, port=0, parse=json.loads, context=None):
        self.ids = collections.Counter()
        self.arrived = {}  # id to the time it came first, of time.time()
        self.records = {}  # id to the record, when keep is set
        self.keep = False
        self.requests = 0
        self.times = []  # of the requests, of time.monotonic()
        self.lock = threading.Lock()
        self.inspect = lambda headers, body: None  # called with each request, its body as it was before compression
        self.behave = lambda path, records: (200, {})
        self.parse = parse
        self.context = context
        self.port = port
        self.server = None
        self.start()

    def url(self, path="/"):
        return f"{'https' if self.context else 'http'}://127.0.0.1:{self.port}{path}"

    def start(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                receiver.post(self)

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def get_request(self):
                connection, address = super().get_request()
                if receiver.context:  # the handshake is the thread's, that asks for it first
                    connection = receiver.context.wrap_socket(
                        connection, server_side=True, do_handshake_on_connect=False
                    )
                return connection, address

            def handle_error(self, request, client_address):
                pass  # a client that goes away in the middle is what these tests are about

        self.server = Server(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def take(self, records):
        now = time.time()
        with self.lock:
            for r in records:
                name = r["metadata"]["id"]
                self.ids[name] += 1
                self.arrived.setdefault(name, now)
                if self.keep:
                    self.records[name] = r

    def post(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        if handler.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.inspect(handler.headers, body)
        records = self.parse(body)
        with self.lock:
            self.requests += 1
            self.times.append(time.monotonic())
        try:
            status, headers, *answer = self.behave(handler.path, records)
        except Receiver.Hang:
            self.take(records)
            time.sleep(PATIENCE)
            return
        except Receiver.Cut:
            self.take(records)
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            handler.wfile.flush()
            handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True
            return
        if status == 200:
            self.take(records)
        answer = answer[0] if answer else b""
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(answer)))
        handler.end_headers()
        handler.wfile.write(answer)

    def counts(self):
        """Different ids, and how many came more than once."""
        with self.lock:
            return len(self.ids), sum(1 for n in self.ids.values() if n > 1)

    def arrived_since(self, since):
        """How many ids came for the first time after that, a time.time()."""
        with self.lock:
            return sum(at > since for at in self.arrived.values())


class RawReceiver:
    """One that answers with bytes: respond(connection, n) is called when the n-th request was read."""

    def __init__(self, respond, read=True):
        self.respond = respond
        self.read = read
        self.requests = 0
        self.lock = threading.Lock()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.port}{path}"

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    @staticmethod
    def read_request(connection):
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(1 << 16)
            if not more:
                return False
            data += more
        head, _, rest = data.partition(b"\r\n\r\n")
        lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        left = int(lengths[0]) - len(rest)
        if b"100-continue" in head.lower():
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while left > 0:
            more = connection.recv(min(left, 1 << 16))
            if not more:
                return False
            left -= len(more)
        return True

    def talk(self, connection):
        with connection:
            try:
                if self.read and not self.read_request(connection):
                    return
                with self.lock:
                    self.requests += 1
                    n = self.requests
                self.respond(connection, n)
            except OSError:
                pass  # hung up on: what most of these answers are for

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Monitor:
    """`keelwatch run` on a state folder of its own."""

    def __init__(self, work, sinks, extra="", arguments=(), prefix=()):
        self.work = work
        self.state = os.path.join(work, "state")
        self.config = os.path.join(work, "keelwatch.yaml")
        self.stderr = os.path.join(work, "said")
        self.stdout = os.path.join(work, "found")
        self.arguments = list(arguments)
        self.prefix = list(prefix)
        self.process = None
        self.on_line = None  # called with each line of standard output, which then is a pipe
        self.write_config(sinks, extra)

    def write_config(self, sinks, extra=""):
        """
        sinks: name to a dict of settings. No heartbeat, which comes when it likes, and nothing is pinned,
        unless extra says so.
        """
        beat = "" if "heartbeat:" in extra else "heartbeat: 0s"
        pins = "" if "pins:" in extra else "pins: none"
        lines = [f"state_dir: {self.state}", beat, pins, extra, "sinks:" if sinks else ""]
        for name, settings in sinks.items():
            lines.append(f"  {name}:")
            for key, value in settings.items():
                lines.append(f"    {key}: {value}")
        with open(self.config, "w") as f:
            f.write("\n".join(line for line in lines if line) + "\n")

    def start(self, program=KEELWATCH):
        with open(self.stderr, "a") as said, open(self.stdout, "a") as found:
            at = said.tell()
            self.process = subprocess.Popen(
                [*self.prefix, program, "run", "--json", "--config", self.config, *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if self.on_line else found,
                stderr=said,
            )
        if self.on_line:
            threading.Thread(target=self.read_lines, args=(self.process.stdout,), daemon=True).start()
        wait_for("the monitor watches", lambda: "keelwatch: watching" in self.said(at) or self.dead())
        assert not self.dead(), self.said(at)
        return self

    def read_lines(self, stdout):
        with stdout:
            for line in stdout:
                self.on_line(line)

    def dead(self):
        return self.process.poll() is not None

    def reload(self, sinks, extra=""):
        """New settings, read while it runs; back when it says so."""
        at = os.path.getsize(self.stderr)
        self.write_config(sinks, extra)
        self.process.send_signal(signal.SIGHUP)
        wait_for("the settings are read anew", lambda: "settings read anew" in self.said(at))

    def found(self):
        """The findings on its standard output so far; the last line may be half written."""
        with open(self.stdout, "rb") as f:
            return [json.loads(line) for line in f.read().split(b"\n")[:-1]]

    def said(self, at=0):
        with open(self.stderr, errors="replace") as f:
            f.seek(at)
            return f.read()

    def shipper(self):
        """The shipper's pid, or None."""
        out = subprocess.run(
            ["pgrep", "-P", str(self.process.pid), "-x", "keelwatch-shipp"], capture_output=True, text=True
        ).stdout.split()
        return int(out[0]) if out else None

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(30) == 0, self.said()

    def end(self):
        """However it is: it runs no longer afterwards."""
        if self.process and not self.dead():
            self.process.send_signal(signal.SIGCONT)
            self.kill()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stored(self, *filters):
        """All records but heartbeats, or those that the filters ask for, as JSON."""
        out = subprocess.run(
            [KEELWATCH, "events", "--state", self.state, "--json", "--limit", "0", *filters],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        return [json.loads(line) for line in out.splitlines()]

    def verify(self):
        """What `keelwatch verify` says; an assertion when the chain is broken."""
        done = subprocess.run([KEELWATCH, "verify", "--state", self.state], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()


def fill(state, count, *options):
    """So many findings into a store that nobody writes."""
    subprocess.run([FILL, state, str(count), *options], check=True, stdout=subprocess.DEVNULL)


def seconds_of(text):
    """RFC 3339 with nanoseconds, as the records have it, to seconds of the epoch."""
    whole, fraction = text.rstrip("Z").split(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float("0." + fraction)


class Lateness:
    """Seconds from a finding's own time, which is the kernel's event's, to its line on standard output."""

    def __init__(self, monitor):
        self.seen = []  # (arrival, seconds)
        monitor.on_line = self.add

    def add(self, line):
        now = time.time()
        record = json.loads(line)
        if record["kind"] == "finding":
            self.seen.append((now, now - seconds_of(record["time"])))

    def between(self, begin, end):
        """Sorted, of what came in that time."""
        return sorted(late for arrival, late in list(self.seen) if begin <= arrival < end)


class SlowDisk:
    """A file system of its own on a loop device, that can be made to stand still as a stalled disk does."""

    def __init__(self, work, folder, megabytes=256):
        self.folder = folder
        self.frozen = False
        image = os.path.join(work, "disk")
        with open(image, "wb") as f:
            f.truncate(megabytes << 20)
        os.makedirs(folder, mode=0o750, exist_ok=True)
        subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True, capture_output=True)
        subprocess.run(["mount", "-o", "loop", image, folder], check=True, capture_output=True)
        os.chmod(folder, 0o750)

    def freeze(self):
        subprocess.run(["fsfreeze", "--freeze", self.folder], check=True)
        self.frozen = True

    def thaw(self):
        if self.frozen:
            subprocess.run(["fsfreeze", "--unfreeze", self.folder], check=True)
        self.frozen = False

    def remove(self):
        self.thaw()
        subprocess.run(["umount", "-l", self.folder], check=True)


def memory_kb(pid, what="VmRSS"):
    """A process's memory: VmRSS now, VmHWM the most it ever had."""
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(what + ":"))


def status(pid):
    """What /proc says of a process, or as PID/task/TID of one of its threads: name to text."""
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def assert_no_capabilities(status):
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == 0, f"{name}: {status[name]}"


class Load:
    """
    A read-only container that is refused a write as often as it can try, or runs another script.
    prepare(bundle): what else is to be in its root file system; change(config): what is to be different
    about its specification.
    """

    SCRIPT = "i=0; while :; do i=$((i+1)); touch /etc/x$i; done 2>/dev/null"

    def __init__(self, work, name="keelwatch-load", script=SCRIPT, prepare=None, annotations=None, change=None):
        self.name = f"{name}-{os.getpid()}"
        self.bundle = os.path.join(work, name)
        rootfs = os.path.join(self.bundle, "rootfs")
        for folder in ("bin", "etc", "proc", "dev"):
            os.makedirs(os.path.join(rootfs, folder), exist_ok=True)
        shutil.copy(shutil.which("busybox"), os.path.join(rootfs, "bin/busybox"))
        for applet in ("sh", "touch", "sleep"):
            if not os.path.lexists(os.path.join(rootfs, "bin", applet)):
                os.symlink("busybox", os.path.join(rootfs, "bin", applet))
        config = {
            "ociVersion": "1.0.2",
            "root": {"path": "rootfs", "readonly": True},
            "hostname": "load",
            "annotations": annotations or {},
            "process": {
                "user": {"uid": 0, "gid": 0},
                "cwd": "/",
                "env": ["PATH=/bin"],
                "args": ["sh", "-c", script],
                "capabilities": {"bounding": []},
            },
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
            "linux": {"namespaces": [{"type": t} for t in ("pid", "mount", "ipc", "uts", "network")]},
        }
        if change:
            change(config)
        with open(os.path.join(self.bundle, "config.json"), "w") as f:
            json.dump(config, f)
        if prepare:
            prepare(self.bundle)
        self.process = subprocess.Popen(
            ["runc", "run", "--bundle", self.bundle, self.name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for("the container runs", self.runs)
        except BaseException:
            self.stop()
            raise

    def runs(self):
        assert self.process.poll() is None, "the container ended, or never began"
        state = subprocess.run(["runc", "state", self.name], capture_output=True)
        return state.returncode == 0 and json.loads(state.stdout)["status"] == "running"

    def stop(self):
        subprocess.run(["runc", "delete", "--force", self.name], capture_output=True)
        self.process.wait(PATIENCE)


class Loads:
    """Many that work slowly: some hundred refused writes a second, for longer than one alone is heard."""

    def __init__(self, work):
        self.loads = []
        try:
            for i in range(MANY):
                self.loads.append(Load(work, name=f"keelwatch-slow{i}", script=SLOWLY))
        except BaseException:
            self.stop()
            raise

    def stop(self):
        for load in self.loads:
            load.stop()
