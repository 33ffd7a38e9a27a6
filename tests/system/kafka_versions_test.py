"""The oldest Kafka that is supported beside the newest: the contract suite of the event log with Weir's own producer passes on
Kafka 3.9, too. Only in `make test-all`; scripts/fetch-kafka fetches that version once."""
import os
import subprocess
import unittest

from tests.harness import kafka, weir

VERSION = "3.9.1"
HOME = weir.ROOT / "build" / "vendor" / f"kafka-{VERSION}"
SUITE = weir.BINARY.parent / "tests" / "kafka_event_log_test"


class Versions(unittest.TestCase):
    @unittest.skipUnless(weir.LONG, "only in the long tests")
    def test_the_contract_of_the_event_log_holds_on_kafka_3_9(self):
        kafka.needed()
        if not SUITE.exists():
            weir.missing(f"{SUITE} (make test)")
        if subprocess.run([weir.ROOT / "scripts" / "fetch-kafka", VERSION], timeout=600).returncode != 0:
            weir.missing(f"the jars of Kafka {VERSION}")
        environment = {**os.environ, "KAFKA_HOME": str(HOME)}
        environment.pop("KAFKA_BROKERS", None)
        done = subprocess.run([SUITE, "--gtest_filter=OwnProducer/*:WriterTest/1.*"], env=environment, capture_output=True,
                              text=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stdout[-5000:])
        self.assertRegex(done.stdout, r"\[  PASSED  \] \d+ tests")
        print(done.stdout.splitlines()[-1], flush=True)


if __name__ == "__main__":
    weir.main()
