// Random logs with difficult offsets, times and ids, for tests of Dedupe and of its rebuild from the log.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tally/dedupe.hpp"

namespace weir::tally::dedupe_test {

struct Record {
  std::int64_t offset = 0;
  RecordTime time;
  std::optional<int> id;        // absent: no message_id
  bool is_dead_letter = false;  // then Dedupe must not remember its id
};

inline std::string message_id(int id) { return "message " + std::to_string(id); }

// Passes the record to `dedupe`. Returns the verdict, or nothing for a dead letter and for a record without
// an id.
inline std::optional<Verdict> feed(Dedupe& dedupe, const Record& record) {
  dedupe.advance(record.offset, record.time);
  if (!record.id || record.is_dead_letter) return std::nullopt;
  return dedupe.check_and_remember(fingerprint("user", message_id(*record.id)));
}

// A log, and the window that it was written for.
struct Log {
  std::chrono::seconds window{0};
  std::int64_t events = 0;
  std::vector<Record> records;

  // Returns the index of the first record with an offset >= `offset`, or the number of records if there is
  // none.
  [[nodiscard]] std::size_t index_at(std::int64_t offset) const {
    const auto found = std::ranges::lower_bound(records, offset, {}, &Record::offset);
    return static_cast<std::size_t>(found - records.begin());
  }
};

// Writes a log whose offsets have holes. Its times rise slowly, stay equal or jump in both directions, also
// by days. Its ids repeat at all distances; about every fourth record is exactly at a limit of the window, or
// one step beyond it.
class LogWriter {
 public:
  explicit LogWriter(std::uint64_t seed) : random_(seed) {
    log_.window = std::chrono::seconds(below(20));
    log_.events = below(200);
    ids_ = 1 + below(150);
  }

  Log write(std::size_t records) {
    while (log_.records.size() < records) log_.records.push_back(next());
    return log_;
  }
  // Draws from the writer's random numbers, for the choices of the test.
  std::int64_t below(std::int64_t end) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(end));
  }
  bool one_in(std::int64_t n) { return below(n) == 0; }

 private:
  Record next() {
    offset_ += 1 + (one_in(20) ? below(30) : 0);
    time_ += std::chrono::milliseconds(below(400));
    if (one_in(40)) time_ -= std::chrono::milliseconds(below(20'000));
    if (one_in(80)) time_ += std::chrono::milliseconds(below(20'000));
    if (one_in(60)) time_ += std::chrono::days(10) * (one_in(2) ? 1 : -1);
    Record record{.offset = offset_, .time = time_, .id = {}, .is_dead_letter = one_in(12)};
    if (one_in(30)) record.time += std::chrono::days(1461);  // from one producer whose clock is ahead
    if (!one_in(5)) record.id = static_cast<int>(below(ids_));
    if (one_in(8)) repeat_at_offset_limit(record);
    if (one_in(8)) repeat_at_time_limit(record);
    return record;
  }
  // Gives the record the id of an earlier one that is at the window's limit in offsets, or one beyond it.
  void repeat_at_offset_limit(Record& record) const {
    const std::int64_t offset = record.offset - log_.events - (record.offset % 2);
    const std::size_t index = log_.index_at(offset);
    if (index < log_.records.size() && log_.records[index].offset == offset)
      record.id = log_.records[index].id;
  }
  // Gives the record the id of one of the last 20 records, and a time at the window's limit or 1 ms beyond
  // it. The times of later records continue from there.
  void repeat_at_time_limit(Record& record) {
    if (log_.records.empty()) return;
    const auto count = static_cast<std::int64_t>(log_.records.size());
    const Record& earlier =
        log_.records[static_cast<std::size_t>(count - 1 - below(std::min<std::int64_t>(count, 20)))];
    record.id = earlier.id;
    record.time = time_ = earlier.time + log_.window + std::chrono::milliseconds(below(2));
  }

  std::mt19937_64 random_;
  Log log_;
  std::int64_t ids_ = 1;
  std::int64_t offset_ = 0;
  RecordTime time_{std::chrono::milliseconds{1'764'072'000'000}};
};

}  // namespace weir::tally::dedupe_test
