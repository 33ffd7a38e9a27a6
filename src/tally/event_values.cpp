// A built-in dimension is read by the function in its descriptor. An own dimension reads one member of
// metadata, which the decoder has found already, or one query parameter of page_url. All parameters are found
// in one pass over the query.
#include "tally/event_values.hpp"

#include <algorithm>
#include <utility>

#include "base/ensure.hpp"
#include "base/limits.hpp"
#include "base/percent.hpp"
#include "base/utf8.hpp"

namespace weir::tally {
namespace {

// Returns the value to store for the text of a source. `is_storable`: the text is UTF-8 without U+0000. If it
// is not, a corrected copy is written to `buffer`.
std::string_view stored_value(std::string_view text, bool is_storable, std::string& buffer) {
  if (!is_storable) {
    buffer.clear();
    append_storable_utf8(buffer, text);
    text = buffer;
  }
  return text.empty() ? value_none : utf8_prefix(text, limits::own_value_bytes_max);
}

// Returns the part of a URL between its first ? and the # after it. A # before the ? begins the fragment, and
// then the URL has no query.
std::string_view query_of(std::string_view url) {
  const std::size_t mark = url.find('?');
  if (mark == std::string_view::npos || url.substr(0, mark).contains('#')) return {};
  const std::string_view query = url.substr(mark + 1);
  return query.substr(0, query.find('#'));
}

}  // namespace

std::string own_filter_value(std::string_view text) {
  return std::string(utf8_prefix(text, limits::own_value_bytes_max));
}

EventValueReader::EventValueReader(std::span<const CountedDimension> counted) {
  ensure(counted.size() <= limits::own_dimensions_max, "at most own_dimensions_max dimensions are counted");
  // Two dimensions of the same member share one index, so the decoder looks for each member once.
  for (const auto& [dimension, source] : counted) {
    if (source.kind == DimensionSource::Kind::query) {
      of_parameters_.push_back({.dimension = dimension, .name = source.name});
      continue;
    }
    const auto member = static_cast<std::size_t>(std::ranges::find(members_, source.name) - members_.begin());
    if (member == members_.size()) members_.push_back(source.name);
    of_members_.push_back({.dimension = dimension, .member = member});
  }
}

EventValues EventValueReader::read(const activity::UserActivity& activity) {
  // Unrolled at compile time, so that the compiler inlines the functions of the table.
  [&]<std::size_t... at>(std::index_sequence<at...>) {
    ((values_[at] = {built_in_dimensions[at].dimension,
                     built_in_dimensions[at].value_of(activity, buffers_[at])}),
     ...);
  }(std::make_index_sequence<built_in_dimension_count>());
  std::size_t count = built_in_dimension_count;
  for (OfMember& own : of_members_) values_[count++] = {own.dimension, value_of(own, activity)};
  if (!of_parameters_.empty()) {
    find_parameters(activity.metadata.page_url.value_or(std::string_view()));
    for (OfParameter& own : of_parameters_) values_[count++] = {own.dimension, value_of(own)};
  }
  return std::span(values_).first(count);
}

std::string_view EventValueReader::value_of(OfMember& own, const activity::UserActivity& activity) {
  ensure(own.member < activity.metadata.members.size(), "the activity was decoded for this reader");
  const activity::MemberText& member = activity.metadata.members[own.member];
  return stored_value(member.text, member.is_storable, own.storable);
}

// page_url is storable, but a percent-decoded value can contain any bytes.
std::string_view EventValueReader::value_of(OfParameter& own) {
  if (!is_percent_encoded(own.raw)) return stored_value(own.raw, true, own.storable);
  own.decoded.clear();
  append_percent_decoded(own.decoded, own.raw);
  return stored_value(own.decoded, false, own.storable);
}

void EventValueReader::find_parameters(std::string_view url) {
  for (OfParameter& own : of_parameters_) own.raw = {};
  std::string_view query = query_of(url);
  const bool has_encoding = is_percent_encoded(query);
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    std::string_view name = pair.substr(0, equals);
    if (has_encoding && is_percent_encoded(name)) {
      name_.clear();
      append_percent_decoded(name_, name);
      name = name_;
    }
    const std::string_view raw = pair.substr(std::min(equals + 1, pair.size()));
    // The first parameter of a name counts. A null data() means that none has been found yet.
    for (OfParameter& own : of_parameters_)
      if (own.name == name && own.raw.data() == nullptr) own.raw = raw;
  }
}

}  // namespace weir::tally
