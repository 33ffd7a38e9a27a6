// Logs as a dedupe's worst enemy would write them, for the tests that rebuild its memory.
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
  std::optional<int> id;   // absent: no message_id
  bool is_letter = false;  // its id is not remembered
};

inline std::string message_id(int id) { return "message " + std::to_string(id); }

// The record's verdict, where it has one.
inline std::optional<Verdict> feed(Dedupe& dedupe, const Record& record) {
  dedupe.advance(record.offset, record.time);
  if (!record.id || record.is_letter) return std::nullopt;
  return dedupe.seen(fingerprint("user", message_id(*record.id)));
}

struct Log {
  std::chrono::seconds window{0};
  std::int64_t events = 0;
  std::vector<Record> records;

  // Of the first record at or behind an offset; the number of records if there is none.
  [[nodiscard]] std::size_t index_at(std::int64_t offset) const {
    const auto found = std::ranges::lower_bound(records, offset, {}, &Record::offset);
    return static_cast<std::size_t>(found - records.begin());
  }
};

// Writes a log whose offsets have holes, whose times wander, stand still and jump both ways, by days too, and
// whose ids come again at all distances, every fourth exactly on a border of the window or one beyond it.
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
  // The same dice go on, for the test's own choices.
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
    Record record{.offset = offset_, .time = time_, .id = {}, .is_letter = one_in(12)};
    if (one_in(30)) record.time += std::chrono::days(1461);  // of one writer whose clock is ahead
    if (!one_in(5)) record.id = static_cast<int>(below(ids_));
    if (one_in(8)) come_again_at_an_offset(record);
    if (one_in(8)) come_again_at_a_time(record);
    return record;
  }
  // As far from the sight as the window reaches in offsets, or one further.
  void come_again_at_an_offset(Record& record) const {
    const std::int64_t sight = record.offset - log_.events - (record.offset % 2);
    const std::size_t index = log_.index_at(sight);
    if (index < log_.records.size() && log_.records[index].offset == sight)
      record.id = log_.records[index].id;
  }
  // Or in time, or a millisecond later; the log's time goes on from there.
  void come_again_at_a_time(Record& record) {
    if (log_.records.empty()) return;
    const auto count = static_cast<std::int64_t>(log_.records.size());
    const Record& sight =
        log_.records[static_cast<std::size_t>(count - 1 - below(std::min<std::int64_t>(count, 20)))];
    record.id = sight.id;
    record.time = time_ = sight.time + log_.window + std::chrono::milliseconds(below(2));
  }

  std::mt19937_64 random_;
  Log log_;
  std::int64_t ids_ = 1;
  std::int64_t offset_ = 0;
  RecordTime time_{std::chrono::milliseconds{1'764'072'000'000}};
};

}  // namespace weir::tally::dedupe_test
