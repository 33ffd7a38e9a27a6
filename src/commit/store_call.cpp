#include "commit/store_call.hpp"

namespace weir::commit {

// Each request calls the function of MetricsStore that it stands for.

OpenLedger::Response OpenLedger::send(MetricsStore& store) const {
  return store.open_ledger(partition, start_offset, now);
}

ArchiveLedger::Response ArchiveLedger::send(MetricsStore& store) const {
  return store.archive_ledger(archival);
}

FindFailedReplays::Response FindFailedReplays::send(MetricsStore& store) const {
  return store.find_failed_replays();
}

FindDeadLetters::Response FindDeadLetters::send(MetricsStore& store) const {
  return store.find_dead_letters(partition, from, to);
}

FindPendingRollups::Response FindPendingRollups::send(MetricsStore& store) const {
  return store.find_pending_rollups(partition);
}

Begin::Response Begin::send(MetricsStore& store) const { return store.begin(fences); }

ReadWindows::Response ReadWindows::send(MetricsStore& store) const {
  return store.read_windows(keys, bytes_max);
}

ReadPendingRows::Response ReadPendingRows::send(MetricsStore& store) const {
  return store.read_pending_rows(partition, minutes, bounds);
}

LockDeadLetters::Response LockDeadLetters::send(MetricsStore& store) const {
  return store.lock_dead_letters(dead_letters);
}

Write::Response Write::send(MetricsStore& store) const { return store.write(changes); }

Commit::Response Commit::send(MetricsStore& store) const { return store.commit(); }

Rollback::Response Rollback::send(MetricsStore& store) const {
  store.rollback();
  return {};
}

// One visit picks request, call and receiver together: they cannot be of different types.
void execute(StoreCall call, MetricsStore& store) {
  std::visit([&store](auto& typed) { typed.respond(typed.request().send(store)); }, call);
}

void run_to_end(StoreWork& work, MetricsStore& store) {
  while (std::optional<StoreCall> call = work.next()) execute(*std::move(call), store);
}

}  // namespace weir::commit
