// Threads: append(), health(), prune_before() and block() come from any thread and only queue, under the
// mutex. The writer's thread has the rest. Its loop is: wait for work, commit everything that is queued in
// groups of commit_bytes_max, report the receipts, then run_maintenance(): a test write after a failure, one
// batch of retention, a checkpoint if the WAL is large. stop() ends the loop; the last thing it does is a
// full checkpoint.
//
// A failed fsync ends all writing. The kernel may have dropped the pages that it could not write and marked
// them clean, so a second fsync would succeed without having written them.
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

// Smaller steps of the clock forward are not logged.
constexpr std::chrono::minutes clock_step_logged_min{1};

constexpr std::size_t page_bytes = 4096;  // the default of SQLite; a WAL frame holds one page

RecordTime record_time(std::int64_t milliseconds) {
  return RecordTime(std::chrono::milliseconds(milliseconds));
}

std::chrono::milliseconds since(MonoTime begin, MonoTime end) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(end - begin);
}

}  // namespace

Result<std::unique_ptr<EmbeddedLog>> EmbeddedLog::open(EventLogOptions options, telemetry::Logger& logger,
                                                       OnFatal on_fatal) {
  auto database = Database::open(options.file, {.kind = event_log_file,
                                                .mode = OpenMode::create_or_migrate,
                                                .durability = Durability::full,
                                                .busy_timeout = options.busy_timeout,
                                                .vfs = options.vfs});
  if (!database) return propagate(database);
  database->keep_wal_at_close();  // checkpoint_wal() writes it back and reports errors
  std::unique_ptr<EmbeddedLog> self(
      new EmbeddedLog(std::move(options), logger, std::move(on_fatal), std::move(*database)));
  if (auto prepared = self->prepare(); !prepared) return propagate(prepared);
  self->writer_ = std::thread([log_itself = self.get()] { log_itself->write_until_stopped(); });
  return self;
}

EmbeddedLog::EmbeddedLog(EventLogOptions options, telemetry::Logger& logger, OnFatal on_fatal,
                         Database database)
    : options_(std::move(options)),
      logger_(logger),
      on_fatal_(std::move(on_fatal)),
      commits_(std::make_shared<CommitSignal>(0)),
      database_(std::move(database)) {}

EmbeddedLog::~EmbeddedLog() { stop(std::chrono::milliseconds(0)); }

Result<void> EmbeddedLog::prepare() {
  auto insert = database_.prepare("INSERT INTO segments VALUES(?1, ?2, ?3, ?4)");
  if (!insert) return propagate(insert);
  insert_.emplace(std::move(*insert));
  auto pruner = SegmentPruner::open(database_);
  if (!pruner) return propagate(pruner);
  pruner_.emplace(std::move(*pruner));

  auto id = database_.prepare("SELECT value FROM meta WHERE name = 'log_id'");
  if (!id) return propagate(id);
  auto row = id->step();
  if (!row) return propagate(row);
  if (!*row)
    return fail(ErrorKind::internal, code_corrupt, options_.file.string() + ": the event log has no log_id");
  log_id_ = id->text(0);
  id->reset();
  if (auto loaded = load_end(); !loaded) return loaded;
  commits_->publish(end_);
  return {};
}

// The log ends where its newest segment ends. The whole segment is read, to find out that it is not damaged.
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
  std::string bytes;
  std::vector<consumer::RecordView> records;
  auto read = unpack_segment(segment, newest->blob(3), bytes);
  if (read) read = read_records(segment, bytes, records);
  if (!read) {
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
    return refuse(std::move(receive), code_failed, "the disk of the event log has failed; this process ends");
  }
  if (stop_at_) {
    lock.unlock();
    return refuse(std::move(receive), code_stopping, "the event log accepts no more events: shutting down");
  }
  if (!blocked_.empty()) {
    std::string reason = blocked_;
    lock.unlock();
    return refuse(std::move(receive), code_blocked, std::move(reason));
  }
  if (waiting_bytes_ + events.bytes.size() > options_.waiting_bytes_max) {
    lock.unlock();
    return refuse(std::move(receive), code_full, "too many bytes are waiting for the event log");
  }
  waiting_bytes_ += events.bytes.size();
  const bool first = queue_.empty();
  queue_.push_back({std::move(events), std::move(receive)});
  lock.unlock();
  if (first) work_.notify_one();  // the writer takes the whole queue, so later appends need not wake it
}

// On the thread of the caller, and without the mutex: the callback may call the log again.
void EmbeddedLog::refuse(intake::ReceiptCallback receive, std::string_view code, std::string text) const {
  receive(
      Receipts{.all = Receipt::not_kept, .each = {}, .why = {ErrorKind::unavailable, code, std::move(text)}});
}

intake::LogHealth EmbeddedLog::health() const {
  const std::scoped_lock lock(mutex_);
  return {.up = failure_.empty() && blocked_.empty() && !stop_at_,
          .reason = !blocked_.empty()   ? blocked_
                    : !failure_.empty() ? failure_
                    : stop_at_          ? "draining"
                                        : "",
          .log_id = log_id_,
          .end = commits_->end(),
          .latency_ms = latency_.count()};
}

void EmbeddedLog::prune_before(std::int64_t offset, RecordTime time) {
  const std::scoped_lock lock(mutex_);
  if (!blocked_.empty()) return;
  prune_request_ = SegmentPruner::Request{.offset = offset, .time = time};
  work_.notify_one();
}

void EmbeddedLog::block(std::string reason) {
  const std::scoped_lock lock(mutex_);
  blocked_ = std::move(reason);
  if (!blocked_.empty()) prune_request_.reset();
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
  while (wait_for_work()) {
    commit_batches(taken_);
    taken_.clear();
    run_maintenance();
  }
  if (!has_failed()) checkpoint_wal(CheckpointMode::truncate);
}

// Waits for batches, retention or stop(), and takes the queue. After a failure it waits for probe_interval at
// most. Returns false once stop() was called or the disk failed, and the queue is empty.
bool EmbeddedLog::wait_for_work() {
  std::unique_lock lock(mutex_);
  const auto has_work = [this] { return !queue_.empty() || prune_request_ || stop_at_ || failed_; };
  if (failure_.empty())
    work_.wait(lock, has_work);
  else
    probe_due_ = !work_.wait_for(lock, options_.probe_interval, has_work);
  taken_.swap(queue_);
  return !taken_.empty() || (!stop_at_ && !failed_);
}

// In groups of at most commit_bytes_max, but at least one batch.
void EmbeddedLog::commit_batches(std::span<QueuedBatch> batches) {
  while (!batches.empty()) {
    std::size_t count = 0;
    std::size_t bytes = 0;
    while (count < batches.size() &&
           (count == 0 || bytes + batches[count].events.bytes.size() <= options_.commit_bytes_max))
      bytes += batches[count++].events.bytes.size();
    commit_group(batches.first(count), bytes);
    batches = batches.subspan(count);
  }
}

void EmbeddedLog::commit_group(std::span<QueuedBatch> group, std::size_t bytes) {
  const MonoTime begin = options_.clock().mono;
  auto outcome = refusal(begin);
  if (!outcome) {
    outcome = write(group);
    update_health(*outcome, since(begin, options_.clock().mono));
  }
  {
    const std::scoped_lock lock(mutex_);
    waiting_bytes_ -= bytes;  // before the receipts, because a client may send its next request at once
  }
  for (auto& one : group) one.receive(Receipts{.all = outcome->receipt, .each = {}, .why = outcome->why});
  if (outcome->why.code == code_fsync_failed) fail_for_good(outcome->why);
}

// Why a group is not written at all, if so.
std::optional<EmbeddedLog::Outcome> EmbeddedLog::refusal(MonoTime now) const {
  const std::scoped_lock lock(mutex_);
  if (failed_)
    return Outcome{Receipt::not_kept,
                   {ErrorKind::unavailable, code_failed, "the disk of the event log has failed"}};
  if (stop_at_ && now >= *stop_at_)
    return Outcome{Receipt::not_kept,
                   {ErrorKind::unavailable, code_stopping, "shut down before the events were written"}};
  return std::nullopt;
}

EmbeddedLog::Outcome EmbeddedLog::write(std::span<const QueuedBatch> group) {
  // After a commit of unknown outcome the file says where the log ends.
  if (!end_known_) {
    if (auto loaded = load_end(); !loaded) return {Receipt::not_kept, std::move(loaded).error()};
    end_known_ = true;
  }
  auto done = database_.begin();
  if (done) done = insert(group);
  const bool commit_tried = done.has_value();
  if (done) done = database_.commit();
  if (done) {
    end_ = writing_at_;
    commits_->publish(end_);
    return {};
  }
  database_.rollback();
  // A COMMIT that fails may have been written, unless the disk is full (Database::commit).
  const auto& code = done.error().code;
  if (code == code_fsync_failed || (commit_tried && code != code_disk_full)) {
    end_known_ = false;
    return {Receipt::unknown, std::move(done).error()};
  }
  return {Receipt::not_kept, std::move(done).error()};
}

Result<void> EmbeddedLog::insert(std::span<const QueuedBatch> group) {
  update_time();
  writing_at_ = end_;
  segment_.reset();
  for (const auto& one : group)
    for (const auto& record : one.events.records) {
      segment_.add(one.events, record);
      if (!segment_.full()) continue;
      if (auto inserted = insert_segment(); !inserted) return inserted;
    }
  return segment_.records() > 0 ? insert_segment() : Result<void>{};
}

// Sets last_time_, which the records of this transaction get. event_log.hpp says what happens when the clock
// is stepped.
void EmbeddedLog::update_time() {
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
  if (ahead > clock_step_logged_min)
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
  segment_.reset();
  return inserted;
}

// Logs one line when writing begins to fail and one when it succeeds again.
void EmbeddedLog::update_health(const Outcome& outcome, std::chrono::milliseconds latency) {
  bool was_up = false;
  {
    const std::scoped_lock lock(mutex_);
    was_up = failure_.empty();
    failure_ = outcome.why.text;
    latency_ = latency;
  }
  const bool is_up = outcome.receipt == Receipt::kept;
  if (was_up && !is_up)
    logger_.error("the event log cannot be written",
                  {{"code", std::string(outcome.why.code)}, {"reason", outcome.why.text}});
  if (!was_up && is_up) logger_.info("the event log can be written again");
}

// Runs between commits. The test write is needed because clients send no events to a service that is not
// ready.
void EmbeddedLog::run_maintenance() {
  if (has_failed()) return;
  if (std::exchange(probe_due_, false)) probe();
  prune_batch();
  // A checkpoint that a reader held up is not tried again at once, but when the WAL has grown by a quarter.
  const std::int64_t frames = database_.wal_frames();
  const auto frames_max = static_cast<std::int64_t>(options_.checkpoint_bytes / page_bytes);
  if (frames < frames_max) next_checkpoint_frames_ = 0;
  if (frames >= std::max(frames_max, next_checkpoint_frames_) && !has_failed())
    checkpoint_wal(CheckpointMode::passive);
}

// Tries a write that changes no event.
void EmbeddedLog::probe() {
  auto done = database_.begin();
  if (done) done = database_.run("INSERT OR REPLACE INTO meta VALUES('probe', '')");
  if (done) done = database_.commit();
  database_.rollback();
  if (done) return update_health({}, std::chrono::milliseconds(0));
  if (done.error().code == code_fsync_failed) fail_for_good(done.error());
}

void EmbeddedLog::prune_batch() {
  std::optional<SegmentPruner::Request> request;
  {
    const std::scoped_lock lock(mutex_);
    request = prune_request_;
  }
  if (!request) return;
  auto more = pruner_->prune_batch(database_, *request, end_, options_.clock().wall);
  if (!more && more.error().code == code_fsync_failed) return fail_for_good(more.error());
  if (!more)
    logger_.warn("the event log could not be pruned; the next retention run tries again",
                 {{"reason", more.error().text}});
  const std::scoped_lock lock(mutex_);
  // A newer request stays.
  if (prune_request_ == request && !more.value_or(false)) prune_request_.reset();
}

// Copies the WAL into the file. Once all of it is copied, the next commit starts the WAL over. A reader with
// an open snapshot can hold this up; then the next try comes when the WAL has grown by a quarter.
void EmbeddedLog::checkpoint_wal(CheckpointMode mode) {
  next_checkpoint_frames_ = database_.wal_frames() + database_.wal_frames() / 4;
  auto end = database_.checkpoint(mode);
  if (end) return;
  if (end.error().code == code_fsync_failed) return fail_for_good(end.error());
  logger_.warn("the WAL of the event log could not be checkpointed; trying again later",
               {{"reason", end.error().text}});
}

// After a failed fsync: see the top of this file.
void EmbeddedLog::fail_for_good(const Error& why) {
  {
    const std::scoped_lock lock(mutex_);
    failed_ = true;
    failure_ = why.text;
  }
  logger_.error("fsync of the event log failed; this process ends, and the next start recovers the file",
                {{"reason", why.text}});
  if (on_fatal_) on_fatal_(why);
}

bool EmbeddedLog::has_failed() const {
  const std::scoped_lock lock(mutex_);
  return failed_;
}

}  // namespace weir::sqlite
