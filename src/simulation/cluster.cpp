#include "simulation/cluster.hpp"

#include <algorithm>
#include <utility>

namespace weir::simulation {

using std::chrono::milliseconds;

SimulatedProcess::SimulatedProcess(const consumer::ConsumerSettings& settings, consumer::FakeTopic& topic,
                                   commit::FakeDatabase& database, bool forgetful,
                                   std::unique_ptr<consumer::FakeDeadLetterTopic> copies,
                                   std::function<Now()> clock)
    : clock_(std::move(clock)),
      silence_(telemetry::make_silent_logger()),
      reader_(topic, forgetful),
      store_(database, "the-group"),
      copies_(std::move(copies)),
      consumer_(settings, *silence_) {
  reader_.reader.records_a_poll_max(7);
}

void SimulatedProcess::run_turn() {
  const auto polled = reader_.poll(milliseconds{0});
  consumer::TurnResult end =
      consumer::run_turn(consumer_, reader_, copies_.get(), polled, std::exchange(ended_, {}), clock_());
  for (consumer::Job& job : end.jobs) to_write_.push_back(std::move(job));
  if (end.exit) left_ = end.exit;
}

bool SimulatedProcess::take_write_step() {
  if (to_write_.empty()) return false;
  commit::StoreWork& work = consumer::work_of(to_write_.front());
  if (!call_) call_ = work.next();
  if (!call_) {
    ended_.push_back(std::move(to_write_.front()));
    to_write_.pop_front();
    return true;
  }
  const auto* begin = std::get_if<commit::Begin>(&*call_);
  if (begin && store_.would_block(begin->fences)) return false;
  const auto* retire = std::get_if<commit::ArchiveLedger>(&*call_);
  if (retire && store_.would_block(retire->retirement)) return false;
  const auto* lock = std::get_if<commit::LockDeadLetters>(&*call_);
  if (lock && store_.would_block(lock->letters)) return false;
  work.answer(commit::perform(store_, *std::exchange(call_, std::nullopt)));
  return true;
}

void SimulatedProcess::settle() {
  bool copied = false;
  do {
    run_turn();
    while (take_write_step()) {
    }
    copied = false;
    while (take_copy_step()) copied = true;
  } while (!ended_.empty() || copied);
}

SimulatedCluster::SimulatedCluster(ClusterRules rules)
    : topic(rules.partitions),
      rules_(rules),
      now_{.wall = WallTime{milliseconds{1'764'000'000'000}}, .mono = MonoTime{std::chrono::hours{1}}},
      oracle_(consumer::share_of(rules.consumer.dedupe, rules.partitions), rules.consumer.agenda.retention,
              rules.consumer.dimensions) {
  oracle_.clock_shows(now_.wall);
  rules_.consumer.copy_letters = rules.copies;
  database.bugs = rules.store_bugs;
  database.on_commit = [this](const commit::Changes& changes) { check(changes); };
  database.on_retire = [this](const commit::LedgerArchival& retirement, const tally::LedgerRow& fresh) {
    oracle_.retired(retirement);
    accounts_[fresh.partition] = {fresh.partition, fresh.next_offset, fresh.version};
  };
}

void SimulatedCluster::advance(milliseconds by) {
  now_.mono += by;
  turn_wall_clock(by);
}

void SimulatedCluster::turn_wall_clock(milliseconds by) {
  now_.wall += by;
  oracle_.clock_shows(now_.wall);
}

Oracle::Verdict SimulatedCluster::append(std::int32_t partition, const Told& what, milliseconds ahead) {
  const consumer::FakeRecord record = written_down(what, now_.wall + ahead);
  return oracle_.told(partition, topic.append(partition, record), record, what, now_.wall);
}

std::unique_ptr<SimulatedProcess> SimulatedCluster::start_process(consumer::ConsumerSettings settings) {
  std::unique_ptr<consumer::FakeDeadLetterTopic> copies;
  if (rules_.copies)
    copies = std::make_unique<consumer::FakeDeadLetterTopic>(letter_topic, rules_.hasty_copies);
  return std::make_unique<SimulatedProcess>(settings, topic, database, rules_.forgetful, std::move(copies),
                                            [this] { return now_; });
}

void SimulatedCluster::checkpoint() {
  kept_ = database;
  oracle_.keep();
}

std::int64_t SimulatedCluster::fall_back() {
  database.fall_back_to(kept_);
  oracle_.fall_back(database);
  std::int64_t taken_back = 0;
  for (const auto& [partition, account] : accounts_) taken_back += account.version;
  accounts_.clear();
  for (const auto& [partition, row] : database.ledgers) {
    accounts_[partition] = {partition, row.next_offset, row.version};
    taken_back -= row.version;
  }
  return taken_back;
}

std::int64_t SimulatedCluster::prune_log() {
  std::int64_t pruned = 0;
  for (const auto& [partition, row] : kept_.ledgers) {
    const std::int64_t unneeded =
        row.next_offset - consumer::share_of(rules_.consumer.dedupe, rules_.partitions).records;
    const std::int64_t start = topic.bounds(partition).start;
    if (unneeded <= start) continue;
    topic.prune_before(partition, unneeded);
    pruned += unneeded - start;
  }
  return pruned;
}

void SimulatedCluster::cut_log(std::int32_t partition, std::int64_t offset) {
  topic.prune_before(partition, offset);
  oracle_.cut_off(partition, topic.bounds(partition).start);
}

void SimulatedCluster::make_topic_anew() {
  advance(milliseconds{1000});  // so that no record of the new log has the time of one of the old one's
  topic.recreate();
  oracle_.made_anew();
}

bool SimulatedCluster::all_counted() const {
  for (std::int32_t partition = 0; partition < topic.partitions(); ++partition) {
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
  // A row that has not been written to yet is as open_ledger() made it.
  for (const tally::LedgerRow& row : changes.ledgers)
    accounts_.try_emplace(row.partition,
                          commit::Fence{row.partition, std::max(row.start_offset, row.counted_from), 0});
  oracle_.committed(changes, accounts_);
  if (!fault_) fault_ = oracle_.find_fault(changes, accounts_);
  if (!fault_ && rules_.copies) fault_ = oracle_.find_uncopied(changes, accounts_, letter_topic);
  // The views are complete at every moment, roll-ups or not; looking at all of them each time would take too
  // long.
  if (!fault_ && ++commits_ % 32 == 0) fault_ = oracle_.find_fault(database);
  for (const tally::LedgerRow& row : changes.ledgers)
    accounts_[row.partition] = {row.partition, row.next_offset, row.version};
}

consumer::ConsumerSettings hurried_settings() {
  consumer::ConsumerSettings settings;
  settings.topic = commit::FakeMetricsStore::topic;
  settings.dedupe = {.window = std::chrono::seconds{60}, .records = 40};
  settings.agenda.pacing = {
      .flush_interval = milliseconds{1000}, .flush_min_interval = milliseconds{200}, .batch_size = 10};
  settings.agenda.retention = {.minute = std::chrono::days{1},
                               .hour = std::chrono::days{0},
                               .day = std::chrono::days{0},
                               .metrics = std::chrono::days{0}};
  settings.agenda.roll_up_minutes_max = 6;
  settings.agenda.part = {.rows = 45, .bytes = limits::MiB};
  settings.agenda.transaction = {.rows = 60, .bytes = limits::MiB};
  settings.agenda.step = {.rows = 18, .bytes = 300};
  settings.dimensions = own_dimensions();
  settings.waiting_events_max = 60;
  settings.waiting_letters_max = 10;
  return settings;
}

}  // namespace weir::simulation
