#include "importer/import.hpp"

#include <algorithm>
#include <array>
#include <ostream>

#include "activity/rfc3339.hpp"
#include "importer/chunker.hpp"
#include "importer/journal.hpp"
#include "importer/progress.hpp"
#include "importer/request_batch.hpp"
#include "importer/state_dir.hpp"
#include "importer/visitor_hasher.hpp"

namespace weir::importer {
namespace {

constexpr std::uint64_t faults_shown_max = 100;  // of an input, one by one; the others are counted
constexpr std::string_view no_salt = "-";        // in the journal of what has no visitors

std::string name_of(const std::string& file) { return file == "-" ? "standard input" : file; }

// The salt is read when the first access log asks for it.
class Salt {
 public:
  explicit Salt(const ImportOptions& options) : options_(options) {}

  Result<const VisitorHasher*> visitors() {
    if (!visitors_) {
      const auto salt = options_.salt_file ? read_salt(*options_.salt_file)
                                           : read_or_make_salt(options_.state_dir / "salt");
      if (!salt) return std::unexpected(salt.error());
      visitors_.emplace(*salt);
    }
    return &*visitors_;
  }

 private:
  const ImportOptions& options_;
  std::optional<VisitorHasher> visitors_;
};

// Where all inputs go, and what is remembered of that.
struct Log {
  std::string id;
  BodyLimits limits;
  StateDir shelf;
  Salt salt;
};

// One input on its way there.
class Input {
 public:
  Input(const ImportOptions& options, const ImportDependencies& world, Log& log, std::string name,
        OpenFile file)
      : options_(options),
        world_(world),
        log_(log),
        name_(printable(name)),
        source_(std::move(file.read), file.bytes),
        progress_(world.err, options.columns, std::move(name)),
        delivery_({world.weir, world.now, world.wait,
                   [this](std::string_view line) { progress_.say(name_ + ": " + printable(line)); }}) {}

  Result<void> run() {
    if (auto ready = begin(); !ready || !journal_) return ready;
    place_at_start_ = journal_->place();
    if (auto resumed = go_behind_what_was_taken(); !resumed) return resumed;
    progress_.begin(point(), world_.now().mono);
    if (auto resumed = finish_open_piece(); !resumed) return resumed;
    while (true) {
      auto cut = cutter_->next();
      if (!cut) return stopped("element " + std::to_string(cutter_->place().lines + 1), cut.error());
      if (cut->bytes == 0) {
        name_unfinished(*cut);
        break;
      }
      if (auto sent = send(std::move(*cut), RequestBatchWriter::Extent::one_body, InDoubt::ask); !sent)
        return sent;
    }
    if (source_.fault())
      return stopped("after line " + std::to_string(cutter_->place().lines), *source_.fault());
    if (!first_fault_.empty() && nothing_counted())
      return fail(ErrorKind::invalid, "no_line_read", "no line could be read; the first: " + first_fault_);
    return {};
  }

  // What came of the input's run, from its first line on.
  [[nodiscard]] Totals totals() const { return journal_ ? journal_->totals() : Totals{}; }

  void summarize() {
    progress_.end();
    const Totals all = totals();
    const std::uint64_t lines = journal_ ? journal_->place().lines : 0;
    world_.out << name_ << ": ";
    if (lines == 0)
      world_.out << (unfinished_ ? "no whole line in it" : "nothing in it");
    else if (lines == place_at_start_.lines)
      world_.out << "nothing new, all of it was imported before: ";
    if (lines > 0)
      world_.out << counted(lines, "line") << ", " << counted(all.events, "event") << ", "
                 << counted(all.page_views, "page view");
    if (all.unreadable > 0) world_.out << ", " << grouped(all.unreadable) << " unreadable";
    if (all.rejected > 0) world_.out << ", " << grouped(all.rejected) << " rejected by Weir";
    if (place_at_start_.lines > 0 && lines > place_at_start_.lines)
      world_.out << " (" << grouped(place_at_start_.lines) << " of the lines were imported before)";
    // It is among no number above: it is counted when it is whole.
    if (unfinished_) world_.out << "; its last line has no line end and waits for the next import";
    world_.out << '\n';
  }

 private:
  // Finds the input's journal; none if the input is empty.
  Result<void> begin() {
    auto recognized = recognize(source_, options_.format);
    if (!recognized) return std::unexpected(recognized.error());
    format_ = std::move(recognized->format);
    const VisitorHasher* visitors = nullptr;
    if (format_.log) {
      const auto found = log_.salt.visitors();
      if (!found) return std::unexpected(found.error());
      visitors = *found;
    }
    writer_.emplace(format_, visitors);
    cutter_.emplace(source_, format_.framing, InputPosition{});
    auto first = cutter_->next();
    if (!first) return stopped("element 1", first.error());
    if (first->bytes == 0) {
      if (source_.fault()) return stopped("before its first line", *source_.fault());
      name_unfinished(*first);
      return {};
    }
    if (!recognized->note.empty()) progress_.say(name_ + ": " + recognized->note);
    auto journal =
        log_.shelf.journal_of(source_, {.first_piece = first->behind.hash, .bytes = first->behind.bytes});
    if (!journal) return std::unexpected(journal.error());
    journal_ = std::move(*journal);
    const std::string salt = visitors != nullptr ? visitors->fingerprint() : std::string(no_salt);
    // A run that counted nothing, perhaps because it read another format, is begun again: nothing can be
    // doubled.
    if (journal_->run() == 0 || options_.again || (nothing_counted() && !journal_->open_intent()))
      return journal_->begin_run(salt);
    if ((journal_->salt() == no_salt) != (salt == no_salt))
      return fail(ErrorKind::invalid, "format_changed",
                  std::string("its first lines were imported as ") +
                      (salt == no_salt ? "an access log" : "activities") +
                      ", and now it is read as the other: give --format, or --again counts it a second time");
    if (journal_->salt() != salt)
      return fail(
          ErrorKind::invalid, "salt_changed",
          "its visitors were hashed with another salt when its first lines were imported: give that one"
          " (--salt-file), or --again counts it a second time");
    return {};
  }

  Result<void> go_behind_what_was_taken() {
    const InputPosition& place = journal_->place();
    if (place.bytes > 0 && (!source_.take_up_to(place.bytes) || source_.hash() != place.hash))
      return differs();
    cutter_.emplace(source_, format_.framing, place);
    return {};
  }

  Result<void> finish_open_piece() {
    if (!journal_->open_intent()) return {};
    const InputPosition behind = journal_->open_intent()->behind;
    auto cut = cutter_->up_to(behind.bytes);
    if (!cut || cut->behind.hash != behind.hash) return differs();
    return send(std::move(*cut), RequestBatchWriter::Extent::all, options_.in_doubt);
  }

  Result<void> differs() {
    return fail(
        ErrorKind::invalid, "input_differs",
        "it begins like an input of which " + counted(std::max(place_at_start_.lines, open_lines()), "line") +
            " were imported, but is not the same up to there: nothing was sent; --again counts it whole");
  }

  [[nodiscard]] std::uint64_t open_lines() const {
    return journal_->open_intent() ? journal_->open_intent()->behind.lines : 0;
  }

  Result<void> send(Chunk cut, RequestBatchWriter::Extent extent, InDoubt in_doubt) {
    if (!cut.items.empty()) {
      const RequestBatch& piece = writer_->write(cut.items, journal_->id_stem(), log_.limits, extent);
      cut = cutter_->first_items(std::move(cut), piece.items);
      const auto rejected = delivery_.deliver(
          piece, {.behind = cut.behind, .first_line = cut.items.front().line}, log_.id, in_doubt, *journal_);
      if (!rejected) return std::unexpected(rejected.error());
      name_faults(piece, *rejected);
    }
    cutter_->accept(cut);
    progress_.show(point(), world_.now().mono);
    return {};
  }

  [[nodiscard]] bool nothing_counted() const {
    return journal_->totals().events == 0 && journal_->totals().rejected == 0;
  }

  // A last line without its line end waits for the next import: it may still be being written.
  void name_unfinished(const Chunk& cut) {
    if (cut.unfinished == 0 || source_.fault()) return;
    unfinished_ = true;
    progress_.say(name_ + ": line " + std::to_string(cut.unfinished) +
                  " has no line end yet: an import after it has one reads it");
  }

  void name_faults(const RequestBatch& piece, const std::vector<RejectedItem>& rejected) {
    for (const UnreadableLine& line : piece.unreadable) name_fault(line.line, "unreadable", line.why);
    for (const RejectedItem& item : rejected)
      if (item.index < piece.events.size())
        name_fault(piece.events[item.index].line, "rejected by Weir", item.error);
  }

  void name_fault(std::uint64_t line, std::string_view what, const std::string& why) {
    if (first_fault_.empty()) first_fault_ = "line " + std::to_string(line) + ": " + why;
    if (++faults_ > faults_shown_max) {
      if (faults_ == faults_shown_max + 1) progress_.say(name_ + ": more such lines are only counted");
      return;
    }
    progress_.say(name_ + ": line " + std::to_string(line) + " " + std::string(what) + ": " + printable(why));
  }

  static std::unexpected<Error> stopped(const std::string& where, const Error& error) {
    return fail(error.kind, error.code, "stopped " + where + ": " + error.text);
  }

  [[nodiscard]] Progress::Point point() const {
    return {.lines = journal_->place().lines,
            .unreadable = journal_->totals().unreadable,
            .raw_read = source_.raw_read(),
            .raw_bytes = source_.raw_bytes()};
  }

  const ImportOptions& options_;
  const ImportDependencies& world_;
  Log& log_;
  std::string name_;
  Source source_;
  Progress progress_;
  Sender delivery_;
  InputFormat format_;
  std::optional<RequestBatchWriter> writer_;
  std::optional<Chunker> cutter_;
  std::unique_ptr<Journal> journal_;
  InputPosition place_at_start_;
  std::uint64_t faults_ = 0;
  bool unfinished_ = false;  // the input's last line has no line end
  std::string first_fault_;
};

void link_to(const Totals& totals, const std::string& see_it, std::ostream& out) {
  if (!totals.first) return;
  // The end is exclusive wherever Weir is asked, so it is the second behind the last event's.
  const auto from = activity::format_rfc3339(std::chrono::floor<std::chrono::seconds>(*totals.first));
  const auto to = activity::format_rfc3339(std::chrono::floor<std::chrono::seconds>(*totals.last) +
                                           std::chrono::seconds(1));
  out << "filled " << from << " to " << to << '\n' << see_it << "/#from=" << from << "&to=" << to << '\n';
}

// An error of the input alone, which does not concern the inputs after it.
bool is_of_input_alone(const Error& error) {
  constexpr std::array<std::string_view, 10> codes{
      "file_unreadable", "read_failed",   "foreign_format", "no_line_read", "array_broken",
      "bad_encoding",    "input_differs", "input_busy",     "salt_changed", "format_changed"};
  return std::ranges::find(codes, error.code) != codes.end();
}

// Gives what came of the input's run.
Result<Totals> import_one(const std::string& file, const ImportOptions& options,
                          const ImportDependencies& world, Log& log) {
  auto opened = file == "-" ? Result<OpenFile>({world.in, std::nullopt}) : open_file(file);
  if (!opened) return std::unexpected(opened.error());
  Input input(options, world, log, name_of(file), std::move(*opened));
  if (const auto done = input.run(); !done) return std::unexpected(done.error());
  input.summarize();
  return input.totals();
}

Result<void> import_all(const ImportOptions& options, const ImportDependencies& world) {
  Sender delivery({world.weir, world.now, world.wait,
                   [&world](std::string_view line) { world.err << printable(line) << std::endl; }});
  const auto state = delivery.await_log();
  if (!state) return std::unexpected(state.error());
  auto shelf = StateDir::open(options.state_dir, state->log_id);
  if (!shelf) return std::unexpected(shelf.error());
  Log log{state->log_id, state->limits, std::move(*shelf), Salt(options)};
  Totals all;
  std::vector<Error> failed;
  for (const std::string& file : options.files) {
    auto totals = import_one(file, options, world, log);
    if (totals) {
      all.add(*totals);
      continue;
    }
    Error& error = totals.error();
    error.text = name_of(file) + ": " + error.text;
    if (!is_of_input_alone(error)) return std::unexpected(error);
    if (options.files.size() > 1) world.err << printable(error.text) << std::endl;
    failed.push_back(std::move(error));
  }
  link_to(all, state->has_page ? "see it: " + options.page : "see it on a consumer's page: ", world.out);
  if (failed.empty()) return {};
  if (failed.size() > 1)
    failed[0].text = counted(failed.size(), "input") + " of " + std::to_string(options.files.size()) +
                     " failed, the first: " + failed[0].text;
  return std::unexpected(failed[0]);
}

}  // namespace

int run_import(const ImportOptions& options, const ImportDependencies& world) {
  const auto done = import_all(options, world);
  if (done) return 0;
  world.err << "weir import: " << printable(done.error().text) << std::endl;
  return 1;
}

}  // namespace weir::importer
