// The rules come from Abseil (absl::TimeZone), because the standard library of GCC 12 has no time zones. It
// reads the files of the system and also evaluates the rule at their end, which holds for later years.
#include "report/time_zone.hpp"

#include <absl/time/civil_time.h>
#include <absl/time/time.h>
#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>

namespace weir::report {

struct TimeZone::Rules {
  std::string name;
  absl::TimeZone zone;
};

namespace {

constexpr std::size_t name_bytes_max = 64;

// Files that are no zones of their own: leap seconds counted (right), copies (posix), the machine's setting.
constexpr std::array<std::string_view, 5> not_zones{"right/", "posix/", "posixrules", "localtime", "Factory"};

std::filesystem::path database() {
  const char* const folder = std::getenv("TZDIR");
  return folder != nullptr && *folder != '\0' ? folder : "/usr/share/zoneinfo";
}

// Letters, digits, '_', '+' and '-' in parts that a '/' separates. No name leads out of the folder, and each
// zone has one spelling.
bool is_zone_name(std::string_view name) {
  constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
  if (name.empty() || name.size() > name_bytes_max || name.find_first_not_of(allowed) != name.npos)
    return false;
  if (name.starts_with('/') || name.ends_with('/') || name.contains("//")) return false;
  return std::ranges::none_of(not_zones, [&](std::string_view prefix) { return name.starts_with(prefix); });
}

// A cut text in quotes, for errors.
std::string quoted(std::string_view name) {
  return '\'' + std::string(name.substr(0, name_bytes_max)) + (name.size() > name_bytes_max ? "…'" : "'");
}

std::unexpected<Error> unknown(std::string_view name) {
  return fail(ErrorKind::invalid, "unknown_time_zone",
              "tz is " + quoted(name) +
                  "; expected UTC or the name of a time zone of the IANA database, such as Europe/Berlin");
}

absl::CivilDay civil(LocalDate date) { return absl::CivilDay(1970, 1, 1) + date.time_since_epoch().count(); }

}  // namespace

// Abseil remembers each name that it was asked for, also unknown ones, without limit. So it is asked only for
// files that exist.
Result<TimeZone> TimeZone::find(std::string_view name) {
  static std::mutex mutex;
  static std::map<std::string, Rules, std::less<>> known;  // guarded by `mutex`
  if (name == "UTC") return TimeZone();
  if (!is_zone_name(name)) return unknown(name);
  const std::lock_guard lock(mutex);
  if (const auto found = known.find(name); found != known.end()) return TimeZone(&found->second);
  const std::filesystem::path folder = database();
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(folder / name, ignored)) {
    if (std::filesystem::is_directory(folder, ignored)) return unknown(name);
    return fail(ErrorKind::internal, "tzdata_missing",
                "tz is " + quoted(name) +
                    "; only UTC is possible, because this machine has no time zone data in " +
                    folder.string() + ": install the package tzdata");
  }
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(std::string(name), &zone)) return unknown(name);
  const auto added = known.emplace(name, Rules{std::string(name), zone}).first;
  return TimeZone(&added->second);
}

const std::string& TimeZone::name() const {
  static const std::string utc = "UTC";
  return is_utc() ? utc : rules_->name;
}

LocalDate TimeZone::date_at(std::chrono::sys_seconds time) const {
  return std::chrono::floor<std::chrono::days>(
      std::chrono::local_seconds(time.time_since_epoch() + offset_at(time)));
}

std::chrono::sys_seconds TimeZone::start_of(LocalDate date) const {
  if (is_utc()) return std::chrono::sys_days(date.time_since_epoch());
  const absl::TimeZone::TimeInfo midnight = rules_->zone.At(absl::CivilSecond(civil(date)));
  const bool is_skipped = midnight.kind == absl::TimeZone::TimeInfo::SKIPPED;
  return std::chrono::sys_seconds(
      std::chrono::seconds(absl::ToUnixSeconds(is_skipped ? midnight.trans : midnight.pre)));
}

std::chrono::seconds TimeZone::offset_at(std::chrono::sys_seconds time) const {
  if (is_utc()) return std::chrono::seconds(0);
  return std::chrono::seconds(rules_->zone.At(absl::FromUnixSeconds(time.time_since_epoch().count())).offset);
}

}  // namespace weir::report
