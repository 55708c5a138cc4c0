# SPDX-License-Identifier: Apache-2.0
"""Cuts a recording down to containers and their runtime: what else the machine ran is nobody's business.

cut.py IN OUT. Keeps the facts of the start that every replay needs, and hides where cgroups and
mounts of other programs lie.
"""
import re
import struct
import sys

HEAD = 128  # struct ev_head
EXEC, MKDIR, ATTACH, START, FACT = 1, 4, 6, 64, 65
TRACKED = 4


def read(data):
    """[[type, tgid, cgroup, flags, bytes, [[name, kind, size, bytes, content]...]]...]"""
    records, at = [], 16
    while at < len(data):
        length, kind, flags, _, cgroup, _, tgid, _ = struct.unpack_from("<IHHQQQII", data, at)
        record, at = data[at:at + length], at + length
        if kind != FACT:
            records.append([kind, tgid, cgroup, flags, record, []])
            continue
        _, size, what, _, off, name_len = struct.unpack_from("<iIIIHH", record, HEAD)
        name = record[off:off + name_len].decode(errors="replace")
        padded = (size + 7) // 8 * 8
        records[-1][5].append([name, what, size, record, data[at:at + padded]])
        at += padded
    return records


def refill(fact, content):
    record = bytearray(fact[3])
    struct.pack_into("<I", record, HEAD + 4, len(content))
    fact[2:] = [len(content), bytes(record), content + bytes(-len(content) % 8)]


def clean_mounts(fact):
    lines = fact[4][:fact[2]].split(b"\n")
    refill(fact, b"\n".join(l for l in lines if b"overlay" not in l and b" /tmp/" not in l))


def clean_start(record):
    host = struct.unpack_from("<I", record[4], HEAD + 8 + 32 + 8 + 4 + 4)[0]
    kept = []
    for fact in record[5]:
        if fact[0] == "/proc":
            refill(fact, b"%d\0" % host)
        elif fact[0] not in (f"/proc/{host}/mountinfo", f"/proc/{host}/status"):
            continue
        kept.append(fact)
    record[5] = kept


def main(source, target):
    data = open(source, "rb").read()
    records = read(data)
    runtimes = {r[1] for r in records if r[0] == EXEC and b"runc\0" in r[4]}
    ours = {struct.unpack_from("<Q", r[4], HEAD)[0] for r in records
            if r[0] == MKDIR and r[1] in runtimes}
    out = bytearray(data[:16])
    for record in records:
        kind, tgid, cgroup, flags, body, facts = record
        if kind == START:
            clean_start(record)
        elif MKDIR <= kind <= ATTACH:
            if struct.unpack_from("<Q", body, HEAD)[0] not in ours:
                continue
        elif not (kind > FACT or tgid in runtimes or flags & TRACKED and cgroup in ours or cgroup in ours):
            continue
        out += body
        for fact in record[5]:
            if fact[0].endswith("/mountinfo") and fact[1] == 1:
                clean_mounts(fact)
            out += fact[3] + fact[4]
    # The cgroup this was run in, by a name of the same length.
    for name in set(re.findall(rb"/sys/fs/cgroup/memory(/[^\0 ]+)/ro[\0/ ]", bytes(out))):
        out = out.replace(name, (b"/session" + b"0" * len(name))[:len(name)])
    open(target, "wb").write(out)


main(*sys.argv[1:])
