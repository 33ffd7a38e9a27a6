#include "importer/request_batch.hpp"

#include <gtest/gtest.h>

#include "base/limits.hpp"
#include "importer/testing/fake_input.hpp"

namespace weir::importer {
namespace {

using namespace std::chrono_literals;

const VisitorHasher& hasher() {
  static const VisitorHasher some("0123456789abcdef");
  return some;
}

InputFormat log_format(std::string_view name) {
  return {Framing::text_lines, *formats::parse_log_format(name)};
}

const InputFormat ndjson{Framing::json_lines, std::nullopt};
const InputFormat array{Framing::json_array, std::nullopt};

// Without its line end.
std::string line_of(int visitor, int second, std::string_view target = "/", std::string_view method = "GET") {
  std::string line = access_line(visitor, second, target, method);
  line.pop_back();
  return line;
}

std::vector<std::string> lines_of(const std::string& body) {
  std::vector<std::string> lines;
  std::istringstream in(body);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// An event of a body as Weir reads it.
struct Read {
  std::string user, type, page, referrer, id;
  EventTime time;
};
Read read(std::string line) {
  line.reserve(line.size() + limits::json_slack_bytes);
  activity::Decoder decoder;
  const auto decoded = decoder.decode(line);
  EXPECT_TRUE(decoded) << line;
  if (!decoded) return {};
  return {std::string(decoded->user_id),
          std::string(decoded->activity_type),
          std::string(decoded->metadata.page_url.value_or("none")),
          std::string(decoded->metadata.referrer.value_or("none")),
          std::string(decoded->message_id.value_or("none")),
          decoded->timestamp};
}

TEST(RequestBatchWriter, StopsWhenTheBodyIsFull) {
  RequestBatchWriter writer(ndjson, nullptr);
  const std::string small =
      R"({"message_id":"m","user_id":"u","activity_type":"a","timestamp":"2024-01-15T10:00:00Z"})";
  const std::string large = R"({"message_id":"m","user_id":")" + std::string(200, 'u') +
                            R"(","activity_type":"a","timestamp":"2024-01-15T10:00:00Z"})";
  const std::vector<Item> items{{.line = 1, .text = small}, {.line = 2, .text = "no"},
                                {.line = 3, .text = large}, {.line = 4, .text = small},
                                {.line = 5, .text = small}, {.line = 6, .text = small}};
  const std::size_t line = small.size() + 1;
  const auto extent = RequestBatchWriter::Extent::one_body;
  struct Case {
    std::size_t body_bytes, items, events, unreadable;
  };
  for (const Case& one : std::vector<Case>{{line, 3, 1, 2},
                                           {2 * line, 4, 2, 2},
                                           {3 * line - 1, 4, 2, 2},
                                           {3 * line, 5, 3, 2},
                                           {4 * line + large.size() + 1, 6, 5, 1}}) {
    const RequestBatch& batch =
        writer.write(items, "id", {.event_bytes = 100, .body_bytes = one.body_bytes}, extent);
    EXPECT_EQ(batch.items, one.items) << one.body_bytes;
    EXPECT_EQ(batch.events.size(), one.events) << one.body_bytes;
    EXPECT_EQ(batch.unreadable.size(), one.unreadable) << one.body_bytes;
    EXPECT_LE(batch.body.size(), one.body_bytes);
    EXPECT_EQ(lines_of(batch.body).size(), one.events);
  }
  const RequestBatch& all =
      writer.write(items, "id", {.event_bytes = 100, .body_bytes = line}, RequestBatchWriter::Extent::all);
  EXPECT_EQ(all.items, items.size());
  EXPECT_EQ(all.events.size(), 4U) << "an event that exceeds the limit by itself is never sent";
}

TEST(AccessLog, BecomesEventsOfHashedVisitors) {
  RequestBatchWriter writer(log_format("combined"), &hasher());
  const std::string page = line_of(1, 3, "/blog?x=1");
  const std::string image = line_of(1, 4, "/a.png");
  const std::string post = line_of(2, 5, "/blog", "POST");
  const RequestBatch& batch = writer.write(
      {{.line = 7, .text = page}, {.line = 8, .text = image}, {.line = 10, .text = post}}, "id-1");
  const auto lines = lines_of(batch.body);
  ASSERT_EQ(lines.size(), 3U);
  ASSERT_EQ(batch.events.size(), 3U);
  const Read first = read(lines[0]);
  std::string scratch;
  EXPECT_EQ(first.user, hasher().user_id("10.0.0.1", "agent", scratch));
  EXPECT_EQ(first.type, "page_view");
  EXPECT_EQ(first.page, "/blog?x=1");
  EXPECT_EQ(first.referrer, "none");
  EXPECT_EQ(first.id, "id-1-7");
  EXPECT_EQ(first.time, std::chrono::sys_days(std::chrono::May / 17 / 2015) + 10h + 3s);
  EXPECT_EQ(read(lines[1]).type, "request");
  EXPECT_EQ(read(lines[2]).type, "request");
  EXPECT_EQ(read(lines[2]).id, "id-1-10");
  EXPECT_NE(read(lines[2]).user, first.user);
  EXPECT_EQ(batch.events[1].line, 8U);
  EXPECT_TRUE(batch.events[0].page_view);
  EXPECT_FALSE(batch.events[1].page_view);
  EXPECT_EQ(batch.body.find("10.0.0"), std::string::npos) << "the body holds no address";
}

TEST(AccessLog, ReportsUnreadableLines) {
  RequestBatchWriter writer(log_format("combined"), &hasher());
  const std::string good = line_of(1, 3);
  const RequestBatch& batch = writer.write({{.line = 1, .text = "nonsense"},
                                            {.line = 2, .text = good},
                                            {.line = 3, .text = "x", .too_long = true}},
                                           "i");
  EXPECT_EQ(lines_of(batch.body).size(), 1U);
  ASSERT_EQ(batch.unreadable.size(), 2U);
  EXPECT_EQ(batch.unreadable[0].line, 1U);
  EXPECT_FALSE(batch.unreadable[0].reason.empty());
  EXPECT_EQ(batch.unreadable[1].line, 3U);
  EXPECT_EQ(batch.unreadable[1].reason, "it has more than 1 MiB");
}

TEST(AccessLog, PutsStatusMethodAndHostIntoMetadata) {
  RequestBatchWriter writer(log_format("vhost_combined"), &hasher());
  const std::string line =
      R"(www.example.com:80 192.0.2.1 - - [17/May/2015:10:00:03 +0000] "GET //shop?x HTTP/1.1" 304 5 "http://r/" "UA")";
  const std::string empty =
      R"(www.example.com:80 192.0.2.1 - - [17/May/2015:10:00:03 +0000] "\x16\x03" - - "-" "-")";
  const auto lines =
      lines_of(writer.write({{.line = 1, .text = line}, {.line = 2, .text = empty}}, "id-1").body);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_NE(lines[0].find(R"("metadata":{"page_url":"//shop?x","referrer":"http://r/","status":304,)"
                          R"("method":"GET","host":"www.example.com"})"),
            std::string::npos)
      << lines[0];
  EXPECT_NE(lines[1].find(R"("metadata":{"host":"www.example.com"})"), std::string::npos) << lines[1];
  EXPECT_EQ(read(lines[1]).type, "request");
}

TEST(AccessLog, MakesAnEventOfEachEntryOfAGluedLine) {
  RequestBatchWriter writer(log_format("combined"), &hasher());
  std::string line = line_of(1, 3, "/a") + line_of(2, 4, "/b") + line_of(3, 5, "/c");
  const RequestBatch& batch = writer.write({{.line = 7, .text = line}}, "id-1");
  const auto lines = lines_of(batch.body);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(batch.events.size(), 3U);
  EXPECT_EQ(read(lines[0]).id, "id-1-7");
  EXPECT_EQ(read(lines[1]).id, "id-1-7.2");
  EXPECT_EQ(read(lines[2]).id, "id-1-7.3");
  EXPECT_EQ(read(lines[2]).page, "/c");
}

TEST(AccessLog, RefusesALineWhoseRestIsNoEntry) {
  RequestBatchWriter writer(log_format("combined"), &hasher());
  std::string line = line_of(1, 3, "/a") + "192.0.2.2 - - [29/Nov";
  const std::string good = line_of(2, 4, "/b");
  const RequestBatch& batch = writer.write({{.line = 1, .text = line}, {.line = 2, .text = good}}, "id-1");
  EXPECT_EQ(lines_of(batch.body).size(), 1U);
  ASSERT_EQ(batch.events.size(), 1U);
  EXPECT_EQ(batch.events[0].line, 2U);
  ASSERT_EQ(batch.unreadable.size(), 1U);
  EXPECT_TRUE(batch.unreadable[0].reason.starts_with("after an entry, at byte "))
      << batch.unreadable[0].reason;
}

constexpr std::string_view bare =
    R"({"user_id":"u","activity_type":"page_view","timestamp":"2015-05-17T10:00:00Z"})";

TEST(Activities, AreSentAsTheyAreWithAMissingIdAdded) {
  RequestBatchWriter writer(ndjson, nullptr);
  const std::string own =
      R"({"user_id":"u","message_id":"mine","activity_type":"a","timestamp":"2015-05-17T10:00:01Z"})";
  const std::string nested =
      R"( {"metadata":{"message_id":"deep"},"user_id":"u","activity_type":"a","timestamp":"2015-05-17T10:00:02Z"} )";
  const RequestBatch& batch = writer.write(
      {{.line = 1, .text = bare}, {.line = 2, .text = own}, {.line = 3, .text = nested}}, "id-2");
  const auto lines = lines_of(batch.body);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0], R"({"message_id":"id-2-1",)" + std::string(bare.substr(1)));
  EXPECT_EQ(lines[1], own);
  EXPECT_EQ(read(lines[2]).id, "id-2-3");
  EXPECT_TRUE(batch.events[0].page_view);
  EXPECT_FALSE(batch.events[1].page_view);
}

TEST(Activities, OfAnArrayAreWrittenOnOneLineEach) {
  RequestBatchWriter writer(array, nullptr);
  std::string spread(bare);
  spread.insert(1, "\r\n  ");
  const RequestBatch& batch = writer.write({{.line = 1, .text = spread}, {.line = 2, .text = "3"}}, "id-1");
  ASSERT_EQ(lines_of(batch.body).size(), 1U);
  EXPECT_EQ(read(lines_of(batch.body)[0]).id, "id-1-1");
  ASSERT_EQ(batch.unreadable.size(), 1U);
  EXPECT_EQ(batch.unreadable[0].line, 2U);
}

TEST(Activities, WithALineEndInAStringAreUnreadable) {
  RequestBatchWriter writer(array, nullptr);
  std::string broken(bare);
  broken.insert(broken.find(":\"u") + 2, "\n");
  const RequestBatch& batch = writer.write({{.line = 1, .text = broken}}, "id-1");
  EXPECT_TRUE(batch.body.empty());
  EXPECT_EQ(batch.unreadable.size(), 1U);
}

TEST(Totals, ExcludeRejectedEvents) {
  RequestBatch batch;
  batch.events = {{1, true, EventTime(5s)}, {2, true, EventTime(9s)}, {3, false, EventTime(7s)}};
  batch.unreadable = {{4, "x"}};
  Totals totals;
  totals.add(batch, {1});
  EXPECT_EQ(totals, (Totals{.events = 2,
                            .page_views = 1,
                            .unreadable = 1,
                            .rejected = 1,
                            .first = EventTime(5s),
                            .last = EventTime(7s)}));
  Totals both = totals;
  both.add(Totals{.events = 1, .first = EventTime(1s), .last = EventTime(6s)});
  EXPECT_EQ(both.events, 3U);
  EXPECT_EQ(both.first, EventTime(1s));
  EXPECT_EQ(both.last, EventTime(7s));
  both.add(Totals{});
  EXPECT_EQ(both.first, EventTime(1s));
}

}  // namespace
}  // namespace weir::importer
