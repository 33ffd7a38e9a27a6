#include "importer/request_batch.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "activity/activity_json.hpp"
#include "base/ensure.hpp"
#include "base/limits.hpp"

namespace weir::importer {

namespace {

// Names the limits that an operator can raise.
std::unexpected<Error> too_large(std::size_t bytes, const BodyLimits& limits) {
  const std::size_t most =
      std::min(limits.event_bytes, limits.body_bytes - 1);  // a line end follows the event
  return fail(ErrorKind::invalid, "event_too_large",
              "its event has " + std::to_string(bytes) + " bytes, and Weir accepts at most " +
                  std::to_string(most) + " (MAX_EVENT_BYTES, MAX_BODY_BYTES)");
}

}  // namespace

// Merges two sorted lists: the batch's events and the indexes of the rejected ones.
void Totals::add(const RequestBatch& batch, const std::vector<std::size_t>& rejected_indexes) {
  unreadable += batch.unreadable.size();
  rejected += rejected_indexes.size();
  auto next_rejected = rejected_indexes.begin();
  for (std::size_t at = 0; at < batch.events.size(); ++at) {
    if (next_rejected != rejected_indexes.end() && *next_rejected == at) {
      ++next_rejected;
      continue;
    }
    const Event& event = batch.events[at];
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

RequestBatchWriter::RequestBatchWriter(const InputFormat& format, const VisitorHasher* hasher)
    : format_(format), hasher_(hasher) {
  ensure(!format_.log || hasher != nullptr, "an access log needs a hasher for its visitors");
  if (format_.log) reader_.emplace(*format_.log);
}

const RequestBatch& RequestBatchWriter::write(const std::vector<Item>& items, std::string_view id,
                                              const BodyLimits& limits, Extent extent) {
  batch_.body.clear();
  batch_.events.clear();
  batch_.unreadable.clear();
  id_.assign(id).push_back('-');
  id_prefix_bytes_ = id_.size();
  batch_.items = 0;
  for (const Item& item : items) {
    const std::size_t body_bytes = batch_.body.size();
    const std::size_t events = batch_.events.size();
    write_item(item, limits);
    if (extent == Extent::one_body && batch_.body.size() > limits.body_bytes) {
      // The item starts the next body instead. An unreadable item never comes here: it adds no bytes.
      batch_.body.resize(body_bytes);
      batch_.events.resize(events);
      break;
    }
    ++batch_.items;
  }
  return batch_;
}

void RequestBatchWriter::write_item(const Item& item, const BodyLimits& limits) {
  const std::size_t body_bytes = batch_.body.size();
  const std::size_t events = batch_.events.size();
  auto written = item.too_long ? fail(ErrorKind::invalid, "line_too_long", "it has more than 1 MiB")
                 : reader_     ? write_log_line(item)
                               : write_activity(item);
  if (written) {
    const std::size_t bytes = batch_.body.size() - body_bytes;
    // An item that fits no body of its own would stop the import for good: it is unreadable instead.
    if (bytes <= limits.body_bytes) return;
    written = too_large(bytes - 1, limits);
  }
  batch_.body.resize(body_bytes);
  batch_.events.resize(events);
  batch_.unreadable.push_back({item.line, written.error().text});
}

// Each entry of the line, until nothing is left of it.
Result<void> RequestBatchWriter::write_log_line(const Item& item) {
  std::string_view rest = item.text;
  for (std::size_t entry = 1; entry == 1 || !rest.empty(); ++entry) {
    const auto left = reader_->read(rest, entry_);
    if (!left && entry == 1) return std::unexpected(left.error());
    if (!left)
      return fail(left.error().kind, left.error().code,
                  "after an entry, at byte " + std::to_string(item.text.size() - rest.size()) +
                      ", the line does not continue with another entry: " + left.error().text);
    write_entry(item.line, entry);
    rest = *left;
  }
  return {};
}

void RequestBatchWriter::write_entry(std::uint64_t line, std::size_t entry) {
  const std::string user = hasher_->user_id(entry_.client, entry_.user_agent, scratch_);
  const std::string_view type = formats::activity_type_of(entry_);
  std::array<std::pair<std::string_view, std::string_view>, 2> extra;
  std::size_t extras = 0;
  if (!entry_.method.empty()) extra[extras++] = {"method", entry_.method};
  if (!entry_.host.empty()) extra[extras++] = {"host", entry_.host};
  activity::NewActivity activity{.user_id = user,
                                 .activity_type = type,
                                 .timestamp = entry_.time,
                                 .message_id = message_id(line, entry),
                                 .extra = std::span(extra).first(extras)};
  if (!entry_.target.empty()) activity.page_url = entry_.target;
  if (!entry_.referrer.empty()) activity.referrer = entry_.referrer;
  if (entry_.status != 0) activity.status = entry_.status;
  activity::append_activity(batch_.body, activity);
  batch_.body.push_back('\n');
  batch_.events.push_back({line, type == "page_view", entry_.time});
}

Result<void> RequestBatchWriter::write_activity(const Item& item) {
  scratch_.reserve(item.text.size() + limits::json_slack_bytes);
  scratch_.assign(item.text);
  const auto decoded = decoder_.decode(scratch_);
  if (!decoded) return std::unexpected(decoded.error());
  const Event event{item.line, decoded->is_page_view(), decoded->timestamp};
  const bool has_id = decoded->message_id.has_value();
  // An element of an array may have line ends between its tokens, and a line of the body may not. They are
  // nowhere else: the decoder refuses them within a string.
  if (format_.framing == Framing::json_array)
    std::ranges::replace_if(scratch_, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  if (has_id) {
    batch_.body.append(scratch_);
  } else {
    batch_.body.append(R"({"message_id":")").append(message_id(item.line, 1)).append(R"(",)");
    batch_.body.append(scratch_, scratch_.find('{') + 1);
  }
  batch_.body.push_back('\n');
  batch_.events.push_back(event);
  return {};
}

std::string_view RequestBatchWriter::message_id(std::uint64_t line, std::size_t entry) {
  id_.resize(id_prefix_bytes_);
  id_.append(std::to_string(line));
  // Only further entries have a suffix, so a line with one entry keeps its id.
  if (entry > 1) id_.append(".").append(std::to_string(entry));
  return id_;
}

}  // namespace weir::importer
