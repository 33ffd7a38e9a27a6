"""Single faults of the bench, each on the pairs that it can strike, by seeds that change from run to run.

It prints the seed of each story. `make chaos PAIR=… SEED=… FAULTS=…` plays one again."""
import unittest

from tests.chaos import namespaces
from tests.chaos.chaos_test import play
from tests.harness import weir


class SingleFaults(unittest.TestCase):
    def exact(self, fault, pair, rounds):
        self.assertEqual(play(pair, None, faults=(fault,), rounds=rounds), 0)

    def test_fault_38_a_hostile_client_beside_honest_ones_leaves_the_embedded_pair_exact(self):
        self.exact("hostile", "embedded", weir.rounds(1, 5))

    def test_fault_38_a_hostile_client_beside_honest_ones_leaves_kafka_and_postgresql_exact(self):
        self.exact("hostile", "kafka", weir.rounds(1, 5))

    def test_fault_41_clocks_that_step_by_ten_days_leave_the_embedded_pair_exact(self):
        self.exact("clock-days", "embedded", weir.rounds(1, 5))

    def test_fault_41_clocks_that_step_by_ten_days_leave_kafka_and_postgresql_exact(self):
        self.exact("clock-days", "kafka", weir.rounds(1, 5))

    def test_fault_42_files_lost_under_a_running_service_make_it_not_ready_and_what_is_left_is_exact(self):
        self.exact("lost-files", "embedded", weir.rounds(2, 10))


if __name__ == "__main__":
    namespaces.enter()
    weir.main()
