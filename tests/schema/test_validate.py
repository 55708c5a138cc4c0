# SPDX-License-Identifier: Apache-2.0
"""The validators themselves: each kind of mistake in a record that is else valid is found, and named."""

import copy
import json

import validate

DROP = object()


def changed(record, path, value):
    """A copy with one place of it changed, or dropped; a path's part may be a list's index."""
    out = copy.deepcopy(record)
    inner = out
    *way, last = path
    for part in way:
        inner = inner[part]
    if value is DROP:
        del inner[last]
    else:
        inner[last] = value
    return out


# Format, which sample, where, what instead, and a word of the problem that must be told.
MISTAKES = [
    ("native", "finding readonly-defeated", ["serverity"], 1, "no such field"),
    ("native", "finding readonly-defeated", ["severity"], "fatal", "not of Severity"),
    ("native", "finding readonly-defeated", ["severity"], 2, "not of Severity"),
    ("native", "finding readonly-defeated", ["time"], 1767355200, "no time"),
    ("native", "finding readonly-defeated", ["count"], DROP, "always written"),
    ("native", "finding readonly-defeated", ["count"], -1, "no uint64"),
    ("native", "finding readonly-defeated", ["process", "args"], "sh", "a list is wanted"),
    ("native", "finding readonly-defeated", ["technique"], "", "empty"),
    ("native", "finding readonly-defeated", ["message"], "two\nlines", "unsafe text"),
    ("native", "finding readonly-defeated", ["metadata", "id"], DROP, "missing"),
    ("native", "gap queue", ["kind"], "hole", "none of the messages"),
    ("native", "container end crashed", ["exit", "signal"], "11", "no int32"),
    ("ecs", "finding readonly-defeated", ["@timestamp"], DROP, "missing"),
    ("ecs", "finding readonly-defeated", ["ecs", "version"], DROP, "missing"),
    ("ecs", "finding readonly-defeated", ["event", "kind"], "finding", "is not one of"),
    ("ecs", "finding readonly-defeated", ["event", "category"], ["container"], "is not one of"),
    ("ecs", "finding readonly-defeated", ["event", "category"], "file", "a list is wanted"),
    ("ecs", "finding readonly-defeated", ["event", "type"], ["connection"], "is expected with none of"),
    ("ecs", "finding readonly-defeated", ["event", "type"], ["change"], "none of"),
    ("ecs", "finding readonly-defeated", ["event", "severity"], "high", "no long"),
    ("ecs", "finding readonly-defeated", ["event", "sequence"], 2**63, "no long"),
    ("ecs", "finding readonly-defeated", ["container", "pid"], 1, "no field of ECS"),
    ("ecs", "finding readonly-defeated", ["posture"], {"x": 1}, "no field of ECS"),
    ("ecs", "finding readonly-defeated", ["container", "security_context", "privileged"], "no", "no boolean"),
    ("ecs", "finding readonly-defeated", ["process", "args"], "sh -c", "a list is wanted"),
    ("ecs", "finding readonly-defeated", ["process", "pid"], True, "no long"),
    ("ecs", "finding readonly-defeated", ["process", "start"], "yesterday", "no date"),
    ("ecs", "finding readonly-defeated", ["process", "thread", "capabilities", "effective"], ["all"], "does not match"),
    ("ecs", "finding readonly-defeated", ["host", "os", "type"], "Linux", "is not one of"),
    ("ecs", "finding readonly-defeated", ["host", "boot"], {}, "empty object"),
    ("ecs", "finding readonly-defeated", ["keelwatch", "count"], 2**64 - 1, "no such long"),
    ("ecs", "finding readonly-defeated", ["keelwatch", "mount"], {}, "keelwatch.mount"),
    ("ecs", "finding readonly-defeated", ["event", "id"], "another", "event.id"),
    ("ecs", "finding readonly-defeated", ["event", "kind"], "event", "event.kind"),
    ("ocsf", "finding readonly-defeated", ["class_uid"], 2001, "none that is emitted"),
    ("ocsf", "finding readonly-defeated", ["type_uid"], 200402, "type_uid"),
    ("ocsf", "finding readonly-defeated", ["class_name"], "Security Finding", "class_name"),
    ("ocsf", "finding readonly-defeated", ["category_uid"], 1, "category_uid"),
    ("ocsf", "finding readonly-defeated", ["activity_id"], 7, "no value of its enum"),
    ("ocsf", "finding readonly-defeated", ["severity_id"], 7, "no value of its enum"),
    ("ocsf", "finding readonly-defeated", ["severity"], "High", "is not the caption"),
    ("ocsf", "finding readonly-defeated", ["severity_id"], DROP, "severity_id: required"),
    ("ocsf", "finding readonly-defeated", ["finding_info"], DROP, "finding_info: required"),
    ("ocsf", "finding readonly-defeated", ["finding_info", "uid"], DROP, "required"),
    ("ocsf", "finding readonly-defeated", ["finding_info", "analytic", "type_id"], DROP, "required"),
    ("ocsf", "finding readonly-defeated", ["metadata", "product"], DROP, "required"),
    ("ocsf", "finding readonly-defeated", ["metadata", "product"], {"version": "1"}, "at_least_one"),
    ("ocsf", "container start", ["metadata", "profiles"], ["container"], "profile host"),
    ("ocsf", "finding readonly-defeated", ["metadata", "profiles"], ["host", "security_control"], "profile container"),
    ("ocsf", "finding readonly-defeated", ["metadata", "profiles"], ["hosts"], "there is no hosts"),
    ("ocsf", "finding readonly-defeated", ["time"], "2026-01-02T12:00:00Z", "no timestamp_t"),
    ("ocsf", "finding readonly-defeated", ["time"], 1767355200, "1767355200123"),
    ("ocsf", "finding readonly-defeated", ["is_alert"], 1, "no boolean"),
    ("ocsf", "finding readonly-defeated", ["rule"], {"uid": "x"}, "no attribute"),
    ("ocsf", "finding readonly-defeated", ["comment"], "x", "deprecated"),
    ("ocsf", "finding readonly-defeated", ["evidences", 0, "process", "tid"], 1, "deprecated"),
    ("ocsf", "finding readonly-defeated", ["evidences", 0, "process", "pid"], "1", "no integer_t"),
    ("ocsf", "finding readonly-defeated", ["evidences", 0, "process", "file", "type_id"], DROP, "required"),
    ("ocsf", "finding readonly-defeated", ["evidences"], [{"name": "x"}], "at_least_one"),
    ("ocsf", "finding readonly-defeated", ["evidences"], {}, "a list is wanted"),
    ("ocsf", "finding readonly-defeated", ["resources"], [], "empty list"),
    ("ocsf", "finding readonly-defeated", ["evidences", 0, "container", "image"], {"name": "x"}, "required"),
    ("ocsf", "finding readonly-defeated", ["evidences", 0, "container", "pod_uuid"], "x", "no uuid_t"),
    ("ocsf", "finding readonly-defeated", ["attacks", 0], {"version": "17"}, "at_least_one"),
    ("ocsf", "finding readonly-defeated", ["device", "type_id"], DROP, "required"),
    ("ocsf", "finding readonly-defeated", ["device", "os", "type_id"], 7, "no value of its enum"),
    ("ocsf", "container start", ["app"], DROP, "app: required"),
    ("ocsf", "container start", ["app"], "cart", "no product"),
    ("ocsf", "container found", ["activity_name"], DROP, "does not say what"),
    ("ocsf", "gap queue", ["log_name"], DROP, None),
    ("ocsf", "gap queue", ["status_id"], 3, "no value of its enum"),
]

# Of CEF: what is replaced in a line, by what, and the word.
CEF_MISTAKES = [
    ("CEF:0|", "CEF:1|", "version"),
    ("CEF:0|", "0|", "version"),
    ("|readonly-defeated|", "|readonly|defeated|", None),
    ("|readonly-defeated|", "|readonly\\-defeated|", "no escape"),
    ("|10|", "|11|", "severity"),
    ("|10|", "|Very-High|", "severity"),
    ("|10|rt=", "|10|x rt=", "does not begin with a key"),
    ("|10|rt=", "|10", "seven fields"),
    ("rt=", "time=", "not in the dictionary"),
    ("rt=1767355200123 ", "", "rt: missing"),
    ("rt=1767355200123", "rt=noon", "no number"),
    ("cnt=1", "cnt=4294967296", "too great"),
    ("cs1Label=containerId ", "", "nothing says what it is"),
    ("cs5=T1562.001 ", "", "label for nothing"),
    ("cat=finding", "cat=finding cat=gap", "twice"),
    ("cat=finding", "cat=find=ing", "no key"),
    ("cat=finding", "cat=a find=ing", "not in the dictionary"),
    ("cat=finding", "cat=find =ing", "no key"),
    ("cat=finding", "cat=find\\xing", "no escape"),
    ("cat=finding", "cat=", "empty"),
    ("sproc=/bin/busybox", "sproc=/bin/sh", "sproc"),
    ("msg=", "msg=\x1b[31m", "unsafe"),
    ("msg=", "msg=\n", "more than a line"),
]

# Lines that are no record of a format at all.
UNREADABLE = [
    b"",
    b"[]",
    b"{",
    b'{"kind":"gap"}{}',
    b'{"kind":"gap","kind":"gap"}',
    b'{"kind":NaN}',
    b'{"kind":"\xff"}',
    b'{"kind":"a\nb"}',
]


def cases(samples):
    """Yields a name and whether it is as it must be. samples(format, name): the line of one, in Kubernetes."""
    checkers = {name: make() for name, make in validate.FORMATS.items()}
    for form, sample, path, value, word in MISTAKES:
        checker = checkers[form]
        native = checkers["native"].parse(samples("native", sample))
        record = changed(checker.parse(samples(form, sample)), path, value)
        line = json.dumps(record).encode()
        said = validate.judge(checker, line, None if form == "native" else native)
        what = "without" if value is DROP else f"with {value!r:.40} as"
        where = ".".join(map(str, path))
        if word is None:
            yield f"{form}: {sample} {what} {where} is fine", not said, said
        else:
            yield f"{form}: {sample} {what} {where} is found", any(word in s for s in said), said
    line = samples("cef", "finding readonly-defeated").decode()
    native = checkers["native"].parse(samples("native", "finding readonly-defeated"))
    for old, new, word in CEF_MISTAKES:
        said = validate.judge(checkers["cef"], line.replace(old, new, 1).encode(), native)
        there = old in line and (any(word in s for s in said) if word else bool(said))
        yield f"cef: {new!r} for {old!r} is found", there, said
    for form in ("native", "ecs", "ocsf"):
        for bad in UNREADABLE:
            said = validate.judge(checkers[form], bad)
            yield f"{form}: {bad!r} is found", any("cannot be read" in s for s in said), said
    said = validate.judge(checkers["cef"], b"CEF:0|keelwatch|keelwatch|1|a|b|5|rt=1 externalId=\xff cat=x")
    yield "cef: invalid UTF-8 is found", any("cannot be read" in s for s in said), said
