// `weir dlq`: lists, shows and replays the dead letters in the metrics store. The store and the event log are
// interfaces, so that everything here is tested in memory.
//
// What is printed came from clients. Texts are printed without control characters (dlq_text.hpp).
//
// Each command returns its exit code: 0, or 1 with the reason in the last line of `err`. It blocks until it
// is done, and is for one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <span>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "intake/event_log.hpp"
#include "report/metrics_reader.hpp"

namespace weir::cli {

enum class DlqFormat : std::uint8_t { table, json, csv };

struct DlqListOptions {
  report::DeadLetterFilter filter;
  DlqFormat format = DlqFormat::table;
  bool rows = false;         // each dead letter; otherwise one entry for each reason, with a sample
  std::size_t columns = 80;  // width of the terminal, for tables
};

// Prints the dead letters of `topic` that match.
//
//   table  for each reason its numbers and the newest dead letter; with `rows`, a line for each dead letter
//   json   {"reasons":[…],"sums":{…}} as GET /api/v1/dead_letters; with `rows`, an array of rows
//   csv    the same numbers, or the same rows, with a line of names
int run_dlq_list(const DlqListOptions& options, const std::string& topic, report::MetricsReader& reader,
                 std::ostream& out, std::ostream& err);

// Which dead letter to show.
struct DlqShowOptions {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  DlqFormat format = DlqFormat::table;  // table or json
};

// Reads "partition/offset" or "topic/partition/offset". Returns false for another text, or another topic.
[[nodiscard]] bool read_dead_letter_id(const std::string& typed, const std::string& topic,
                                       DlqShowOptions& options);

// Prints one dead letter with all its columns. 1 if there is none.
int run_dlq_show(const DlqShowOptions& options, const std::string& topic, report::MetricsReader& reader,
                 std::ostream& out, std::ostream& err);

// Appends replays to the event log. The record that replays a row has its key and its value, and the header
// weir.replay, which names the dead letter.
class ReplaySender {
 public:
  ReplaySender() = default;
  ReplaySender(const ReplaySender&) = delete;
  ReplaySender& operator=(const ReplaySender&) = delete;
  virtual ~ReplaySender() = default;

  // Appends a replay of each row, in order, and waits for the outcome. `Receipts::each` has one receipt for
  // each row, or is empty.
  virtual intake::Receipts send(std::span<const report::DeadLetterRow> rows) = 0;
};

struct DlqReplayOptions {
  report::DeadLetterFilter filter;
  bool dry_run = false;
  std::size_t columns = 80;  // width of the terminal that `err` writes to; 0: no terminal, no progress bar
};

// What `replay` needs besides the store.
struct DlqReplayDependencies {
  report::MetricsReader& reader;
  // Called once, before the first dead letter is sent; not called in a dry run.
  std::function<Result<std::unique_ptr<ReplaySender>>()> open_sender;
  std::function<Now()> clock;
  std::ostream& out;
  std::ostream& err;
};

// Sends the dead letters that match once each, in the order of the log, in parts of limited size. Rows that
// arrive meanwhile are not sent. Prints a line for each one with its outcome. 1 if one was not sent, or if it
// is not known whether it was; sending it again is safe, because it is counted once.
int run_dlq_replay(const DlqReplayOptions& options, const std::string& topic,
                   const DlqReplayDependencies& dependencies);

}  // namespace weir::cli
