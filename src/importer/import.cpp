// One thread. Inputs are imported one after another, each in these steps (class Input):
//   1. recognize the format, and cut the first chunk: it identifies the input
//   2. open the input's journal, and begin a run if there is none to continue
//   3. go past everything that was imported before, and check by its hash that it is the same
//   4. send the chunk whose outcome an interrupted import does not know, if there is one
//   5. send one chunk after another, until the input ends
#include "importer/import.hpp"

#include <algorithm>
#include <array>
#include <ostream>

#include "activity/rfc3339.hpp"
#include "base/decimal.hpp"
#include "base/printable.hpp"
#include "importer/chunker.hpp"
#include "importer/journal.hpp"
#include "importer/progress.hpp"
#include "importer/request_batch.hpp"
#include "importer/state_dir.hpp"
#include "importer/visitor_hasher.hpp"

namespace weir::importer {
namespace {

constexpr std::uint64_t bad_lines_shown_max = 100;  // of an input; further ones are only counted
constexpr std::string_view no_salt = "-";           // in the journal of an input without visitors

// How messages name an input.
std::string name_of(const std::string& file) { return file == "-" ? "standard input" : file; }

std::string grouped_count(std::uint64_t number) { return grouped(static_cast<std::int64_t>(number)); }

// Reads or creates the salt when the first access log needs it.
class Salt {
 public:
  explicit Salt(const ImportOptions& options) : options_(options) {}

  Result<const VisitorHasher*> hasher() {
    if (!hasher_) {
      const auto salt = options_.salt_file ? read_salt(*options_.salt_file)
                                           : read_or_create_salt(options_.state_dir / "salt");
      if (!salt) return std::unexpected(salt.error());
      hasher_.emplace(*salt);
    }
    return &*hasher_;
  }

 private:
  const ImportOptions& options_;
  std::optional<VisitorHasher> hasher_;
};

// What all inputs have in common: the log that they go to, and the state.
struct Target {
  std::string log_id;
  BodyLimits limits;
  StateDir state;
  Salt salt;
};

// One input on its way to the log. run() does the steps above, in this order, once.
class Input {
 public:
  Input(const ImportOptions& options, const ImportDependencies& dependencies, Target& target,
        std::string name, OpenFile file)
      : options_(options),
        dependencies_(dependencies),
        target_(target),
        name_(printable(name)),
        source_(std::move(file.read), file.bytes),
        progress_(dependencies.err, options.columns, std::move(name)),
        sender_({dependencies.weir, dependencies.now, dependencies.wait,
                 [this](std::string_view line) { print_line(printable(line)); }}) {}

  Result<void> run() {
    if (auto opened = open(); !opened || !journal_) return opened;
    start_position_ = journal_->position();
    if (auto skipped = skip_imported_part(); !skipped) return skipped;
    progress_.start(point(), dependencies_.now().mono);
    if (auto finished = finish_interrupted_chunk(); !finished) return finished;
    while (true) {
      auto chunk = chunker_->next();
      if (!chunk)
        return stopped("at element " + std::to_string(chunker_->position().lines + 1), chunk.error());
      if (chunk->bytes == 0) {
        report_unterminated_line(*chunk);
        break;
      }
      if (auto sent = send(std::move(*chunk), RequestBatchWriter::Extent::one_body, InDoubt::ask); !sent)
        return sent;
    }
    if (source_.error())
      return stopped("after line " + std::to_string(chunker_->position().lines), *source_.error());
    if (!first_error_.empty() && nothing_counted())
      // Usually the wrong format. The next import begins the run again.
      return fail(ErrorKind::invalid, "no_line_read",
                  "no line could be read; the first error: " + first_error_);
    return {};
  }

  // Of the input's run, from its first line on.
  [[nodiscard]] Totals totals() const { return journal_ ? journal_->totals() : Totals{}; }

  void summarize() {
    // The summary may go to the same terminal as the bar.
    progress_.clear();
    const Totals all = totals();
    const std::uint64_t lines = journal_ ? journal_->position().lines : 0;
    std::ostream& out = dependencies_.out;
    out << name_ << ": ";
    if (lines == 0)
      out << (unterminated_ ? "no complete line" : "no lines");
    else if (lines == start_position_.lines)
      out << "nothing new, all of it was imported before: ";
    if (lines > 0)
      out << counted(lines, "line") << ", " << counted(all.events, "event") << ", "
          << counted(all.page_views, "page view");
    if (all.unreadable > 0) out << ", " << grouped_count(all.unreadable) << " unreadable";
    if (all.rejected > 0) out << ", " << grouped_count(all.rejected) << " rejected by Weir";
    if (start_position_.lines > 0 && lines > start_position_.lines)
      out << " (" << grouped_count(start_position_.lines) << " of the lines were imported before)";
    // No number above includes that line: it is counted once it has an end.
    if (unterminated_) out << "; the last line has no line end yet, and the next import reads it";
    out << '\n';
  }

 private:
  // Steps 1 and 2. An input without a complete line has no journal.
  Result<void> open() {
    auto recognized = recognize(source_, options_.format);
    if (!recognized) return propagate(recognized);
    format_ = std::move(recognized->format);
    const VisitorHasher* hasher = nullptr;
    if (format_.log) {
      auto made = target_.salt.hasher();
      if (!made) return propagate(made);
      hasher = *made;
    }
    writer_.emplace(format_, hasher);
    chunker_.emplace(source_, format_.framing, InputPosition{});
    auto first = chunker_->next();
    if (!first) return stopped("at element 1", first.error());
    if (first->bytes == 0) {
      if (source_.error()) return stopped("before the first line", *source_.error());
      report_unterminated_line(*first);
      return {};
    }
    // Only for an input that has lines.
    if (!recognized->note.empty()) print_line(recognized->note);
    auto journal =
        target_.state.open_journal(source_, {.first_chunk = first->end.hash, .bytes = first->end.bytes});
    if (!journal) return propagate(journal);
    journal_ = std::move(*journal);
    return begin_or_continue_run(hasher != nullptr ? hasher->fingerprint() : std::string(no_salt));
  }

  Result<void> begin_or_continue_run(const std::string& salt) {
    // A run that counted nothing is begun again. It may have read another format, and nothing can be counted
    // twice.
    if (journal_->run() == 0 || options_.again || (nothing_counted() && !journal_->intent()))
      return journal_->begin_run(salt);
    const bool was_log = journal_->salt() != no_salt;
    const bool is_log = salt != no_salt;
    if (was_log != is_log)
      return fail(ErrorKind::invalid, "format_changed",
                  std::string("its first lines were imported as ") +
                      (was_log ? "an access log" : "activities") + ", and now it is read as " +
                      (is_log ? "an access log" : "activities") +
                      ": expected the right --format, or --again to count it a second time");
    if (journal_->salt() != salt)
      return fail(ErrorKind::invalid, "salt_changed",
                  "its first lines were imported with another salt: expected that salt (--salt-file), or "
                  "--again to count it a second time");
    return {};
  }

  Result<void> skip_imported_part() {
    const InputPosition& position = journal_->position();
    if (position.bytes > 0 && (!source_.consume_up_to(position.bytes) || source_.hash() != position.hash))
      return input_differs();
    chunker_.emplace(source_, format_.framing, position);
    return {};
  }

  // The chunk is cut again from the same bytes, so it gets the same message ids.
  Result<void> finish_interrupted_chunk() {
    if (!journal_->intent()) return {};
    const InputPosition end = journal_->intent()->end;
    auto chunk = chunker_->up_to(end.bytes);
    if (!chunk || chunk->end.hash != end.hash) return input_differs();
    return send(std::move(*chunk), RequestBatchWriter::Extent::all, options_.in_doubt);
  }

  Result<void> input_differs() {
    const std::uint64_t sent_lines = journal_->intent() ? journal_->intent()->end.lines : 0;
    return fail(ErrorKind::invalid, "input_differs",
                "it begins like an input of which " +
                    counted(std::max(start_position_.lines, sent_lines), "line") +
                    " were imported, but differs from it before the end of these lines. Nothing was sent; "
                    "--again counts all of it");
  }

  // Sends the items of the chunk that fit one body. The next chunk begins after them.
  Result<void> send(Chunk chunk, RequestBatchWriter::Extent extent, InDoubt in_doubt) {
    if (!chunk.items.empty()) {
      const RequestBatch& batch = writer_->write(chunk.items, journal_->id_prefix(), target_.limits, extent);
      chunk = chunker_->first_items(std::move(chunk), batch.items);
      auto rejected = sender_.send(batch, {.end = chunk.end, .first_line = chunk.items.front().line},
                                   target_.log_id, in_doubt, *journal_);
      if (!rejected) return propagate(rejected);
      report_bad_lines(batch, *rejected);
    }
    chunker_->accept(chunk);
    progress_.update(point(), dependencies_.now().mono);
    return {};
  }

  [[nodiscard]] bool nothing_counted() const {
    return journal_->totals().events == 0 && journal_->totals().rejected == 0;
  }

  void print_line(const std::string& text) { progress_.print_line(name_ + ": " + text); }

  // The last line may still be written to. The next import reads it, once it has an end.
  void report_unterminated_line(const Chunk& chunk) {
    if (chunk.unterminated_line == 0 || source_.error()) return;
    unterminated_ = true;
    print_line("line " + std::to_string(chunk.unterminated_line) +
               " has no line end yet: the next import reads it once it has one");
  }

  void report_bad_lines(const RequestBatch& batch, const std::vector<RejectedItem>& rejected) {
    for (const UnreadableLine& line : batch.unreadable) report_bad_line(line.line, "unreadable", line.reason);
    for (const RejectedItem& item : rejected)
      if (item.index < batch.events.size())
        report_bad_line(batch.events[item.index].line, "rejected by Weir", item.error);
  }

  void report_bad_line(std::uint64_t line, std::string_view what, const std::string& reason) {
    if (first_error_.empty()) first_error_ = "line " + std::to_string(line) + ": " + reason;
    if (++bad_lines_ <= bad_lines_shown_max)
      print_line("line " + std::to_string(line) + " " + std::string(what) + ": " + printable(reason));
    else if (bad_lines_ == bad_lines_shown_max + 1)
      print_line("further unreadable or rejected lines are counted, but not shown");
  }

  static std::unexpected<Error> stopped(const std::string& where, const Error& error) {
    return fail(error.kind, error.code, "stopped " + where + ": " + error.text);
  }

  [[nodiscard]] Progress::Point point() const {
    return {.lines = journal_->position().lines,
            .unreadable = journal_->totals().unreadable,
            .raw_bytes_read = source_.raw_bytes_read(),
            .raw_bytes_total = source_.raw_bytes_total()};
  }

  const ImportOptions& options_;
  const ImportDependencies& dependencies_;
  Target& target_;
  std::string name_;
  Source source_;
  Progress progress_;
  Sender sender_;
  InputFormat format_;
  std::optional<RequestBatchWriter> writer_;
  std::optional<Chunker> chunker_;
  std::unique_ptr<Journal> journal_;
  InputPosition start_position_;  // where this import continues
  std::uint64_t bad_lines_ = 0;
  bool unterminated_ = false;  // the last line of the input has no line end
  std::string first_error_;
};

void print_range_and_link(const Totals& totals, const std::string& page, std::ostream& out) {
  if (!totals.first) return;
  // The end of a range is exclusive in the API and on the page, so it is the second after the last event.
  const auto from = activity::format_rfc3339(std::chrono::floor<std::chrono::seconds>(*totals.first));
  const auto to = activity::format_rfc3339(std::chrono::floor<std::chrono::seconds>(*totals.last) +
                                           std::chrono::seconds(1));
  out << "time range of the events: " << from << " to " << to << '\n';
  out << page << "/#from=" << from << "&to=" << to << '\n';
}

// Whether the inputs after this one can be imported all the same.
bool concerns_one_input(const Error& error) {
  constexpr std::array<std::string_view, 10> codes{
      "file_unreadable", "read_failed",   "unsupported_format", "no_line_read", "array_broken",
      "bad_encoding",    "input_differs", "input_busy",         "salt_changed", "format_changed"};
  return std::ranges::find(codes, error.code) != codes.end();
}

// Returns the totals of the input's run.
Result<Totals> import_one(const std::string& file, const ImportOptions& options,
                          const ImportDependencies& dependencies, Target& target) {
  auto opened = file == "-" ? Result<OpenFile>({dependencies.in, std::nullopt}) : open_file(file);
  if (!opened) return propagate(opened);
  Input input(options, dependencies, target, name_of(file), std::move(*opened));
  if (auto done = input.run(); !done) return propagate(done);
  input.summarize();
  return input.totals();
}

Result<void> import_all(const ImportOptions& options, const ImportDependencies& dependencies) {
  std::ostream& err = dependencies.err;
  Sender sender({dependencies.weir, dependencies.now, dependencies.wait,
                 [&err](std::string_view line) { err << printable(line) << std::endl; }});
  auto log = sender.await_log_state();
  if (!log) return propagate(log);
  auto state = StateDir::open(options.state_dir, log->log_id);
  if (!state) return propagate(state);
  Target target{log->log_id, log->limits, std::move(*state), Salt(options)};
  Totals all;
  std::vector<Error> failed;
  for (const std::string& file : options.files) {
    auto totals = import_one(file, options, dependencies, target);
    if (totals) {
      all.add(*totals);
      continue;
    }
    Error& error = totals.error();
    error.text = name_of(file) + ": " + error.text;
    // Any other error, such as one of Weir or of the state folder, would recur for each of the inputs.
    if (!concerns_one_input(error)) return propagate(totals);
    if (options.files.size() > 1) err << printable(error.text) << std::endl;
    failed.push_back(std::move(error));
  }
  print_range_and_link(
      all,
      log->has_page ? "see them: " + options.page : "see them on the page of a consumer: ", dependencies.out);
  if (failed.empty()) return {};
  if (failed.size() > 1)
    failed[0].text = counted(failed.size(), "input") + " of " + std::to_string(options.files.size()) +
                     " failed, the first: " + failed[0].text;
  return std::unexpected(failed[0]);
}

}  // namespace

int run_import(const ImportOptions& options, const ImportDependencies& dependencies) {
  const auto done = import_all(options, dependencies);
  if (done) return 0;
  dependencies.err << "weir import: " << printable(done.error().text) << std::endl;
  return 1;
}

}  // namespace weir::importer
