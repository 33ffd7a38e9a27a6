#include "feed/journal.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sys/file.h>
#include <unistd.h>
#include <vector>

#include "base/ensure.hpp"
#include "feed/running_hash.hpp"

namespace weir::feed {
namespace {

constexpr std::string_view magic = "weir-import";
constexpr std::size_t checksum_digits = 8;

std::string checksum(std::string_view record) { return to_hex(murmur3(record)).substr(0, checksum_digits); }

std::unexpected<Error> failed(std::string_view what) {
  return fail(Move::ourselves, "journal_failed",
              "the journal in the state folder: " + std::string(what) + ": " + std::strerror(errno));
}

// The record of a line, if its checksum holds.
std::optional<std::string_view> record_of(std::string_view line) {
  if (line.size() <= checksum_digits) return std::nullopt;
  const std::string_view record = line.substr(0, line.size() - checksum_digits - 1);
  const bool good = line[record.size()] == ' ' && line.substr(record.size() + 1) == checksum(record);
  return good ? std::optional(record) : std::nullopt;
}

// Takes a record apart, word by word.
class Words {
 public:
  explicit Words(std::string_view record) : rest_(record) {}

  std::string_view word() {
    const std::size_t space = rest_.find(' ');
    const std::string_view found = rest_.substr(0, space);
    rest_.remove_prefix(space == std::string_view::npos ? rest_.size() : space + 1);
    if (found.empty()) good_ = false;
    return found;
  }

  template <std::integral Integer>
  Integer number() {
    const std::string_view text = word();
    Integer value = 0;
    const char* const end = text.data() + text.size();
    if (std::from_chars(text.data(), end, value).ptr != end) good_ = false;
    return value;
  }

  Hash128 hash() {
    const auto found = hash_from_hex(word());
    if (!found) good_ = false;
    return found.value_or(Hash128{});
  }

  std::optional<EventTime> time() {
    if (rest_.starts_with('-') && (rest_.size() == 1 || rest_[1] == ' ')) {
      word();
      return std::nullopt;
    }
    return EventTime(std::chrono::nanoseconds(number<std::int64_t>()));
  }

  // Every word was there and what it should be, and none is left.
  [[nodiscard]] bool all_read() const { return good_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

std::string time_word(const std::optional<EventTime>& time) {
  return time ? std::to_string(time->time_since_epoch().count()) : "-";
}

template <class... Parts>
std::string record(std::string_view kind, const Parts&... parts) {
  std::string out(kind);
  const auto add = [&out](const auto& part) {
    out.push_back(' ');
    if constexpr (std::is_convertible_v<decltype(part), std::string_view>)
      out.append(part);
    else
      out.append(std::to_string(part));
  };
  (add(parts), ...);
  return out;
}

std::string identity_record(const Identity& identity) {
  return record(magic, 1, to_hex(identity.first_piece), identity.bytes);
}

std::optional<Identity> read_identity(std::string_view text) {
  Words words(text);
  if (words.word() != magic || words.number<int>() != 1) return std::nullopt;
  Identity identity;
  identity.first_piece = words.hash();
  identity.bytes = words.number<std::uint64_t>();
  return words.all_read() ? std::optional(identity) : std::nullopt;
}

Result<std::string> read_whole(int descriptor) {
  std::string text;
  std::array<char, 65536> chunk{};
  while (true) {
    const ssize_t got = ::pread(descriptor, chunk.data(), chunk.size(), static_cast<off_t>(text.size()));
    if (got < 0) return failed("reading");
    if (got == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(got));
  }
}

Result<void> sync_folder_of(const std::filesystem::path& file) {
  const int folder = ::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = folder >= 0 && ::fsync(folder) == 0;
  if (folder >= 0) ::close(folder);
  if (!synced) return failed("making its folder durable");
  return {};
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::open(const std::filesystem::path& file, const Identity& identity) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (descriptor < 0) return failed("opening " + file.string());
  std::unique_ptr<Journal> journal(new Journal(descriptor));
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0)
    return fail(Move::peer, "input_busy", "another import of the same input is running");
  auto text = read_whole(descriptor);
  if (!text) return std::unexpected(text.error());
  if (const auto read = journal->read(*text); !read)
    return fail(read.error().move, read.error().code, file.string() + ": " + read.error().text);
  if (journal->identity_ == Identity{}) {
    // New, or its making was cut off before anything could rest on it.
    journal->identity_ = identity;
    auto made = journal->append(identity_record(identity));
    if (made) made = journal->sync();
    if (made) made = sync_folder_of(file);
    if (!made) return std::unexpected(made.error());
  }
  ensure(journal->identity_ == identity, "a journal is opened for the input that it names");
  return journal;
}

std::optional<Identity> Journal::identity_in(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string line;
  if (!std::getline(in, line) || in.eof()) return std::nullopt;
  const auto found = record_of(line);
  return found ? read_identity(*found) : std::nullopt;
}

Journal::~Journal() { ::close(descriptor_); }

std::string Journal::id_stem() const { return to_hex(identity_.first_piece) + "-" + std::to_string(run_); }

Result<void> Journal::read(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = text.find('\n', at);
    const auto found = record_of(text.substr(at, end == std::string_view::npos ? end : end - at));
    const bool last = end == std::string_view::npos || end + 1 == text.size();
    if (end == std::string_view::npos || (!found && last)) {
      if (::ftruncate(descriptor_, static_cast<off_t>(at)) != 0) return failed("dropping its torn last line");
      return {};
    }
    if (!found || !apply(*found))
      return fail(Move::ourselves, "journal_broken",
                  "damaged at byte " + std::to_string(at) + ": what was imported is not known any more");
    at = end + 1;
  }
  return {};
}

bool Journal::apply(std::string_view text) {
  Words words(text);
  const std::string_view kind = words.word();
  if (kind == magic) {
    const auto identity = read_identity(text);
    identity_ = identity.value_or(Identity{});
    return identity.has_value();
  }
  if (kind == "run") {
    run_ = words.number<std::uint64_t>();
    salt_ = words.word();
    place_ = {};
    totals_ = {};
    intent_.reset();
  } else if (kind == "intent") {
    Intent intent;
    intent.behind.bytes = words.number<std::uint64_t>();
    intent.behind.hash = words.hash();
    intent.behind.lines = words.number<std::uint64_t>();
    intent.behind.mid_line = words.number<int>() != 0;
    intent.first_line = words.number<std::uint64_t>();
    intent.at = WallTime(std::chrono::milliseconds(words.number<std::int64_t>()));
    intent.log_end = words.number<std::int64_t>();
    intent_ = intent;
  } else if (kind == "taken" && intent_) {
    totals_.events = words.number<std::uint64_t>();
    totals_.page_views = words.number<std::uint64_t>();
    totals_.unreadable = words.number<std::uint64_t>();
    totals_.rejected = words.number<std::uint64_t>();
    totals_.first = words.time();
    totals_.last = words.time();
    place_ = intent_->behind;
    intent_.reset();
  } else if (kind == "not_kept" && intent_) {
    intent_.reset();
  } else {
    return false;
  }
  return words.all_read();
}

Result<void> Journal::append(std::string text) {
  const std::string sum = checksum(text);
  text.append(" ").append(sum).append("\n");
  if (::write(descriptor_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return failed("writing");
  return {};
}

Result<void> Journal::sync() {
  if (::fdatasync(descriptor_) != 0) return failed("making it durable");
  return {};
}

Result<void> Journal::begin_run(std::string_view salt) {
  const std::string text = record("run", run_ + 1, salt);
  const auto written = append(text);
  if (written) ensure(apply(text), "a journal reads what it writes");
  return written;
}

Result<void> Journal::intend(const Intent& intent) {
  const std::string text = record("intent", intent.behind.bytes, to_hex(intent.behind.hash),
                                  intent.behind.lines, int{intent.behind.mid_line}, intent.first_line,
                                  intent.at.time_since_epoch().count(), intent.log_end);
  auto written = append(text);
  if (written) written = sync();
  if (written) ensure(apply(text), "a journal reads what it writes");
  return written;
}

Result<void> Journal::taken(const Totals& totals) {
  ensure(intent_.has_value(), "an outcome is of an intent");
  const std::string text = record("taken", totals.events, totals.page_views, totals.unreadable,
                                  totals.rejected, time_word(totals.first), time_word(totals.last));
  const auto written = append(text);
  if (written) ensure(apply(text), "a journal reads what it writes");
  return written;
}

Result<void> Journal::not_kept() {
  ensure(intent_.has_value(), "an outcome is of an intent");
  const auto written = append("not_kept");
  if (written) ensure(apply("not_kept"), "a journal reads what it writes");
  return written;
}

}  // namespace weir::feed
