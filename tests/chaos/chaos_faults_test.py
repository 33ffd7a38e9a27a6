"""Single faults of the fault bench, each on the pairs where it is possible. The seeds change from run to run.

The test prints the seed of each chaos run. `make chaos PAIR=… SEED=… FAULTS=…` repeats one."""
import unittest

from tests.chaos import namespaces
from tests.chaos.chaos_test import play
from tests.harness import weir


class SingleFaults(unittest.TestCase):
    def assert_exact(self, fault, pair, rounds):
        self.assertEqual(play(pair, None, faults=(fault,), rounds=rounds), 0)

    def test_fault_38_the_embedded_pair_stays_exact_with_a_hostile_client(self):
        self.assert_exact("hostile", "embedded", weir.rounds(1, 5))

    def test_fault_38_kafka_and_postgresql_stay_exact_with_a_hostile_client(self):
        self.assert_exact("hostile", "kafka", weir.rounds(1, 5))

    def test_fault_41_the_embedded_pair_stays_exact_when_clocks_step_by_ten_days(self):
        self.assert_exact("clock-days", "embedded", weir.rounds(1, 5))

    def test_fault_41_kafka_and_postgresql_stay_exact_when_clocks_step_by_ten_days(self):
        self.assert_exact("clock-days", "kafka", weir.rounds(1, 5))

    def test_fault_42_lost_files_make_the_service_not_ready_and_the_remaining_data_is_exact(self):
        self.assert_exact("lost-files", "embedded", weir.rounds(2, 10))


if __name__ == "__main__":
    namespaces.enter()
    weir.main()
