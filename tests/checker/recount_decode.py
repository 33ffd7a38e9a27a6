"""Decodes and validates an event for the recount: contract §3 and §6, by Python's standard library."""
import dataclasses
import datetime
import functools
import json
import re
import urllib.parse

HOUR_MS = 3_600_000
AHEAD_MS = 48 * HOUR_MS  # an event may be that far ahead of its record time
DEPTH_MAX = 32
# Unicode's White_Space; str.isspace() differs.
BLANK = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200b)))
TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII)
SEND = re.compile(rb'"send":\s?"([0-9a-z.]+)"')
AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/]*")
REFERRER = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")
NO_HOST = re.compile(r"[\x00-\x20<>\[\\\]^|\x7f]")
TEXTS = (("user_id", 256, False), ("activity_type", 128, False), ("message_id", 128, False),  # True: a member of metadata
         ("page_url", 2048, True), ("referrer", 2048, True))
NOT_STORABLE = re.compile("[\\0\ud800-\udfff]")
SURROGATE_BYTES = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
OWN_VALUE_BYTES = 256
OPTIONAL = {"message_id", "page_url", "referrer"}  # null means absent; also for metadata
ANY = "any"  # in a malformed document, any fault before the malformed place is accepted, too


@dataclasses.dataclass(slots=True)
class Event:
    user: str
    kind: str
    at_ns: int  # unix time
    page: str
    referrer: str
    message_id: str | None
    own: tuple = ()  # the values of the own dimensions, in their order


class InvalidEvent(Exception):
    """args[0]: the set of reasons that the dead letter of this record may have."""


class Number:
    """A number as it was written; its value does not matter."""
    __slots__ = ("text",)

    def __init__(self, text):
        self.text = text


class Repeated(dict):
    """An object with a repeated member."""


def an_object(pairs):
    found = dict(pairs)
    return found if len(found) == len(pairs) else Repeated(found)


def no_constant(name):
    raise ValueError(f"{name} is not JSON")


DECODER = json.JSONDecoder(object_pairs_hook=an_object, parse_int=Number, parse_float=Number,
                           parse_constant=no_constant)


def decode_event(value, record_ms, event_bytes_max, sources=()):
    """Returns the Event, or raises InvalidEvent. `sources`: of the own dimensions."""
    if value is None:
        raise InvalidEvent({"value_missing"})
    if len(value) > event_bytes_max:
        raise InvalidEvent({"event_too_large"})
    try:
        text = value.decode()
        found = DECODER.decode(text)
    except UnicodeDecodeError:
        raise InvalidEvent({"bad_utf8", ANY}) from None
    except (ValueError, RecursionError):
        raise InvalidEvent({"not_json", ANY}) from None
    if text.count("{") + text.count("[") > DEPTH_MAX and depth_of(found) > DEPTH_MAX:
        raise InvalidEvent({"too_deep", ANY})
    if not isinstance(found, dict):
        raise InvalidEvent({"not_an_object"})
    faults = set()
    event = event_of(found, faults, sources)
    if not faults and -(-event.at_ns // 1_000_000) > record_ms + AHEAD_MS:
        faults.add("timestamp_ahead")
    if faults:
        raise InvalidEvent(faults)
    return event


def depth_of(value):
    """Returns the nesting depth of containers; the value itself counts."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


def event_of(found, faults, sources):
    metadata = found.get("metadata")
    if metadata is None:
        metadata = {}  # null means absent
    if not isinstance(metadata, dict):
        faults.add("metadata_invalid")
        metadata = {}
    if isinstance(found, Repeated) or isinstance(metadata, Repeated):
        faults.add("member_repeated")
    for name in ("user_id", "activity_type", "timestamp"):
        if name not in found:
            faults.add(name + "_missing")
    texts = {name: checked_text(metadata if inner else found, name, bytes_max, inner, faults)
             for name, bytes_max, inner in TEXTS}
    at_ns = moment_of(found.get("timestamp"))
    if "timestamp" in found and at_ns is None:
        faults.add("timestamp_invalid")
    return Event(texts["user_id"], texts["activity_type"], at_ns, page_of(texts["page_url"]),
                 referrer_of(texts["referrer"]), texts["message_id"],
                 tuple(own_value(source, metadata, texts["page_url"]) for source in sources))


def own_value(source, metadata, page_url):
    """Returns the value of an own dimension: `source` is metadata.<member> or query.<parameter>."""
    kind, _, name = source.partition(".")
    found = query_parameter(page_url or "", name) if kind == "query" else metadata.get(name)
    if isinstance(found, bool):
        text = "true" if found else "false"
    elif isinstance(found, Number):
        text = found.text
    else:
        text = found if isinstance(found, str) else ""
    text = NOT_STORABLE.sub("\ufffd", text)
    return text.encode()[:OWN_VALUE_BYTES].decode(errors="ignore") or "(none)"


def query_parameter(url, name):
    """Returns the first value of a parameter of the query, decoded as a form (WHATWG URL)."""
    for pair in url.partition("#")[0].partition("?")[2].split("&"):
        key, _, raw = pair.partition("=")
        if form_bytes(key) == name.encode():
            return SURROGATE_BYTES.sub("\ufffd".encode(), form_bytes(raw)).decode(errors="replace")
    return ""


def form_bytes(raw):
    return urllib.parse.unquote_to_bytes(raw.replace("+", " "))


def checked_text(holder, name, bytes_max, may_be_blank, faults):
    """Returns the text of a member; None if it is absent or invalid."""
    if name not in holder or holder[name] is None and name in OPTIONAL:
        return None
    text = holder[name]
    try:
        if isinstance(text, str) and "\0" not in text and len(text.encode()) <= bytes_max:
            if may_be_blank or text.strip(BLANK):
                return text
    except UnicodeEncodeError:
        pass  # a lone surrogate
    faults.add(name + "_invalid")
    return None


def moment_of(text):
    """Returns nanoseconds since 1970; None: not an RFC 3339 date-time that an event may have."""
    found = TIME.fullmatch(text) if isinstance(text, str) else None
    if not found:
        return None
    date, hour, minute, second, fraction, sign, off_hours, off_minutes = found.groups()
    day = day_number(date)
    if day is None or int(hour) > 23 or int(minute) > 59 or int(second) > 60:
        return None  # second 60 is the second after 59
    seconds = day * 86400 + int(hour) * 3600 + int(minute) * 60 + int(second)
    if sign:
        if int(off_hours) > 23 or int(off_minutes) > 59:
            return None
        seconds -= (int(off_hours) * 3600 + int(off_minutes) * 60) * (1 if sign == "+" else -1)
    if not 631152000 <= seconds < 9214646400:  # years 1990 to 2261 in UTC
        return None
    return seconds * 10**9 + (int(fraction.ljust(9, "0")) if fraction else 0)


@functools.cache
def day_number(date):
    year, month, day = map(int, date.split("-"))
    try:
        return datetime.date(year, month, day).toordinal() - datetime.date(1970, 1, 1).toordinal()
    except ValueError:
        return None


@functools.cache
def page_of(url):
    """Returns the path of a page_url, unchanged."""
    if not url:
        return "(none)"
    path = url.partition("#")[0].partition("?")[0]
    authority = AUTHORITY.match(path)
    return path[authority.end() if authority else 0:] or "/"


@functools.cache
def referrer_of(url):
    """Returns the host of a referrer, in lower case."""
    if not url:
        return "(direct)"
    found = REFERRER.match(url)
    host = found.group(1).rpartition("@")[2] if found else ""
    if host.startswith("["):
        address = re.match(r"\[[0-9a-fA-F:.]+\]", host)
        return address.group().lower() if address else "(unknown)"
    host = host.partition(":")[0]
    if not host or NO_HOST.search(host):
        return "(unknown)"
    return re.sub(r"[A-Z]+", lambda capitals: capitals.group().lower(), host)
