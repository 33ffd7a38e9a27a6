// A process runs on the driver's thread. It makes at most one call of the store at a time, and never one that
// would block. A real session would wait for the lock of another one, so the driver runs other processes
// first.
//
// The database calls check() after each commit, before the next step. So a fault is reported with the
// transaction that caused it.
#include "simulation/cluster.hpp"

#include <algorithm>
#include <utility>

namespace weir::simulation {

using std::chrono::milliseconds;

SimulatedProcess::SimulatedProcess(const consumer::ConsumerSettings& settings, consumer::FakeTopic& topic,
                                   commit::FakeDatabase& database, bool skip_rebuild,
                                   std::unique_ptr<consumer::FakeDeadLetterTopic> dlq,
                                   std::function<Now()> clock)
    : clock_(std::move(clock)),
      logger_(telemetry::make_silent_logger()),
      reader_(topic, skip_rebuild),
      store_(database, "the-group"),
      dlq_(std::move(dlq)),
      consumer_(settings, *logger_) {
  reader_.reader.records_a_poll_max(7);  // so that one batch takes several polls
}

void SimulatedProcess::run_iteration() {
  const auto polled = reader_.poll(milliseconds{0});
  consumer::IterationResult result = consumer::run_poll_iteration(consumer_, reader_, dlq_.get(), polled,
                                                                  std::exchange(written_, {}), clock_());
  for (consumer::Job& job : result.jobs) to_write_.push_back(std::move(job));
  if (result.exit) exit_ = result.exit;
}

// One step is one call of the store, or the return of a finished job.
bool SimulatedProcess::run_write_step() {
  if (to_write_.empty()) return false;
  commit::StoreWork& work = consumer::work_of(to_write_.front());
  if (!call_) call_ = work.next();
  if (!call_) {
    written_.push_back(std::move(to_write_.front()));
    to_write_.pop_front();
    return true;
  }
  // The calls that wait for locks.
  const auto* begin = commit::request_if<commit::Begin>(*call_);
  if (begin && store_.would_block(begin->fences)) return false;
  const auto* archive = commit::request_if<commit::ArchiveLedger>(*call_);
  if (archive && store_.would_block(archive->archival)) return false;
  const auto* lock = commit::request_if<commit::LockDeadLetters>(*call_);
  if (lock && store_.would_block(lock->dead_letters)) return false;
  commit::execute(*std::exchange(call_, std::nullopt), store_);
  return true;
}

void SimulatedProcess::run_until_idle() {
  bool copied = false;
  do {
    run_iteration();
    while (run_write_step()) {
    }
    copied = false;
    while (end_dlq_copy()) copied = true;
  } while (!written_.empty() || copied);
}

SimulatedCluster::SimulatedCluster(ClusterSettings settings)
    : topic(settings.partitions),
      settings_(settings),
      now_{.wall = WallTime{milliseconds{1'764'000'000'000}}, .mono = MonoTime{std::chrono::hours{1}}},
      oracle_(consumer::share_of(settings.consumer.dedupe, settings.partitions),
              settings.consumer.commits.retention) {
  oracle_.on_clock(now_.wall);
  settings_.consumer.dlq_enabled = settings.dlq_enabled;
  database.bugs = settings.store_bugs;
  database.on_commit = [this](const commit::Changes& changes) { check(changes); };
  database.on_archive = [this](const commit::LedgerArchival& archival, const tally::LedgerRow& new_row) {
    oracle_.on_ledger_archived(archival);
    fences_[new_row.partition] = {new_row.partition, new_row.next_offset, new_row.version};
  };
}

void SimulatedCluster::advance(milliseconds by) {
  now_.mono += by;
  step_wall_clock(by);
}

void SimulatedCluster::step_wall_clock(milliseconds by) {
  now_.wall += by;
  oracle_.on_clock(now_.wall);
}

Oracle::Verdict SimulatedCluster::append(std::int32_t partition, const consumer::TestEvent& event,
                                         milliseconds ahead) {
  const consumer::FakeRecord record = consumer::make_record(event, now_.wall + ahead);
  return oracle_.on_appended(partition, topic.append(partition, record), record, event, now_.wall);
}

std::unique_ptr<SimulatedProcess> SimulatedCluster::start_process(consumer::ConsumerSettings settings) {
  std::unique_ptr<consumer::FakeDeadLetterTopic> producer;
  if (settings_.dlq_enabled)
    producer = std::make_unique<consumer::FakeDeadLetterTopic>(dlq, settings_.dlq_acknowledges_early);
  return std::make_unique<SimulatedProcess>(settings, topic, database, settings_.skip_rebuild,
                                            std::move(producer), [this] { return now_; });
}

void SimulatedCluster::checkpoint() {
  checkpoint_ = database;
  oracle_.checkpoint();
}

// Each ledger write raises a version by one, so the difference of the versions is the number of lost writes.
std::int64_t SimulatedCluster::restore_checkpoint() {
  database.fall_back_to(checkpoint_);
  oracle_.restore_checkpoint(database);
  std::int64_t lost = 0;
  for (const auto& [partition, fence] : fences_) lost += fence.version;
  fences_.clear();
  for (const auto& [partition, row] : database.ledgers) {
    fences_[partition] = {partition, row.next_offset, row.version};
    lost -= row.version;
  }
  return lost;
}

// The checkpoint, not the present state, decides: after a failover the records after it are read again.
std::int64_t SimulatedCluster::prune_log() {
  std::int64_t pruned = 0;
  for (const auto& [partition, row] : checkpoint_.ledgers) {
    const std::int64_t needed_from =
        row.next_offset - consumer::share_of(settings_.consumer.dedupe, settings_.partitions).records;
    const std::int64_t start = topic.bounds(partition).start;
    if (needed_from <= start) continue;
    topic.prune_before(partition, needed_from);
    pruned += needed_from - start;
  }
  return pruned;
}

void SimulatedCluster::cut_log(std::int32_t partition, std::int64_t offset) {
  topic.prune_before(partition, offset);
  oracle_.on_log_cut(partition, topic.bounds(partition).start);
}

void SimulatedCluster::recreate_topic() {
  advance(milliseconds{1000});  // so that no record of the new log has the time of an old one
  topic.recreate();
  oracle_.on_topic_recreated();
}

// Holes at the end of the log are counted, too.
bool SimulatedCluster::all_counted() const {
  for (std::int32_t partition = 0; partition < topic.partition_count(); ++partition) {
    const auto row = database.ledgers.find(partition);
    const std::int64_t counted = row == database.ledgers.end() ? 0 : row->second.next_offset;
    if (counted != topic.bounds(partition).end) return false;
  }
  return true;
}

bool SimulatedCluster::all_pruned() const {
  return !oracle_.find_unpruned(database, now_.wall - std::chrono::hours{2});
}

std::optional<std::string> SimulatedCluster::fault() const {
  return fault_ ? fault_ : oracle_.find_fault(database);
}

void SimulatedCluster::check(const commit::Changes& changes) {
  // `fences_` still has the state before this transaction. A ledger row that was never written is as
  // open_ledger() created it.
  for (const tally::LedgerRow& row : changes.ledgers)
    fences_.try_emplace(row.partition,
                        commit::Fence{row.partition, std::max(row.start_offset, row.counted_from), 0});
  oracle_.on_committed(changes, fences_);
  if (!fault_) fault_ = oracle_.find_fault(changes, fences_);
  if (!fault_ && settings_.dlq_enabled) fault_ = oracle_.find_missing_copy(changes, fences_, dlq);
  // The views must be complete after every transaction. Comparing all of them each time would take too long.
  if (!fault_ && ++commits_ % 32 == 0) fault_ = oracle_.find_fault(database);
  for (const tally::LedgerRow& row : changes.ledgers)
    fences_[row.partition] = {row.partition, row.next_offset, row.version};
}

// Small bounds: batches, transactions and steps are full after some records, and the backlog after one
// minute.
consumer::ConsumerSettings fast_settings() {
  consumer::ConsumerSettings settings;
  settings.topic = commit::FakeMetricsStore::topic;
  settings.dedupe = {.window = std::chrono::seconds{60}, .records = 40};
  settings.commits.pacing = {
      .flush_interval = milliseconds{1000}, .flush_min_interval = milliseconds{200}, .batch_size = 10};
  settings.commits.retention = {.minute = std::chrono::days{1},
                                .hour = std::chrono::days{0},
                                .day = std::chrono::days{0},
                                .metrics = std::chrono::days{0}};
  settings.commits.roll_up_minutes_max = 6;
  settings.commits.batch = {.rows = 30, .bytes = limits::MiB};
  settings.commits.transaction = {.rows = 40, .bytes = limits::MiB};
  settings.commits.step = {.rows = 12, .bytes = 200};
  settings.backlog.events = 60;
  settings.backlog.dead_letters = 10;
  return settings;
}

}  // namespace weir::simulation
