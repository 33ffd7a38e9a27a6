#include "sqlite/event_log.hpp"

#include <utility>

#include "sqlite/schema.hpp"

namespace weir::sqlite {
namespace {

using intake::Receipt;
using intake::Receipts;

constexpr std::string_view code_full = "log_full";
constexpr std::string_view code_stopping = "log_stopping";
constexpr std::string_view code_failed = "log_failed";
constexpr std::string_view code_blocked = "log_blocked";

// A step of the clock that an operator should hear of.
constexpr std::chrono::minutes clock_step_told_min{1};

constexpr std::size_t page_bytes = 4096;
RecordTime record_time(std::int64_t milliseconds) {
  return RecordTime(std::chrono::milliseconds(milliseconds));
}

std::chrono::milliseconds since(MonoTime begin, MonoTime end) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(end - begin);
}

}  // namespace

Result<std::unique_ptr<EmbeddedLog>> EmbeddedLog::open(EventLogOptions options, telemetry::Logger& logger,
                                                       Fatal fatal) {
  auto database = Database::open(options.file, {.kind = event_log_file,
                                                .mode = OpenMode::create_or_migrate,
                                                .durability = Durability::full,
                                                .busy_timeout = options.busy_timeout,
                                                .vfs = options.vfs});
  if (!database) return propagate(database);
  database->keep_wal_at_close();  // checkpoint_wal() has seen to it, and its errors are heard
  std::unique_ptr<EmbeddedLog> self(
      new EmbeddedLog(std::move(options), logger, std::move(fatal), std::move(*database)));
  if (auto prepared = self->prepare(); !prepared) return propagate(prepared);
  self->writer_ = std::thread([log_itself = self.get()] { log_itself->write_until_stopped(); });
  return self;
}

EmbeddedLog::EmbeddedLog(EventLogOptions options, telemetry::Logger& logger, Fatal fatal, Database database)
    : options_(std::move(options)),
      logger_(logger),
      fatal_(std::move(fatal)),
      commits_(std::make_shared<CommitSignal>(0)),
      database_(std::move(database)) {}

EmbeddedLog::~EmbeddedLog() { stop(std::chrono::milliseconds(0)); }

Result<void> EmbeddedLog::prepare() {
  const auto keep = [this](std::optional<Statement>& place, std::string_view sql) -> Result<void> {
    auto statement = database_.prepare(sql);
    if (!statement) return propagate(statement);
    place.emplace(std::move(*statement));
    return {};
  };
  if (auto done = keep(insert_, "INSERT INTO segments VALUES(?1, ?2, ?3, ?4)"); !done) return done;
  auto pruner = SegmentPruner::open(database_);
  if (!pruner) return propagate(pruner);
  pruner_.emplace(std::move(*pruner));

  auto id = database_.prepare("SELECT value FROM meta WHERE name = 'log_id'");
  if (!id) return propagate(id);
  auto row = id->step();
  if (!row) return propagate(row);
  if (!*row)
    return fail(ErrorKind::internal, code_corrupt,
                options_.file.string() + ": the event log has lost its log_id");
  log_id_ = id->text(0);
  id->reset();
  if (auto loaded = load_end(); !loaded) return loaded;
  commits_->committed(end_);
  return {};
}

// The end of the log is where its newest segment ends; read whole, to see that it can be.
Result<void> EmbeddedLog::load_end() {
  auto newest = database_.prepare(
      "SELECT first_offset, records, time_ms, body FROM segments ORDER BY first_offset DESC LIMIT 1");
  if (!newest) return propagate(newest);
  auto row = newest->step();
  if (!row) return propagate(row);
  end_ = 0;
  if (!*row) return {};
  const SegmentRow segment{.first_offset = newest->number(0),
                           .records = newest->number(1),
                           .time = record_time(newest->number(2))};
  std::vector<consumer::RecordView> records;
  if (auto read = read_segment(segment, newest->blob(3), records); !read) {
    read.error().text = options_.file.string() + ": " + read.error().text;
    return read;
  }
  end_ = segment.end();
  last_time_ = segment.time;
  return {};
}

void EmbeddedLog::append(intake::EventBatch events, intake::ReceiptCallback receive) {
  if (events.records.empty()) return receive(Receipts{.all = Receipt::kept, .each = {}, .why = {}});
  std::unique_lock lock(mutex_);
  if (failed_) {
    lock.unlock();
    return refuse(std::move(receive), code_failed,
                  "the event log's disk has failed; this process is leaving");
  }
  if (stop_at_) {
    lock.unlock();
    return refuse(std::move(receive), code_stopping, "the event log takes nothing more: shutting down");
  }
  if (!blocked_.empty()) {
    std::string reason = blocked_;
    lock.unlock();
    return refuse(std::move(receive), code_blocked, std::move(reason));
  }
  if (waiting_bytes_ + events.bytes.size() > options_.waiting_bytes_max) {
    lock.unlock();
    return refuse(std::move(receive), code_full, "too many bytes wait for the event log");
  }
  waiting_bytes_ += events.bytes.size();
  const bool first = queue_.empty();
  queue_.push_back({std::move(events), std::move(receive)});
  lock.unlock();
  if (first) work_.notify_one();
}

void EmbeddedLog::refuse(intake::ReceiptCallback receive, std::string_view code, std::string text) const {
  receive(
      Receipts{.all = Receipt::not_kept, .each = {}, .why = {ErrorKind::unavailable, code, std::move(text)}});
}

intake::LogHealth EmbeddedLog::health() const {
  const std::scoped_lock lock(mutex_);
  return {.up = trouble_.empty() && blocked_.empty() && !stop_at_,
          .reason = !blocked_.empty()   ? blocked_
                    : !trouble_.empty() ? trouble_
                    : stop_at_          ? "draining"
                                        : "",
          .log_id = log_id_,
          .end = commits_->end(),
          .latency_ms = latency_.count()};
}

void EmbeddedLog::prune_before(std::int64_t offset, RecordTime time) {
  const std::scoped_lock lock(mutex_);
  if (!blocked_.empty()) return;
  prune_ = SegmentPruner::Wanted{.offset = offset, .time = time};
  work_.notify_one();
}

void EmbeddedLog::block(std::string reason) {
  const std::scoped_lock lock(mutex_);
  blocked_ = std::move(reason);
  if (!blocked_.empty()) prune_.reset();
}

void EmbeddedLog::stop(std::chrono::milliseconds deadline) {
  {
    const std::scoped_lock lock(mutex_);
    const MonoTime at = options_.clock().mono + deadline;
    stop_at_ = stop_at_ ? std::min(*stop_at_, at) : at;
    work_.notify_one();
  }
  if (writer_.joinable()) writer_.join();
}

void EmbeddedLog::write_until_stopped() {
  while (take_work()) {
    commit_all(taken_);
    taken_.clear();
    run_maintenance();
  }
  if (!failed()) checkpoint_wal(CheckpointMode::truncate);
}

// Waits for something to do, which is also to see whether trouble has passed; false when nothing will come
// any more.
bool EmbeddedLog::take_work() {
  std::unique_lock lock(mutex_);
  const auto called = [this] { return !queue_.empty() || prune_ || stop_at_ || failed_; };
  if (trouble_.empty())
    work_.wait(lock, called);
  else
    probing_ = !work_.wait_for(lock, options_.probe_interval, called);
  taken_.swap(queue_);
  return !taken_.empty() || (!stop_at_ && !failed_);
}

void EmbeddedLog::commit_all(std::span<Waiting> taken) {
  while (!taken.empty()) {
    std::size_t count = 0;
    std::size_t bytes = 0;
    while (count < taken.size() &&
           (count == 0 || bytes + taken[count].events.bytes.size() <= options_.commit_bytes_max))
      bytes += taken[count++].events.bytes.size();
    commit_group(taken.first(count), bytes);
    taken = taken.subspan(count);
  }
}

void EmbeddedLog::commit_group(std::span<Waiting> group, std::size_t bytes) {
  const MonoTime begin = options_.clock().mono;
  auto outcome = too_late(begin);
  if (!outcome) {
    outcome = write(group);
    tell(*outcome, since(begin, options_.clock().mono));
  }
  {
    const std::scoped_lock lock(mutex_);
    waiting_bytes_ -= bytes;  // before the answers: who has one may come with the next at once
  }
  for (auto& one : group) one.receive(Receipts{.all = outcome->receipt, .each = {}, .why = outcome->why});
  if (outcome->why.code == code_fsync_failed) give_up(outcome->why);
}

std::optional<EmbeddedLog::Outcome> EmbeddedLog::too_late(MonoTime now) const {
  const std::scoped_lock lock(mutex_);
  if (failed_)
    return Outcome{Receipt::not_kept,
                   {ErrorKind::unavailable, code_failed, "the event log's disk has failed"}};
  if (stop_at_ && now >= *stop_at_)
    return Outcome{Receipt::not_kept,
                   {ErrorKind::unavailable, code_stopping, "shut down before its turn came"}};
  return std::nullopt;
}

EmbeddedLog::Outcome EmbeddedLog::write(std::span<const Waiting> group) {
  if (!end_known_) {
    if (auto loaded = load_end(); !loaded) return {Receipt::not_kept, std::move(loaded).error()};
    end_known_ = true;
  }
  auto done = database_.begin();
  if (done) done = insert(group);
  const bool tried = done.has_value();
  if (done) done = database_.commit();
  if (done) {
    end_ = writing_at_;
    commits_->committed(end_);
    return {};
  }
  database_.rollback();
  const auto& code = done.error().code;
  if (code == code_fsync_failed || (tried && code != code_disk_full)) {
    end_known_ = false;
    return {Receipt::unknown, std::move(done).error()};
  }
  return {Receipt::not_kept, std::move(done).error()};
}

Result<void> EmbeddedLog::insert(std::span<const Waiting> group) {
  read_time();
  writing_at_ = end_;
  segment_.begin_anew();
  for (const auto& one : group)
    for (const auto& record : one.events.records) {
      segment_.add(one.events, record);
      if (!segment_.full()) continue;
      if (auto inserted = insert_segment(); !inserted) return inserted;
    }
  return segment_.records() > 0 ? insert_segment() : Result<void>{};
}

// The time of what is written now. See the header for a clock that is stepped.
void EmbeddedLog::read_time() {
  const Now now = options_.clock();
  const auto back = std::chrono::duration_cast<std::chrono::seconds>(last_time_ - now.wall);
  const bool follows = now.wall >= last_time_ || last_time_ - now.wall > limits::clock_step_back_max;
  const auto ahead = last_read_
                         ? (now.wall - last_read_->wall) -
                               std::chrono::floor<std::chrono::milliseconds>(now.mono - last_read_->mono)
                         : std::chrono::milliseconds{0};
  if (follows && now.wall < last_time_)
    logger_.warn("the clock is behind the newest record of the event log; new records get the clock's time",
                 {{"by_seconds", std::to_string(back.count())}});
  if (ahead > clock_step_told_min)
    logger_.warn("the clock was stepped ahead; new records get the clock's time",
                 {{"by_seconds", std::to_string(ahead / std::chrono::seconds{1})}});
  last_read_ = now;
  if (follows) last_time_ = now.wall;
}

Result<void> EmbeddedLog::insert_segment() {
  const std::int64_t records = segment_.records();
  insert_->bind(1, writing_at_)
      .bind(2, records)
      .bind(3, last_time_.time_since_epoch().count())
      .bind_blob(4, segment_.finish());
  auto inserted = insert_->run();
  writing_at_ += records;
  segment_.begin_anew();
  return inserted;
}

// Keeps health up to date, and one line in the operator's log where things turn bad or good again.
void EmbeddedLog::tell(const Outcome& outcome, std::chrono::milliseconds latency) {
  bool was_well = false;
  {
    const std::scoped_lock lock(mutex_);
    was_well = trouble_.empty();
    trouble_ = outcome.why.text;
    latency_ = latency;
  }
  const bool well = outcome.receipt == Receipt::kept;
  if (was_well && !well)
    logger_.error("the event log cannot be written",
                  {{"code", std::string(outcome.why.code)}, {"reason", outcome.why.text}});
  if (!was_well && well) logger_.info("the event log can be written again");
}

// Between commits: the WAL, a bite of retention, and a look whether trouble has passed, as nobody sends
// events to a service that says it is not ready.
void EmbeddedLog::run_maintenance() {
  if (failed()) return;
  if (std::exchange(probing_, false)) probe();
  prune();
  const std::int64_t frames = database_.wal_frames();
  const auto frames_max = static_cast<std::int64_t>(options_.checkpoint_bytes / page_bytes);
  if (frames < frames_max) next_checkpoint_frames_ = 0;
  if (frames >= std::max(frames_max, next_checkpoint_frames_) && !failed())
    checkpoint_wal(CheckpointMode::passive);
}

// A write that means nothing.
void EmbeddedLog::probe() {
  auto done = database_.begin();
  if (done) done = database_.run("INSERT OR REPLACE INTO meta VALUES('probe', '')");
  if (done) done = database_.commit();
  database_.rollback();
  if (done) return tell({}, std::chrono::milliseconds(0));
  if (done.error().code == code_fsync_failed) give_up(done.error());
}

void EmbeddedLog::prune() {
  std::optional<SegmentPruner::Wanted> wanted;
  {
    const std::scoped_lock lock(mutex_);
    wanted = prune_;
  }
  if (!wanted) return;
  auto more = pruner_->bite(database_, *wanted, end_, options_.clock().wall);
  if (!more && more.error().code == code_fsync_failed) return give_up(more.error());
  if (!more)
    logger_.warn("the event log could not be pruned; next time again", {{"reason", more.error().text}});
  const std::scoped_lock lock(mutex_);
  if (prune_ == wanted && !more.value_or(false)) prune_.reset();
}

// Copies the WAL into the file. When all of it is there, the next commit begins the WAL again from its start.
// A reader in the middle of its snapshot can keep it from that; then it is tried again a quarter further on.
void EmbeddedLog::checkpoint_wal(CheckpointMode mode) {
  next_checkpoint_frames_ = database_.wal_frames() + database_.wal_frames() / 4;
  auto end = database_.checkpoint(mode);
  if (end) return;
  if (end.error().code == code_fsync_failed) return give_up(end.error());
  logger_.warn("the event log's WAL could not be written back; later again", {{"reason", end.error().text}});
}

// An fsync has failed. The kernel may have dropped what it could not write and call it clean, so that a
// second fsync would succeed without a word: nothing is tried again.
void EmbeddedLog::give_up(const Error& why) {
  {
    const std::scoped_lock lock(mutex_);
    failed_ = true;
    trouble_ = why.text;
  }
  logger_.error("the event log's disk has failed; leaving, so that recovery decides", {{"reason", why.text}});
  if (fatal_) fatal_(why);
}

bool EmbeddedLog::failed() const {
  const std::scoped_lock lock(mutex_);
  return failed_;
}

}  // namespace weir::sqlite
