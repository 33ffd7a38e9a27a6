#include "feed/piece.hpp"

#include <algorithm>

#include "base/ensure.hpp"
#include "base/limits.hpp"
#include "dialects/access_log.hpp"
#include "dialects/activity_json.hpp"

namespace weir::feed {

namespace {

std::unexpected<Error> too_large(std::size_t bytes, const BodyLimits& limits) {
  const std::size_t most = std::min(limits.event_bytes, limits.body_bytes - 1);
  return fail(Move::caller, "event_too_large",
              "its event has " + std::to_string(bytes) + " bytes, and Weir takes at most " + std::to_string(most) +
                  " (MAX_EVENT_BYTES, MAX_BODY_BYTES)");
}

}  // namespace

void Totals::add(const Piece& piece, const std::vector<std::size_t>& refused) {
  unreadable += piece.unreadable.size();
  rejected += refused.size();
  auto next_refused = refused.begin();
  for (std::size_t at = 0; at < piece.events.size(); ++at) {
    if (next_refused != refused.end() && *next_refused == at) {
      ++next_refused;
      continue;
    }
    const Event& event = piece.events[at];
    ++events;
    page_views += event.page_view ? 1 : 0;
    first = first ? std::min(*first, event.time) : event.time;
    last = last ? std::max(*last, event.time) : event.time;
  }
}

void Totals::add(const Totals& other) {
  events += other.events;
  page_views += other.page_views;
  unreadable += other.unreadable;
  rejected += other.rejected;
  if (other.first) first = first ? std::min(*first, *other.first) : other.first;
  if (other.last) last = last ? std::max(*last, *other.last) : other.last;
}

PieceWriter::PieceWriter(Dialect dialect, const Visitors* visitors) : dialect_(dialect), visitors_(visitors) {
  ensure(dialect != Dialect::access_log || visitors != nullptr,
         "visitors of an access log are named under a salt");
}

const Piece& PieceWriter::write(const std::vector<Item>& items, std::string_view id,
                                const BodyLimits& limits, Extent extent) {
  piece_.body.clear();
  piece_.events.clear();
  piece_.unreadable.clear();
  id_.assign(id).push_back('-');
  id_stem_ = id_.size();
  piece_.items = 0;
  for (const Item& item : items) {
    const std::size_t body_bytes = piece_.body.size();
    write_item(item, limits);
    if (extent == Extent::one_body && piece_.body.size() > limits.body_bytes) {
      piece_.body.resize(body_bytes);
      piece_.events.pop_back();
      break;
    }
    ++piece_.items;
  }
  return piece_;
}

void PieceWriter::write_item(const Item& item, const BodyLimits& limits) {
  const std::size_t body_bytes = piece_.body.size();
  auto written = item.too_long ? fail(Move::caller, "line_too_long", "it has more than 1 MiB")
                       : dialect_ == Dialect::access_log ? write_access_line(item)
                                                         : write_activity(item);
  if (written) {
    piece_.body.push_back('\n');
    const std::size_t bytes = piece_.body.size() - body_bytes;
    if (bytes <= limits.body_bytes) return;
    piece_.events.pop_back();
    written = too_large(bytes - 1, limits);
  }
  piece_.body.resize(body_bytes);
  piece_.unreadable.push_back({item.line, written.error().text});
}

Result<void> PieceWriter::write_access_line(const Item& item) {
  const auto entry = dialects::parse_access_line(item.text);
  if (!entry) return std::unexpected(entry.error());
  const std::string user = visitors_->id_of(entry->client, entry->user_agent, scratch_);
  const std::string_view type = dialects::activity_type_of(*entry);
  dialects::NewActivity activity{.user_id = user, .activity_type = type, .timestamp = entry->time};
  if (!entry->target.empty()) activity.page_url = entry->target;
  if (entry->referrer) activity.referrer = *entry->referrer;
  activity.message_id = message_id(item.line);
  dialects::append_activity(piece_.body, activity);
  piece_.events.push_back({item.line, type == "page_view", entry->time});
  return {};
}

Result<void> PieceWriter::write_activity(const Item& item) {
  scratch_.reserve(item.text.size() + limits::json_slack_bytes);
  scratch_.assign(item.text);
  const auto decoded = decoder_.decode(scratch_);
  if (!decoded) return std::unexpected(decoded.error());
  const Event event{item.line, decoded->is_page_view(), decoded->timestamp};
  const bool has_id = decoded->message_id.has_value();
  // An element of an array may have line ends between its tokens (it was decoded, so nowhere else); the body
  // may not.
  if (dialect_ == Dialect::array)
    std::ranges::replace_if(scratch_, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  if (has_id) {
    piece_.body.append(scratch_);
  } else {
    piece_.body.append(R"({"message_id":")").append(message_id(item.line)).append(R"(",)");
    piece_.body.append(scratch_, scratch_.find('{') + 1);
  }
  piece_.events.push_back(event);
  return {};
}

std::string_view PieceWriter::message_id(std::uint64_t line) {
  id_.resize(id_stem_);
  return id_.append(std::to_string(line));
}

}  // namespace weir::feed
