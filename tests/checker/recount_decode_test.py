"""Tests the decoder of the recount against the contract, and against the valid and invalid events of the client."""
import json
import random
import unittest

from tests.checker import recount
from tests.checker.recount_decode import InvalidEvent, decode_event, moment_of, page_of, referrer_of
from tests.checker.recount_hash import murmur3
from tests.checker.traffic import SPOILT, WRONG, Event, Traffic

NOW_MS = 1_800_000_000_000  # 2027-01-15T08:00:00Z

PAGES = {"https://example.org/a/b?c#d": "/a/b", "//example.org/a": "//example.org/a", "/a?b": "/a", "https://example.org?x": "/",
         "?x": "/", "": "(none)", None: "(none)", "no url#x": "no url", "a:b//c": "a:b//c",
         "1http://x/y": "1http://x/y", "/%41//b": "/%41//b", "https://h/?a/b": "/"}
REFERRERS = {"https://Example.ORG:8080/a": "example.org", "http://u:p@[::1]:80": "[::1]",
             "android-app://com.app/": "com.app", "": "(direct)", None: "(direct)", "//example.org/": "(unknown)", "https:///a": "(unknown)",
             "https://a b/": "(unknown)", "https://[]/": "(unknown)", "https://[::g]/": "(unknown)",
             "text": "(unknown)", "https://É.example/": "É.example"}
MOMENTS = {"2000-01-01T00:00:00Z": 946684800 * 10**9, "2000-01-01t01:30:00.5+01:30": 946684800500000000,
           "1999-12-31T23:00:00.000000001-01:00": 946684800000000001, "1970-01-01T00:00:00Z": None,
           "1989-12-31T23:00:00-01:00": 631152000 * 10**9, "1990-01-01T00:59:59+01:00": None, "0000-01-01T00:00:00Z": None,
           "2000-01-01T00:00:00": None, "1999-12-31T23:59:60Z": 946684800 * 10**9,
           "1999-12-31T23:59:60.5Z": 946684800500000000, "2000-01-01T00:00:61Z": None, "2000-01-01T24:00:00Z": None, 7: None,
           "2001-02-29T00:00:00Z": None, "2000-01-01T00:00:00.Z": None, "2000-01-01T00:00:00.1234567890Z": None,
           "2000-01-01T00:00:00+24:00": None, "2000-01-01 00:00:00Z": 946684800 * 10**9, "2000-01-01_00:00:00Z": None}


def event(**members):
    good = {"user_id": "ada", "activity_type": "page_view", "timestamp": "2026-01-01T00:00:00Z"}
    return json.dumps({**good, **members}).encode()


RECORDS = (  # (value of a record, the reasons that its dead letter may have)
    (event(), set()),
    (None, {"value_missing"}),
    (b"x" * 65537, {"event_too_large"}),
    (b"[]", {"not_an_object"}),
    (b"", {"not_json", "any"}),
    (b"\xef\xbb\xbf" + event(), {"not_json", "any"}),
    (event(user_id=7), {"user_id_invalid"}),
    (event(message_id=None, metadata={"page_url": None, "referrer": None}), set()),
    (event(metadata=None), set()),
    (event(user_id=None), {"user_id_invalid"}),
    (event(metadata={"page_url": 1}), {"page_url_invalid"}),
    (b'{"a":1,"a":2}', {"member_repeated", "user_id_missing", "activity_type_missing", "timestamp_missing"}),
    (event(deep={"a": 1})[:-2] + b',"a":2}}', set()),  # below metadata a member may be repeated
    (event(timestamp="2027-01-17T08:00:00Z"), set()),
    (event(timestamp="2027-01-17T08:00:00.000000001Z"), {"timestamp_ahead"}),
    (event()[:-1] + b',"n":' + b"9" * 5000 + b"}", set()),
    (event()[:-1] + b',"s":"\\ud800\\u0000"}', set()))

REPEATS = (  # ((offset, time) of each occurrence of one pair, which of them are repeats), with a window of 10 offsets and 5 s
    ([(0, 0), (10, 5000)], [False, True]),
    ([(0, 0), (11, 0)], [False, False]),
    ([(0, 0), (1, 5001)], [False, False]),
    ([(0, 0), (6, 4000), (12, 8000)], [False, True, True]),
    ([(0, 9000), (1, 0), (2, 9000)], [False, True, False]))


def reasons(value):
    """Returns the reasons that its dead letter may have; empty: the value is a valid event."""
    try:
        decode_event(value, NOW_MS, 65536)
    except InvalidEvent as error:
        return error.args[0]
    return set()


OWN_VALUES = (  # source, metadata, value
    ("metadata.x", {"x": "DE"}, "DE"), ("metadata.x", {"x": -1.5}, "-1.5"), ("metadata.x", {"x": True}, "true"),
    ("metadata.x", {"x": False}, "false"), ("metadata.x", {"x": None}, "(none)"), ("metadata.x", {"x": {}}, "(none)"),
    ("metadata.x", {"x": ""}, "(none)"), ("metadata.x", {}, "(none)"), ("metadata.x", None, "(none)"),
    ("metadata.x", {"x": "\0\ud800"}, "\ufffd\ufffd"), ("metadata.x", {"x": "x" * 255 + "é"}, "x" * 255),
    ("metadata.page_url", {"page_url": "/?q=1"}, "/?q=1"), ("query.q", {"page_url": "/?a=1&q=2&q=3#q=4"}, "2"),
    ("query.q", {"page_url": "/?q"}, "(none)"), ("query.q", {"page_url": "/#?q=1"}, "(none)"),
    ("query.q", {"page_url": "/?%71=a+b%2B%E2%82%AC"}, "a b+€"), ("query.q", {"page_url": "/?q=%ED%A0%80%ff%00"}, "\ufffd\ufffd\0"),
    ("query.q", {}, "(none)"))


class Decode(unittest.TestCase):
    def test_an_own_dimension_has_the_text_of_its_source(self):
        for source, metadata, wanted in OWN_VALUES:
            found = decode_event(event(metadata=metadata), NOW_MS, 65536, (source,))
            self.assertEqual(found.own, (wanted.replace("\0", "\ufffd"),), (source, metadata))

    def test_a_page_is_the_unchanged_path(self):
        for url, page in PAGES.items():
            self.assertEqual(page_of(url), page, url)

    def test_a_referrer_is_the_host_in_lower_case(self):
        for url, host in REFERRERS.items():
            self.assertEqual(referrer_of(url), host, url)

    def test_a_timestamp_is_rfc_3339_with_an_offset(self):
        for text, at_ns in MOMENTS.items():
            self.assertEqual(moment_of(text), at_ns, text)

    def test_a_record_is_an_event_or_a_dead_letter_with_its_reason(self):
        for value, wanted in RECORDS:
            self.assertEqual(reasons(value), wanted, value and value[:80])

    def test_the_decoder_agrees_with_the_client_about_valid_and_invalid_events(self):
        traffic = Traffic(random.Random(7), "t", bad=0)
        for _ in range(3000):
            good = traffic.next().bytes("c0.1.1")
            self.assertEqual(reasons(good), set(), good)
        good = traffic.next().members
        for name in WRONG:
            self.assertTrue(reasons(Event(WRONG[name](good)).bytes("c0.1.1")), name)
        for name, (spoil, _) in SPOILT.items():
            self.assertTrue(reasons(Event(good, spoil=spoil).bytes("c0.1.1")), name)

    def test_a_repeat_is_within_both_windows_including_their_bounds(self):
        for occurrences, wanted in REPEATS:
            dedupe, found = recount.Dedupe(5000, 10), []
            for offset, time_ms in occurrences:
                found.append(dedupe.is_repeated(("ada", "m"), offset, time_ms))
            self.assertEqual(found, wanted, occurrences)

    def test_fault_41_a_record_from_the_future_does_not_expire_other_pairs(self):
        dedupe = recount.Dedupe(5000, 10)
        self.assertFalse(dedupe.is_repeated(("ada", "m"), 0, 0))
        self.assertFalse(dedupe.is_repeated(("bob", "n"), 1, 864_000_000))
        self.assertTrue(dedupe.is_repeated(("ada", "m"), 2, 100))
        self.assertTrue(dedupe.is_repeated(("bob", "n"), 3, 100), "an occurrence from the future does not expire")

    def test_the_hash_is_murmur3(self):
        for key, halves in ((b"", (0, 0)), (b"hello", (0xcbd8a7b341bd9b02, 0x5b1e906a48ae1d19)),
                            (b"The quick brown fox jumps over the lazy dog", (0xe34bbc7bbc071b6c, 0x7a433ca9c49a9347))):
            self.assertEqual(murmur3(key), halves)


if __name__ == "__main__":
    unittest.main(verbosity=2)
