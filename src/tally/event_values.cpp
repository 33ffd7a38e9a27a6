// Built-in dimensions are read by the functions of their table. An own dimension reads one member of
// metadata, which the decoder has found already, or one parameter of page_url's query.
#include "tally/event_values.hpp"

#include <algorithm>

#include "base/ensure.hpp"
#include "base/limits.hpp"
#include "base/percent.hpp"
#include "base/utf8.hpp"

namespace weir::tally {
namespace {

// `is_storable`: the text is UTF-8 without U+0000.
std::string_view stored_value(std::string_view text, bool is_storable, std::string& buffer) {
  if (!is_storable) {
    buffer.clear();
    append_storable_utf8(buffer, text);
    text = buffer;
  }
  return text.empty() ? value_none : utf8_prefix(text, limits::own_value_bytes_max);
}

bool is_same_name(std::string_view raw, std::string_view name) {
  if (!is_percent_encoded(raw)) return raw == name;
  std::string decoded;
  append_percent_decoded(decoded, raw);
  return decoded == name;
}

}  // namespace

std::string_view query_parameter(std::string_view url, std::string_view name, std::string& buffer) {
  const std::string_view before_fragment = url.substr(0, url.find('#'));
  const std::size_t mark = before_fragment.find('?');
  if (mark == std::string_view::npos) return {};
  std::string_view query = before_fragment.substr(mark + 1);
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (!is_same_name(pair.substr(0, equals), name)) continue;
    const std::string_view raw = pair.substr(std::min(equals + 1, pair.size()));
    if (!is_percent_encoded(raw)) return raw;
    buffer.clear();
    append_percent_decoded(buffer, raw);
    return buffer;
  }
  return {};
}

std::string own_filter_value(std::string_view asked) {
  return std::string(utf8_prefix(asked, limits::own_value_bytes_max));
}

EventValueReader::EventValueReader(std::span<const CountedDimension> counted) {
  ensure(counted.size() <= limits::own_dimensions_max, "at most so many own dimensions are counted");
  for (const auto& [dimension, source] : counted) {
    Own own{.dimension = dimension, .of_query = source.kind == DimensionSource::Kind::query};
    if (own.of_query) {
      own.parameter = source.name;
    } else {
      own.member = static_cast<std::size_t>(std::ranges::find(members_, source.name) - members_.begin());
      if (own.member == members_.size()) members_.push_back(source.name);
    }
    own_.push_back(std::move(own));
  }
}

EventValues EventValueReader::read(const activity::UserActivity& activity) {
  std::size_t count = 0;
  for (const DimensionDescriptor& each : built_in_dimensions) {
    values_[count] = {each.dimension, each.value_of(activity, buffers_[count])};
    ++count;
  }
  for (Own& own : own_) values_[count++] = {own.dimension, value_of(own, activity)};
  return std::span(values_).first(count);
}

std::string_view EventValueReader::value_of(Own& own, const activity::UserActivity& activity) const {
  if (own.of_query) {
    const std::string_view url = activity.metadata.page_url.value_or(std::string_view());
    const std::string_view text = query_parameter(url, own.parameter, own.decoded);
    // page_url is storable; what was decoded from it can be anything.
    const bool is_decoded = text.data() == own.decoded.data();
    return stored_value(text, !is_decoded, own.storable);
  }
  ensure(activity.metadata.members.size() == members_.size(), "the activity was decoded for this reader");
  const activity::MemberText& member = activity.metadata.members[own.member];
  return stored_value(member.text, member.is_storable, own.storable);
}

}  // namespace weir::tally
