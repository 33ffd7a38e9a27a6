// Rows are read in parts, each in a snapshot of its own, so that no snapshot stays open while a part is
// printed or sent.
#include "cli/dlq.hpp"

#include <algorithm>
#include <ostream>
#include <utility>
#include <vector>

#include "base/limits.hpp"
#include "base/printable.hpp"
#include "cli/dlq_text.hpp"
#include "commit/metrics_store.hpp"
#include "importer/progress.hpp"
#include "report/answer_text.hpp"

namespace weir::cli {
namespace {

using report::DeadLetterRow;

// Bounds of one part: what is in memory, and in one append to the log.
constexpr std::size_t part_rows_max = 500;
constexpr std::size_t part_bytes_max = 4 * limits::MiB;

std::size_t bytes_of(const DeadLetterRow& row) {
  return row.key.value_or("").size() + row.value.value_or("").size();
}

int fail_with(std::string_view command, const Error& why, std::ostream& err) {
  err << "weir dlq " << command << ": " << printable(why.text) << '\n';
  return 1;
}

// Reads the next rows after those that were read before; none at the end.
Result<std::vector<DeadLetterRow>> read_part(report::MetricsReader& reader,
                                             report::DeadLetterFilter& filter) {
  auto snapshot = reader.snapshot();
  if (!snapshot) return propagate(snapshot);
  std::vector<DeadLetterRow> rows;
  std::size_t bytes = 0;
  auto scanned = (*snapshot)->scan_dead_letters(filter, [&](DeadLetterRow row) {
    bytes += bytes_of(row);
    rows.push_back(std::move(row));
    return rows.size() < part_rows_max && bytes < part_bytes_max;
  });
  if (!scanned) return propagate(scanned);
  if (rows.empty()) return rows;
  filter.after_partition = rows.back().partition;
  filter.after_offset = rows.back().offset;
  return rows;
}

// The largest group first.
Result<std::vector<report::DeadLetterGroup>> read_groups(report::MetricsReader& reader,
                                                         const report::DeadLetterFilter& filter) {
  auto snapshot = reader.snapshot();
  if (!snapshot) return propagate(snapshot);
  auto groups = (*snapshot)->dead_letter_groups(filter);
  if (groups) std::ranges::stable_sort(*groups, std::ranges::greater(), &report::DeadLetterGroup::count);
  return groups;
}

// One line for each reason. Texts of records are not trusted: control characters are escaped or replaced.
int list_groups(const DlqListOptions& options, report::MetricsReader& reader, std::ostream& out,
                std::ostream& err) {
  auto groups = read_groups(reader, options.filter);
  if (!groups) return fail_with("list", groups.error(), err);
  switch (options.format) {
    case DlqFormat::table:
      out << (groups->empty() ? "no dead letters\n" : groups_table(*groups, options.columns));
      break;
    case DlqFormat::json:
      out << with_escaped_controls(to_json(report::DeadLettersAnswer{std::move(*groups)}),
                                   Controls::del_and_c1)
          << '\n';
      break;
    case DlqFormat::csv:
      out << groups_csv(*groups);
      break;
  }
  out << std::flush;
  return 0;
}

// One line for each row. JSON is one array that is written element by element, so memory holds one part only.
int list_rows(const DlqListOptions& options, const std::string& topic, report::MetricsReader& reader,
              std::ostream& out, std::ostream& err) {
  auto filter = options.filter;
  std::size_t count = 0;
  while (true) {
    auto rows = read_part(reader, filter);
    if (!rows) return fail_with("list", rows.error(), err);
    if (count == 0) {
      if (options.format == DlqFormat::json) out << '[';
      if (options.format == DlqFormat::csv) out << rows_csv_head();
      if (options.format == DlqFormat::table)
        out << (rows->empty() ? "no dead letters\n" : rows_head(options.columns));
    }
    if (rows->empty()) break;
    for (const DeadLetterRow& row : *rows) {
      switch (options.format) {
        case DlqFormat::table:
          out << row_line(row, options.columns);
          break;
        case DlqFormat::json:
          out << (count == 0 ? "\n" : ",\n") << row_json(row, topic);
          break;
        case DlqFormat::csv:
          out << row_csv(row, topic);
          break;
      }
      ++count;
    }
  }
  if (options.format == DlqFormat::json) out << (count == 0 ? "]\n" : "\n]\n");
  out << std::flush;
  return 0;
}

}  // namespace

int run_dlq_list(const DlqListOptions& options, const std::string& topic, report::MetricsReader& reader,
                 std::ostream& out, std::ostream& err) {
  return options.rows ? list_rows(options, topic, reader, out, err) : list_groups(options, reader, out, err);
}

bool read_dead_letter_id(const std::string& typed, const std::string& topic, DlqShowOptions& options) {
  const bool is_short = std::ranges::count(typed, '/') == 1;
  const auto id = commit::parse_dead_letter_id(is_short ? topic + '/' + typed : typed);
  if (!id || id->topic != topic) return false;
  options.partition = id->partition;
  options.offset = id->offset;
  return true;
}

int run_dlq_show(const DlqShowOptions& options, const std::string& topic, report::MetricsReader& reader,
                 std::ostream& out, std::ostream& err) {
  report::DeadLetterFilter filter;
  filter.partition = options.partition;
  filter.offset = options.offset;
  auto rows = read_part(reader, filter);
  if (!rows) return fail_with("show", rows.error(), err);
  if (rows->empty())
    return fail_with("show",
                     {ErrorKind::invalid, "dead_letter_unknown",
                      "the metrics store has no dead letter at " +
                          commit::to_text({topic, options.partition, options.offset})},
                     err);
  if (options.format == DlqFormat::json)
    out << row_json(rows->front(), topic) << '\n';
  else
    out << row_table(rows->front(), topic);
  out << std::flush;
  return 0;
}

namespace {

// One run of `weir dlq replay`.
class Replayer {
 public:
  Replayer(const DlqReplayOptions& options, const std::string& topic, const DlqReplayDependencies& needs)
      : options_(options),
        topic_(topic),
        needs_(needs),
        progress_(needs.err, options.columns, "weir dlq replay", "dead letter") {}

  // Counts the matching dead letters first. The count is the end of the run and the total of the progress.
  int run() {
    auto groups = read_groups(needs_.reader, options_.filter);
    if (!groups) return fail_with("replay", groups.error(), needs_.err);
    for (const auto& group : *groups) total_ += static_cast<std::uint64_t>(group.count);
    progress_.start({}, needs_.clock().mono);
    auto filter = options_.filter;
    while (seen_ < total_) {
      auto rows = read_part(needs_.reader, filter);
      if (!rows) return end_with(rows.error());
      if (rows->empty()) break;
      // Those that arrived after the count are left for the next run.
      if (rows->size() > total_ - seen_) rows->resize(total_ - seen_);
      if (auto sent = send(*rows); !sent) return end_with(sent.error());
      seen_ += rows->size();
      if (options_.columns > 0)
        progress_.update(
            {.lines = seen_, .unreadable = 0, .raw_bytes_read = seen_, .raw_bytes_total = total_},
            needs_.clock().mono);
    }
    return end();
  }

 private:
  // Sends one part and waits for its receipts. Returns an error if the rest of the run is pointless.
  Result<void> send(const std::vector<DeadLetterRow>& rows) {
    if (options_.dry_run) {
      for (const DeadLetterRow& row : rows) print("would send", row);
      return {};
    }
    // Opened on the first use, so that a run without matches needs no event log.
    if (!sender_) {
      auto opened = needs_.open_sender();
      if (!opened) return propagate(opened);
      sender_ = std::move(*opened);
    }
    const intake::Receipts receipts = sender_->send(rows);
    for (std::size_t at = 0; at < rows.size(); ++at) {
      switch (receipts.of(at)) {
        case intake::Receipt::kept:
          ++sent_;
          print("sent", rows[at]);
          break;
        case intake::Receipt::not_kept:
          ++not_sent_;
          print("not sent", rows[at]);
          break;
        case intake::Receipt::unknown:
          ++unknown_;
          print("outcome unknown", rows[at]);
          break;
      }
    }
    if (not_sent_ + unknown_ > 0) reason_ = receipts.why.text;
    // The log refuses everything now, so the rest is not tried.
    const bool is_refused = receipts.each.empty() && receipts.all == intake::Receipt::not_kept;
    if (is_refused) return std::unexpected(receipts.why);
    return {};
  }

  // The progress line is removed first, because both may be on the same terminal.
  void print(std::string_view what, const DeadLetterRow& row) {
    progress_.clear();
    needs_.out << what << ' ' << safe_text(id_text(row, topic_)) << ' ' << safe_text(row.reason) << '\n';
  }

  int end_with(const Error& why) {
    reason_ = why.text;
    failed_ = true;
    return end();
  }

  // Prints the summary and returns the exit code: 0 if every dead letter was sent, and 1 otherwise.
  int end() {
    progress_.clear();
    needs_.out << std::flush;
    if (options_.dry_run && !failed_) {
      needs_.out << importer::counted(seen_, "dead letter") << " would be sent\n" << std::flush;
      return 0;
    }
    if (!options_.dry_run) needs_.out << importer::counted(sent_, "dead letter") << " sent\n" << std::flush;
    if (!failed_ && not_sent_ == 0 && unknown_ == 0) return 0;
    needs_.err << "weir dlq replay: ";
    if (unknown_ > 0)
      needs_.err << importer::counted(unknown_, "dead letter")
                 << " may be in the event log or not; run the command again, each is counted once: ";
    else if (not_sent_ > 0)
      needs_.err << importer::counted(not_sent_, "dead letter") << " not sent: ";
    needs_.err << printable(reason_) << '\n';
    return 1;
  }

  const DlqReplayOptions& options_;
  const std::string& topic_;
  const DlqReplayDependencies& needs_;
  importer::Progress progress_;
  std::unique_ptr<ReplaySender> sender_;
  // Counts of dead letters: all that match, those read, and those with each outcome.
  std::uint64_t total_ = 0;
  std::uint64_t seen_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t not_sent_ = 0;
  std::uint64_t unknown_ = 0;
  bool failed_ = false;
  std::string reason_;
};

}  // namespace

int run_dlq_replay(const DlqReplayOptions& options, const std::string& topic,
                   const DlqReplayDependencies& dependencies) {
  return Replayer(options, topic, dependencies).run();
}

}  // namespace weir::cli
