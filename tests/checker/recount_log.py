"""Reads the records of the event log from outside the service: a Kafka topic by kcat, the embedded log from its file."""
import ctypes
import dataclasses
import functools
import re
import sqlite3
import subprocess

REPLAY_HEADER = "weir.replay"


@dataclasses.dataclass(slots=True)
class Record:
    partition: int
    offset: int
    time_ms: int
    key: bytes | None
    value: bytes | None
    replay: str | None  # the header weir.replay


def topic_bounds(kafka, topic):
    """Returns {partition: (its first offset, the offset of its next record)}."""
    def ask(which):
        asked = [f"-t{topic}:{partition}:{which}" for partition in range(kafka.partitions(topic))]
        answer = kafka.kcat("-Q", *asked).stdout
        return {int(partition): int(offset) for partition, offset in re.findall(r"\[(\d+)\] offset (\d+)", answer)}
    first, end = ask(-2), ask(-1)
    return {partition: (first[partition], end[partition]) for partition in end}


def topic_records(kafka, topic):
    """Yields the records, in the order of offsets within each partition. The bytes are unchanged (kcat's JSON would change
    some)."""
    form = "%p %o %T %K %S\n%k%s%h\n"
    read = subprocess.run(["kcat", "-b", kafka.brokers, "-C", "-e", "-q", "-t", topic, "-o", "beginning", "-f", form],
                          capture_output=True, check=True, timeout=300).stdout
    at = 0
    while at < len(read):
        end = read.index(b"\n", at)
        partition, offset, time_ms, key_bytes, value_bytes = map(int, read[at:end].split())
        at = end + 1
        key = read[at:at + key_bytes] if key_bytes >= 0 else None
        at += max(key_bytes, 0)
        value = read[at:at + value_bytes] if value_bytes >= 0 else None
        at += max(value_bytes, 0)
        end = read.index(b"\n", at)
        yield Record(partition, offset, time_ms, key, value, replay_of(read[at:end].decode(errors="replace")))
        at = end + 1


def replay_of(headers):
    """Returns the value of weir.replay from kcat's list name=value,name=value; None without it."""
    found = re.search(rf"(?:^|,){re.escape(REPLAY_HEADER)}=([^,]*)", headers)
    return found.group(1) if found else None


def file_records(path):
    """Yields the records of partition 0 from the segments of events.db. src/sqlite/segment.hpp describes the format. The
    checksum is not verified."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as log:
        for row in log.execute("SELECT first_offset, records, time_ms, body FROM segments ORDER BY first_offset"):
            yield from segment_records(*row)
    log.close()


def segment_records(first, count, time_ms, body):
    records = records_of(first, body)
    at = 0
    for offset in range(first, first + count):
        key, at = take_bytes(records, at)
        value, at = take_bytes(records, at)
        headers, at = take_number(records, at)
        replay = None
        for _ in range(headers):
            name, at = take_bytes(records, at)
            text, at = take_bytes(records, at)
            if name.decode() == REPLAY_HEADER:
                replay = text.decode(errors="replace")
        yield Record(0, offset, time_ms, key, value, replay)
    if at != len(records):
        raise ValueError(f"the segment at offset {first} does not hold the {count} records of its row")


def records_of(first, body):
    if body[0] == 1:
        return body[1:-8]
    if body[0] != 2:
        raise ValueError(f"the segment at offset {first} has format {body[0]}")
    size, at = take_number(body, 1)
    records = ctypes.create_string_buffer(size)
    block = body[at:-8]
    if lz4().LZ4_decompress_safe(block, records, len(block), size) != size:
        raise ValueError(f"the segment at offset {first} cannot be unpacked")
    return records.raw


@functools.cache
def lz4():
    return ctypes.CDLL("liblz4.so.1")


def take_number(body, at):
    """Unsigned LEB128."""
    number = shift = 0
    while True:
        number |= (body[at] & 0x7f) << shift
        at, shift = at + 1, shift + 7
        if body[at - 1] < 0x80:
            return number, at


def take_bytes(body, at):
    size, at = take_number(body, at)
    return body[at:at + size], at + size
