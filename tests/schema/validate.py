# SPDX-License-Identifier: Apache-2.0
"""Judges records by what their formats' authors say of them; each check yields what is wrong, in words.

The schemas' definitions are in ocsf.json and ecs.json (see ORIGIN), the native one is proto/event.proto, and
CEF is read by a parser that takes no liberties. Where the native form of a record is given too, what must be
the same in another format is compared with it.
"""

import datetime
import json
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
PROTO = HERE.parent.parent / "proto" / "event.proto"

TIME = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{9}Z$")
INT64 = range(-(2**63), 2**63)
INT32 = range(-(2**31), 2**31)


def no_twice(pairs):
    keys = [k for k, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"the key {key} is there twice")
    return dict(pairs)


def no_constant(name):
    raise ValueError(f"{name} is no JSON")


def parse_json(line):
    """line: bytes. Raises ValueError for what is not one strict JSON object in UTF-8 on one line."""
    value = json.loads(line.decode("utf-8"), object_pairs_hook=no_twice, parse_constant=no_constant)
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


def walk(value, path=""):
    """All leaves (and empty lists and objects) with their paths."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from walk(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        for inner in value:
            yield from walk(inner, path)
    else:
        yield path, value


def is_int(value):
    return isinstance(value, int) and not isinstance(value, bool)


def milliseconds(time):
    """Of a native time."""
    whole = datetime.datetime.strptime(time[:19] + "+0000", "%Y-%m-%dT%H:%M:%S%z")
    return int(whole.timestamp()) * 1000 + int(time[20:23])


# Code points that text which is to be one line, and to drive no terminal, does not have.
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def within_int64(value):
    """The same with what is too great for a reader of 63 bits at their end."""
    if isinstance(value, dict):
        return {key: within_int64(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [within_int64(inner) for inner in value]
    return min(value, 2**63 - 1) if is_int(value) else value


def check_text(value, path):
    for at, leaf in walk(value, path):
        if isinstance(leaf, str) and UNSAFE.search(leaf):
            yield f"{at}: unsafe text: {leaf[:40]!r}"


class Native:
    """proto/event.proto, as the JSON rules at its beginning say."""

    BODIES = {"finding": "Finding", "container": "Lifecycle", "gap": "Gap", "monitor": "Monitor"}

    def __init__(self):
        text = re.sub(r"//.*", "", PROTO.read_text())
        self.enums = {
            name: re.findall(r"(\w+) = \d+;", body) for name, body in re.findall(r"enum (\w+) {([^}]*)}", text)
        }
        self.messages = {
            name: {
                field: (kind, bool(repeated))
                for repeated, kind, field in re.findall(r"(repeated )?(\w+) (\w+) = \d+;", body)
            }
            for name, body in re.findall(r"message (\w+) {([^}]*)}", text)
        }

    def parse(self, line):
        return parse_json(line)

    def check(self, record):
        body = self.BODIES.get(record.get("kind"))
        if not body:
            yield f"kind: {record.get('kind')!r} is none of the messages that a record can hold"
            return
        yield from self.check_message(record, body, "")
        if not record.get("metadata", {}).get("id"):
            yield "metadata.id: missing"
        yield from check_text(record, "")

    def check_message(self, value, name, path):
        if not isinstance(value, dict):
            yield f"{path}: no object but {value!r}"
            return
        fields = self.messages[name]
        for key, inner in value.items():
            at = f"{path}.{key}" if path else key
            if key not in fields:
                yield f"{at}: {name} has no such field"
                continue
            kind, repeated = fields[key]
            if repeated != isinstance(inner, list):
                yield f"{at}: {'a' if repeated else 'no'} list is wanted"
            elif repeated and not inner:
                yield f"{at}: an empty list"
            else:
                for one in inner if repeated else [inner]:
                    yield from self.check_value(one, kind, at, repeated)
        for key, (kind, repeated) in fields.items():
            if key not in value and not repeated and kind in ("bool", "uint32", "uint64", "int32", *self.enums):
                yield f"{path}.{key}: numbers are always written"

    def check_value(self, value, kind, path, in_list):
        bounds = {"uint32": range(2**32), "uint64": range(2**64), "int32": INT32}
        if kind in self.messages:
            yield from self.check_message(value, kind, path)
        elif kind == "string":
            if not isinstance(value, str) or not (value or in_list):
                yield f"{path}: no text, or an empty one: {value!r}"
        elif kind == "bool":
            if not isinstance(value, bool):
                yield f"{path}: no boolean: {value!r}"
        elif kind == "fixed64":
            if not isinstance(value, str) or not TIME.match(value):
                yield f"{path}: no time: {value!r}"
        elif kind in self.enums:
            if value not in self.enums[kind] and not (is_int(value) and value >= len(self.enums[kind])):
                yield f"{path}: not of {kind}: {value!r}"
        elif not is_int(value) or value not in bounds[kind]:
            yield f"{path}: no {kind}: {value!r}"


class Ecs:
    def __init__(self):
        with open(HERE / "ecs.json") as f:
            self.fields = json.load(f)["fields"]

    def parse(self, line):
        return parse_json(line)

    def check(self, record):
        yield from self.check_object(record, "")
        for name, field in self.fields.items():
            if field.get("required") and self.get(record, name) is None:
                yield f"{name}: missing"
        yield from self.check_types(record)
        yield from check_text(record, "")

    @staticmethod
    def get(record, name):
        for part in name.split("."):
            record = record.get(part) if isinstance(record, dict) else None
        return record

    def check_object(self, value, path):
        for key, inner in value.items():
            at = f"{path}.{key}" if path else key
            field = self.fields.get(at)
            if at == "keelwatch":
                yield from self.check_own(inner, at)
            elif isinstance(inner, dict) and not inner:
                yield f"{at}: an empty object"
            elif isinstance(inner, dict) and (field is None or field["type"] in ("object", "nested")):
                if field is None and not any(name.startswith(at + ".") for name in self.fields):
                    yield f"{at}: no field of ECS"
                else:
                    yield from self.check_object(inner, at)
            elif field is None:
                yield f"{at}: no field of ECS"
            else:
                yield from self.check_field(inner, field, at)

    def check_own(self, value, path):
        for at, leaf in walk(value, path):
            if leaf == {} and at.count(".") > 1:
                continue  # a message that says nothing is an object without fields
            if leaf in ([], None):
                yield f"{at}: empty"
            if is_int(leaf) and leaf not in INT64:
                yield f"{at}: Elasticsearch has no such long: {leaf}"

    def check_field(self, value, field, path):
        if bool(field.get("list")) != isinstance(value, list):
            yield f"{path}: {'a' if field.get('list') else 'no'} list is wanted"
            return
        for one in value if isinstance(value, list) else [value]:
            yield from self.check_value(one, field, path)

    def check_value(self, value, field, path):
        kind = field["type"]
        if kind in ("keyword", "wildcard", "match_only_text", "constant_keyword"):
            if not isinstance(value, str):
                yield f"{path}: no {kind}: {value!r}"
                return
        elif kind == "long":
            if not is_int(value) or value not in INT64:
                yield f"{path}: no long: {value!r}"
        elif kind == "boolean":
            if not isinstance(value, bool):
                yield f"{path}: no boolean: {value!r}"
        elif kind == "date":
            if not isinstance(value, str) or not TIME.match(value):
                yield f"{path}: no date: {value!r}"
        else:
            yield f"{path}: of type {kind}, which nobody writes"
        if "values" in field and value not in field["values"]:
            yield f"{path}: {value!r} is not one of {', '.join(field['values'])}"
        if "pattern" in field and not re.match(field["pattern"], value):
            yield f"{path}: {value!r} does not match {field['pattern']}"

    def check_types(self, record):
        event = record.get("event", {})
        categories, types = event.get("category", []), event.get("type", [])
        meant = self.fields["event.category"]["values"]
        for category in categories:
            if category in meant and not set(types) & set(meant[category] or types):
                yield f"event.type: none of {types} is expected with the category {category}"
        for one in types:
            if not any(one in (meant.get(c) or ()) for c in categories):
                yield f"event.type: {one} is expected with none of {categories}"
        for name in ("event.kind", "event.category", "event.type"):
            if not self.get(record, name):
                yield f"{name}: missing"

    def compare(self, record, native):
        get = self.get
        finding = "rule" in native
        pairs = {
            "@timestamp": native.get("time", "1970-01-01T00:00:00.000000000Z"),
            "message": native.get("message"),
            "event.id": native["metadata"]["id"],
            "event.sequence": min(native["metadata"]["sequence"], 2**63 - 1) or None,
            "rule.id": native.get("rule") or None,
            "container.id": get(native, "container.id"),
            "container.name": get(native, "container.name"),
            "container.image.name": get(native, "container.image"),
            "orchestrator.resource.name": get(native, "container.kubernetes.pod"),
            "orchestrator.namespace": get(native, "container.kubernetes.namespace"),
            "process.executable": get(native, "process.exe"),
            "process.args": get(native, "process.args"),
            "process.pid": get(native, "process.pid"),
            "file.path": get(native, "file.path"),
            "host.name": get(native, "metadata.host.name"),
            "keelwatch.evidence": native.get("evidence"),
            "keelwatch.mount": native.get("mount"),
            "keelwatch.credentials": native.get("credentials"),
            "keelwatch.namespaces": native.get("namespaces"),
            "keelwatch.ancestors": native.get("ancestors"),
        }
        if "heartbeat" in native:
            pairs["keelwatch.heartbeat"] = within_int64(native["heartbeat"])
        for name, want in pairs.items():
            if get(record, name) != want:
                yield f"{name}: {get(record, name)!r:.200} for {want!r:.200}"
        if (get(record, "event.kind") == "alert") != ("ancestors" in native or "technique" in native or finding):
            yield f"event.kind: {get(record, 'event.kind')}"


class Ocsf:
    CONCRETE = ("detection_finding", "application_lifecycle", "event_log_actvity")

    def __init__(self):
        with open(HERE / "ocsf.json") as f:
            self.schema = json.load(f)
        self.resolved = {}
        self.classes = {}
        for name in self.CONCRETE:
            definition = self.resolve("classes", name)
            category = self.schema["categories"][definition["category"]]
            definition["category"] = category
            definition["class_uid"] = category["uid"] * 1000 + definition["uid"]
            self.classes[definition["class_uid"]] = definition

    def parse(self, line):
        return parse_json(line)

    # --- definitions, with what they extend and include ---

    def resolve(self, kind, name):
        if (kind, name) in self.resolved:
            return self.resolved[kind, name]
        own = self.schema[kind][name]
        above = self.resolve(kind, own["extends"]) if "extends" in own else {"attributes": {}}
        out = {**above, **{k: v for k, v in own.items() if k != "attributes"}}
        attributes = {k: dict(v) for k, v in above["attributes"].items()}
        for path in own["attributes"].get("$include", []):
            profile = self.schema["profiles"][pathlib.PurePath(path).stem]
            for key, attribute in profile["attributes"].items():
                self.merge(attributes, key, {"profile": profile["name"], **attribute})
        for key, attribute in own["attributes"].items():
            if key != "$include":
                self.merge(attributes, key, attribute)
        out["attributes"] = attributes
        self.resolved[kind, name] = out
        return out

    def merge(self, attributes, key, more):
        if key not in attributes:
            attributes[key] = dict(self.schema["attributes"].get(key, {}))
        enum = {**attributes[key].get("enum", {}), **more.get("enum", {})}
        attributes[key].update(more)
        if enum:
            attributes[key]["enum"] = enum

    # --- a record ---

    def check(self, record):
        definition = self.classes.get(record.get("class_uid"))
        if not definition:
            yield f"class_uid: {record.get('class_uid')!r} is none that is emitted"
            return
        profiles = record.get("metadata", {}).get("profiles", [])
        for profile in profiles:
            if profile not in self.schema["profiles"]:
                yield f"metadata.profiles: there is no {profile}"
        yield from self.check_object(record, definition, "", profiles)
        for name, want in (
            ("category_uid", definition["category"]["uid"]),
            ("category_name", definition["category"]["caption"]),
            ("class_name", definition["caption"]),
            ("type_uid", definition["class_uid"] * 100 + record.get("activity_id", 0)),
        ):
            if record.get(name) != want:
                yield f"{name}: {record.get(name)!r} for {want!r}"
        yield from check_text(record, "")

    def check_object(self, value, definition, path, profiles):
        attributes = definition["attributes"]
        if "@deprecated" in definition:
            yield f"{path}: deprecated since {definition['@deprecated']['since']}"
        for key, inner in value.items():
            at = f"{path}.{key}" if path else key
            attribute = attributes.get(key)
            if not attribute:
                yield f"{at}: no attribute of {definition['name']}"
            elif attribute.get("profile") and attribute["profile"] not in profiles:
                yield f"{at}: of the profile {attribute['profile']}, which the record does not name"
            else:
                yield from self.check_attribute(inner, attribute, at, profiles, value)
        for key, attribute in attributes.items():
            applies = not attribute.get("profile") or attribute["profile"] in profiles
            if applies and attribute.get("requirement") == "required" and key not in value:
                yield f"{path}.{key}: required".lstrip(".")
        constraints = definition.get("constraints") or {}
        for rule, names in constraints.items():
            there = sum(name in value for name in names)
            if (rule == "at_least_one" and not there) or (rule == "just_one" and there != 1):
                yield f"{path or definition['name']}: {rule} of {', '.join(names)}"

    def check_attribute(self, value, attribute, path, profiles, siblings):
        if "@deprecated" in attribute:
            yield f"{path}: deprecated since {attribute['@deprecated']['since']}"
        if bool(attribute.get("is_array")) != isinstance(value, list):
            yield f"{path}: {'a' if attribute.get('is_array') else 'no'} list is wanted"
            return
        if value == []:
            yield f"{path}: an empty list"
        for one in value if isinstance(value, list) else [value]:
            yield from self.check_value(one, attribute, path, profiles, siblings)

    def check_value(self, value, attribute, path, profiles, siblings):
        kind = attribute["type"]
        if kind in self.schema["objects"]:
            if not isinstance(value, dict):
                yield f"{path}: no {kind}: {value!r}"
            elif not value:
                yield f"{path}: an empty object"
            elif kind != "object":
                yield from self.check_object(value, self.resolve("objects", kind), path, profiles)
            return
        if kind == "json_t":
            return
        definition = self.schema["types"][kind]
        base = definition.get("type", kind)
        if base in ("integer_t", "long_t"):
            if not is_int(value) or value not in INT64:
                yield f"{path}: no {kind}: {value!r}"
            elif "range" in definition and not definition["range"][0] <= value <= definition["range"][1]:
                yield f"{path}: out of range: {value}"
        elif base == "boolean_t":
            if not isinstance(value, bool):
                yield f"{path}: no boolean: {value!r}"
        elif not isinstance(value, str) or not value:
            yield f"{path}: no {kind}, or an empty one: {value!r}"
        elif "regex" in definition and not re.search(definition["regex"], value):
            yield f"{path}: no {kind}: {value!r}"
        if "enum" in attribute and kind in ("integer_t", "long_t"):
            yield from self.check_enum(value, attribute, path, siblings)

    def check_enum(self, value, attribute, path, siblings):
        """A value's caption stands beside it; where it is Other, the source's own word does."""
        name = path.rpartition(".")[2]
        computed = ("class_uid", "category_uid", "type_uid")
        if str(value) not in attribute["enum"]:
            if name not in computed:
                yield f"{path}: {value!r} is no value of its enum"
            return
        sibling = attribute.get("sibling")
        if not sibling or name in computed:
            return
        word = siblings.get(sibling)
        if value == 99 and not word:
            yield f"{path}: Other, and {sibling} does not say what"
        elif value != 99 and word is not None and word != attribute["enum"][str(value)]:
            yield f"{sibling}: {word!r} is not the caption of {value}, {attribute['enum'][str(value)]!r}"

    def compare(self, record, native):
        get = Ecs.get
        app = record["class_uid"] == 6002
        finding = record["class_uid"] == 2004
        process = (record.get("evidences", [{}])[0] if finding else record.get("actor", {})).get("process")
        container = (
            record.get("evidences", [{}])[0].get("container") if finding else get(record, "device.container")
        )
        pairs = [
            ("message", record.get("message"), native.get("message")),
            ("time", record["time"], milliseconds(native["time"]) if "time" in native else 0),
            ("metadata.uid", record["metadata"]["uid"], native["metadata"]["id"]),
            ("metadata.sequence", get(record, "metadata.sequence") or 0,
             min(native["metadata"]["sequence"], 2**63 - 1)),
            ("device.hostname", get(record, "device.hostname"), get(native, "metadata.host.name")),
            ("process.path", get(process, "path"), get(native, "process.exe")),
            ("unmapped.evidence", get(record, "unmapped.evidence"), native.get("evidence")),
            ("unmapped.mount", get(record, "unmapped.mount"), native.get("mount")),
            ("unmapped.file", get(record, "unmapped.file"), native.get("file")),
        ]
        if finding or get(native, "metadata.host.name"):
            pairs.append(("container.uid", get(container, "uid"), get(native, "container.id")))
        if app and get(native, "container.id"):
            pairs.append(("app.uid", get(record, "app.uid"), get(native, "container.id")))
        for name, got, want in pairs:
            if got != want:
                yield f"{name}: {got!r:.200} for {want!r:.200}"


class Cef:
    """A line taken apart to the very bytes that were put in: a dict of header fields and pairs."""

    HEADER = ("version", "vendor", "product", "device_version", "signature", "name", "severity")
    # Of the standard's dictionary: what we use, and its type.
    KEYS = {
        **{key: str for key in (
            "act cat deviceExternalId duid dvchost externalId filePath fileType fname msg outcome reason sproc suid"
        ).split()},
        **{f"cs{i}": str for i in range(1, 7)},
        **{f"cs{i}Label": str for i in range(1, 7)},
        **{f"cn{i}Label": str for i in range(1, 4)},
        **{f"flexString{i}": str for i in (1, 2)},
        **{f"flexString{i}Label": str for i in (1, 2)},
        **{f"cn{i}": INT64 for i in range(1, 4)},
        **{key: INT64 for key in ("rt", "start", "end")},
        **{key: INT32 for key in ("cnt", "spid")},
    }
    HEADER_ESCAPES = {"|": "|", "\\": "\\"}
    VALUE_ESCAPES = {"=": "=", "\\": "\\", "n": "\n", "r": "\r"}

    @staticmethod
    def unescape(text, escapes, bare):
        """bare: characters that must not stand there unescaped."""
        out, i = [], 0
        while i < len(text):
            if text[i] == "\\":
                if text[i + 1 : i + 2] not in escapes or i + 1 == len(text):
                    raise ValueError(f"no escape: {text[i:i + 2]!r}")
                out.append(escapes[text[i + 1]])
                i += 2
                continue
            if text[i] in bare:
                raise ValueError(f"a bare {text[i]!r}")
            out.append(text[i])
            i += 1
        return "".join(out)

    def parse(self, line):
        text = line.decode("utf-8")
        if "\n" in text or "\r" in text:
            raise ValueError("more than a line")
        fields, at = [], 0
        for i, c in enumerate(text):
            if len(fields) == len(self.HEADER):
                break
            if c == "|" and (len(text[:i]) - len(text[:i].rstrip("\\"))) % 2 == 0:
                fields.append(self.unescape(text[at:i], self.HEADER_ESCAPES, "|"))
                at = i + 1
        if len(fields) < len(self.HEADER):
            raise ValueError("the header has not seven fields")
        record = dict(zip(self.HEADER, fields))
        record["pairs"] = self.parse_pairs(text[at:])
        return record

    def parse_pairs(self, text):
        """A pair begins where a word stands before an equals sign that is not escaped."""
        marks = []
        escaped = False
        for i, c in enumerate(text):
            if c == "=" and not escaped:
                marks.append(i)
            escaped = c == "\\" and not escaped
        pairs = {}
        starts = []
        for mark in marks:
            key = re.search(r"(?:^| )([A-Za-z0-9]+)$", text[:mark][-64:])
            if not key:
                raise ValueError(f"an equals sign with no key before it: {text[max(0, mark - 20):mark + 1]!r}")
            starts.append((mark - len(key[1]), key[1], mark + 1))
        if text and (not starts or starts[0][0] != 0):
            raise ValueError("the extension does not begin with a key")
        for i, (_, key, begin) in enumerate(starts):
            end = starts[i + 1][0] - 1 if i + 1 < len(starts) else len(text)
            if key in pairs:
                raise ValueError(f"{key} is there twice")
            pairs[key] = self.unescape(text[begin:end], self.VALUE_ESCAPES, "=")
        return pairs

    def check(self, record):
        pairs = record["pairs"]
        if record["version"] != "CEF:0":
            yield f"version: {record['version']!r}"
        if not re.match(r"^([0-9]|10)$", record["severity"]):
            yield f"severity: {record['severity']!r}"
        for name in ("vendor", "product"):
            if record[name] != "keelwatch":
                yield f"{name}: {record[name]!r}"
        for key, value in pairs.items():
            kind = self.KEYS.get(key)
            if kind is None:
                yield f"{key}: not in the dictionary"
            elif kind is str:
                if not value:
                    yield f"{key}: empty"
            elif not re.match(r"^-?\d+$", value) or int(value) not in kind:
                yield f"{key}: no number, or too great a one: {value!r}"
            if key.endswith("Label") and key[:-5] not in pairs:
                yield f"{key}: a label for nothing"
            if re.match(r"^(cs|cn|flexString)\d$", key) and f"{key}Label" not in pairs:
                yield f"{key}: nothing says what it is"
        for key in ("rt", "externalId", "cat"):
            if key not in pairs:
                yield f"{key}: missing"
        for key, value in pairs.items():
            yield from check_text(value, key)

    def compare(self, record, native):
        pairs, get = record["pairs"], Ecs.get
        pod = get(native, "container.kubernetes.pod")
        args = get(native, "process.args")
        evidence = native.get("evidence")
        wants = {
            "msg": native.get("message"),
            "externalId": native["metadata"]["id"],
            "rt": str(milliseconds(native["time"]) if "time" in native else 0),
            "cn1": str(min(native["metadata"]["sequence"], 2**63 - 1)),
            "dvchost": get(native, "metadata.host.name"),
            "cs1": get(native, "container.id"),
            "cs2": get(native, "container.name"),
            "cs3": get(native, "container.image"),
            "cs4": pod and f"{get(native, 'container.kubernetes.namespace')}/{pod}",
            "cs5": native.get("technique"),
            "cs6": args and " ".join(args),
            "sproc": get(native, "process.exe") or get(native, "process.comm"),
            "filePath": get(native, "file.path") or get(native, "mount.target"),
            "flexString2": get(native, "file.host_path") or get(native, "mount.host_path"),
        }
        if evidence:
            wants["flexString1"] = "; ".join(f"{e.get('name', '')}: {e.get('value', '')}" for e in evidence)
        for key, want in wants.items():
            if pairs.get(key) != want:
                yield f"{key}: {pairs.get(key)!r:.200} for {want!r:.200}"
        if native.get("rule") and record["signature"] != native["rule"]:
            yield f"signature: {record['signature']!r}"
        if record["device_version"] != native["metadata"].get("version", ""):
            yield f"device_version: {record['device_version']!r}"


FORMATS = {"native": Native, "ecs": Ecs, "ocsf": Ocsf, "cef": Cef}


def judge(checker, line, native=None):
    """All that is wrong with one line (bytes, without its newline), as a list of texts."""
    try:
        record = checker.parse(line)
    except (ValueError, UnicodeDecodeError) as error:
        return [f"cannot be read: {error}"]
    problems = list(checker.check(record))
    if native and not problems:
        problems = list(checker.compare(record, native))
    return problems
