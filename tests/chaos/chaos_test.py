"""Both pairs under all faults of the bench at once, by seeds that change from run to run; and the proof that the bench
would find it: a service built without its fence does not pass.

It prints the seed of each story. `make chaos PAIR=… SEED=…` plays one again, or others, for as long as you like."""
import pathlib
import random
import tempfile
import unittest

from tests.chaos import namespaces, run_chaos
from tests.harness import weir

UNFENCED = weir.BINARY.with_name("weir_unfenced")
FREEZES_SEED = 2  # consumers are frozen past their session, two or three times in a story
STORIES_TO_FIND_IT = 6  # 9 of 11 stories found it: whether a zombie writes before it hears of its loss is a race


def play(pair, seconds, seed=None, faults=(), rounds=None, keep=tempfile.gettempdir()):
    """The bench's exit code: 0 if all was exact."""
    seed = seed or random.randrange(1, 10**6)
    print(f"\n{pair}: SEED={seed}", flush=True)
    return run_chaos.Bench((pair,), seed, seconds, rounds, faults, keep).run()


class Chaos(unittest.TestCase):
    def test_the_embedded_pair_is_exact_whatever_strikes_it(self):
        self.assertEqual(play("embedded", weir.rounds(40, 300)), 0)

    def test_kafka_and_postgresql_and_all_between_are_exact_whatever_strikes_them(self):
        self.assertEqual(play("kafka", weir.rounds(60, 900)), 0)

    def test_without_the_fence_the_bench_finds_events_counted_twice(self):
        if not UNFENCED.exists():
            weir.missing(f"{UNFENCED} (scripts/test builds it)")
        fenced, weir.BINARY = weir.BINARY, UNFENCED
        self.addCleanup(setattr, weir, "BINARY", fenced)
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(play("kafka", None, FREEZES_SEED, ("long-freeze",), STORIES_TO_FIND_IT, folder), 1)
            said, = pathlib.Path(folder).glob("*/story.log")
            self.assertIn("by the recount", said.read_text())


if __name__ == "__main__":
    namespaces.enter()
    weir.main()
