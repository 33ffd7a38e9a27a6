"""The hostile client keeps a true ledger, and its keys collide in hash tables of known seed."""
import subprocess
import time
import unittest

from tests.chaos.client_processes import HostileClient
from tests.chaos.hostile_client import EVENTS_MAX
from tests.checker.ledger import KEPT, UNKNOWN, LedgerReader
from tests.checker.recount import Recount
from tests.checker.recount_check import check
from tests.checker.recount_hash import murmur3
from tests.checker.recount_store import SqliteStore
from tests.harness import weir
from tests.harness.colliding_texts import CollidingTexts


class Texts(unittest.TestCase):
    def setUp(self):
        self.folder = weir.temporary_folder(self.addCleanup)
        self.texts = CollidingTexts(self.folder)

    def test_values_are_distinct_and_have_the_same_std_hash(self):
        program = self.folder / "hashes"
        source = "#include <functional>\n#include <iostream>\n#include <string>\nint main() { std::string line; " \
                 "while (std::getline(std::cin, line)) std::cout << std::hash<std::string>()(line) << '\\n'; }"
        subprocess.run(["g++", "-x", "c++", "-", "-o", program], input=source, text=True, check=True)
        for values in (self.texts.pages(2000), self.texts.hosts(2000)):
            hashes = subprocess.run(program, input="\n".join(values), text=True, capture_output=True, check=True).stdout
            self.assertEqual((len(set(values)), len(set(hashes.split()))), (2000, 1))

    def test_users_and_pairs_are_distinct_and_share_the_low_half_of_their_murmur3_hash(self):
        users = [user.encode() for user in self.texts.users(200)]
        pairs = [len(user.encode()).to_bytes(8, "little") + f"{user}{message}".encode()
                 for user, message in self.texts.pairs(200)]
        for texts in (users, pairs):
            hashes = [murmur3(text)[0] for text in texts]
            self.assertEqual((len(set(hashes)), len({one & 0xffffffff for one in hashes})), (200, 1))


class HostileClients(weir.Case):
    def test_what_it_sent_is_recounted_exactly(self):
        one = self.weir().start()
        client = HostileClient(self.folder / "hostile", [f"http://127.0.0.1:{one.port}"], weir.SEED, self.folder)
        client.start()
        self.addCleanup(client.end)
        weir.wait_until(lambda: client.ledger_path.exists() and self.outcomes(client) >= {KEPT, UNKNOWN}, 60)
        time.sleep(1)
        self.assertEqual(client.stop(), 0, client.log())
        one.wait_counted()
        ledgers = LedgerReader(client.ledger_path)
        self.assertLessEqual(len(ledgers.sends), EVENTS_MAX)
        found = Recount.of_file(one.folder / "data/events.db")
        self.assertEqual(check(found, ledgers, SqliteStore(one.folder / "data/metrics.db"), one, weir.SEED), [])

    def outcomes(self, client):
        return {send.outcome for send in LedgerReader(client.ledger_path).sends.values()}


if __name__ == "__main__":
    weir.main()
