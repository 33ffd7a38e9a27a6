// poll() waits for the writer's CommitSignal and reads nothing from the file before it. It then unpacks whole
// segments into bytes_ in one read transaction, ends that, and parses the bytes into records_.
#include "sqlite/log_reader.hpp"

#include <algorithm>
#include <limits>

#include "base/ensure.hpp"
#include "base/limits.hpp"
#include "sqlite/schema.hpp"

namespace weir::sqlite {
namespace {

using consumer::LogEvent;
using consumer::Records;

constexpr std::int32_t only_partition = 0;

// Under load the log has some thousand commits a second of a few records each. A poll for each of them would
// cost more than counting the records, so it waits a moment for more.
constexpr std::int64_t records_worth_a_poll = 1000;
constexpr std::chrono::milliseconds gather_time{5};
constexpr std::chrono::milliseconds no_time{0};

// Columns 0 to 2 of each statement of this file.
SegmentRow row_of(const Statement& statement) {
  return {.first_offset = statement.number(0),
          .records = statement.number(1),
          .time = RecordTime(std::chrono::milliseconds(statement.number(2)))};
}

}  // namespace

Result<std::unique_ptr<EmbeddedLogReader>> EmbeddedLogReader::open(const std::filesystem::path& file,
                                                                   std::shared_ptr<CommitSignal> commits,
                                                                   const std::string& vfs) {
  auto database = Database::open(file, {.kind = event_log_file, .vfs = vfs});
  if (!database) return propagate(database);
  database->keep_wal_at_close();  // only the writer checkpoints
  auto from = database->prepare(
      "SELECT first_offset, records, time_ms, body FROM segments WHERE first_offset >= "
      "ifnull((SELECT max(first_offset) FROM segments WHERE first_offset <= ?1), 0) ORDER BY first_offset");
  if (!from) return propagate(from);
  auto floor = database->prepare(
      "SELECT first_offset, records, time_ms, body FROM segments WHERE first_offset <= ?1 "
      "ORDER BY first_offset DESC LIMIT 1");
  if (!floor) return propagate(floor);
  auto first = database->prepare("SELECT min(first_offset) FROM segments");
  if (!first) return propagate(first);
  return std::unique_ptr<EmbeddedLogReader>(new EmbeddedLogReader(
      std::move(*database), std::move(commits), std::move(*from), std::move(*floor), std::move(*first)));
}

EmbeddedLogReader::EmbeddedLogReader(Database database, std::shared_ptr<CommitSignal> commits, Statement from,
                                     Statement floor, Statement first)
    : database_(std::move(database)),
      commits_(std::move(commits)),
      from_(std::move(from)),
      floor_(std::move(floor)),
      first_(std::move(first)) {}

Result<std::vector<LogEvent>> EmbeddedLogReader::poll(std::chrono::milliseconds wait_max) {
  std::vector<LogEvent> events;
  if (!assigned_) {
    assigned_ = true;
    events.emplace_back(consumer::Assigned{{only_partition}});
    return events;
  }
  // While it is paused or has no position, it waits for wake() alone.
  const bool reading = position_ && !paused_;
  const std::int64_t seen = reading ? *position_ : std::numeric_limits<std::int64_t>::max();
  const MonoTime until = read_clock().mono + wait_max;
  commits_->wait_beyond(seen, wait_max);
  if (!reading || commits_->end() <= seen) return events;
  const auto left = std::chrono::floor<std::chrono::milliseconds>(until - read_clock().mono);
  commits_->wait_beyond(seen + records_worth_a_poll, std::clamp(left, no_time, gather_time));
  return read_batch(seen);
}

void EmbeddedLogReader::wake() { commits_->wake(); }

Result<std::vector<LogEvent>> EmbeddedLogReader::read_batch(std::int64_t position) {
  auto fetched = fetch(position);
  from_.reset();  // ends the read transaction
  if (!fetched) return propagate(fetched);
  if (auto decoded = decode(position); !decoded) return propagate(decoded);
  std::vector<LogEvent> events;
  if (fetched_.empty()) return events;
  // Retention has deleted the position.
  if (fetched_.front().row.first_offset > position) {
    position_.reset();
    events.emplace_back(consumer::OffsetOutOfRange{only_partition});
    return events;
  }
  position_ = std::max(position, fetched_.back().row.end());
  events.emplace_back(Records{.partition = only_partition,
                              .records = records_,
                              .next_offset = *position_,
                              .log_end = std::max(*position_, commits_->end())});
  return events;
}

// Unpacks whole segments until there are enough records or bytes. The result has no hole: offsets of segments
// adjoin.
Result<void> EmbeddedLogReader::fetch(std::int64_t position) {
  fetched_.clear();
  bytes_.clear();
  std::int64_t records = 0;
  from_.bind(1, position);
  while (bytes_.size() < limits::poll_bytes_max && records < limits::poll_records_max) {
    auto row = from_.step();
    if (!row) return propagate(row);
    if (!*row) break;
    const SegmentRow segment = row_of(from_);
    if (!fetched_.empty() && segment.first_offset != fetched_.back().row.end())
      return fail(ErrorKind::internal, code_segment_damaged,
                  "the event log has no record at offset " + std::to_string(fetched_.back().row.end()));
    const std::size_t at = bytes_.size();
    if (auto unpacked = unpack_segment(segment, from_.blob(3), bytes_); !unpacked) return unpacked;
    fetched_.push_back({.row = segment, .at = at, .bytes = bytes_.size() - at});
    records += segment.records;
  }
  // The JSON parser reads beyond the end of a value (read_records).
  bytes_.append(limits::json_slack_bytes, '\0');
  return {};
}

Result<void> EmbeddedLogReader::decode(std::int64_t position) {
  records_.clear();
  for (const auto& segment : fetched_) {
    const auto bytes = std::string_view(bytes_).substr(segment.at, segment.bytes);
    if (auto read = read_records(segment.row, bytes, records_); !read) return read;
  }
  // The first segment may begin before the position.
  const auto first = std::ranges::find_if(records_, [&](const auto& r) { return r.offset >= position; });
  records_.erase(records_.begin(), first);
  return {};
}

Result<void> EmbeddedLogReader::seek(std::int32_t partition, std::int64_t offset) {
  ensure(partition == only_partition && assigned_, "seek() is called for partition 0, after its assignment");
  position_ = offset;
  return {};
}

void EmbeddedLogReader::pause(std::int32_t) { paused_ = true; }

void EmbeddedLogReader::resume(std::int32_t) { paused_ = false; }

Result<consumer::Watermarks> EmbeddedLogReader::bounds(std::int32_t) {
  // The end before the start: the log may grow or be pruned in between, and start <= end must hold.
  const std::int64_t end = commits_->end();
  auto row = first_.step();
  if (!row) return propagate(row);
  const std::int64_t start = first_.is_null(0) ? end : first_.number(0);
  first_.reset();
  return consumer::Watermarks{.start = std::min(start, end), .end = end};
}

// The statement stays on the row, so that the caller can read the body from it. The caller resets it.
Result<std::optional<SegmentRow>> EmbeddedLogReader::segment_at(std::int64_t offset) {
  auto row = floor_.bind(1, offset).step();
  if (!row) return propagate(row);
  if (!*row) return std::nullopt;
  const SegmentRow segment = row_of(floor_);
  if (segment.end() <= offset) return std::nullopt;
  return segment;
}

Result<std::optional<EmbeddedLogReader::RecordIdentity>> EmbeddedLogReader::record_identity(
    std::int32_t, std::int64_t offset) {
  auto segment = segment_at(offset);
  std::string bytes;
  Result<void> unpacked;
  if (segment && *segment) unpacked = unpack_segment(**segment, floor_.blob(3), bytes);
  floor_.reset();
  if (!segment) return propagate(segment);
  if (!*segment) return std::nullopt;
  if (!unpacked) return propagate(unpacked);
  std::vector<consumer::RecordView> records;
  if (auto read = read_records(**segment, bytes, records); !read) return propagate(read);
  const auto& record = records[static_cast<std::size_t>(offset - (*segment)->first_offset)];
  return RecordIdentity{.hash = hash_of(record), .time = record.time};
}

// Only Kafka has tools that read committed offsets.
void EmbeddedLogReader::store_offset(std::int32_t, std::int64_t) {}

void EmbeddedLogReader::release(std::span<const std::int32_t>) {
  ensure(false, "the partition of the embedded log is never revoked");
}

}  // namespace weir::sqlite
