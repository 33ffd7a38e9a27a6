// The contract suite of the EventLog port: what event_log.hpp states, checked on the fake, the embedded log
// and Kafka. A test file of the implementation includes it, derives an EventLogFixture, and adds
//
//   INSTANTIATE_TEST_SUITE_P(Embedded, EventLogContract, testing::Values(&make_embedded_fixture));
#pragma once

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "intake/testing/event_log_fixture.hpp"

namespace weir::intake {

class EventLogContract : public testing::TestWithParam<MakeEventLogFixture> {
 protected:
  std::unique_ptr<EventLogFixture> fixture_ = GetParam()();
};

TEST_P(EventLogContract, StoresTheBytesUnchanged) {
  using namespace std::string_literals;
  const std::vector<StoredRecord> records{
      {"user", R"({"user_id":"user"})", {}},
      {"", "no key", {}},
      {"no value", "", {}},
      {"\0\xff\n"s, "\0 any \x80 byte \0"s, "topic/0/17"},
      {std::string(256, 'k'), std::string(60'000, 'v'), {}},
  };
  const auto receipts = event_log_contract::append_and_wait(fixture_->log(), records);
  EXPECT_EQ(receipts.all, Receipt::kept);
  EXPECT_TRUE(receipts.each.empty());
  auto found = fixture_->stored_records();
  auto expected = records;
  std::ranges::sort(found);
  std::ranges::sort(expected);
  EXPECT_EQ(found, expected);
}

TEST_P(EventLogContract, KeepsTheOrderOfOneKey) {
  std::vector<StoredRecord> expected;
  for (int request = 0; request < 20; ++request) {
    std::vector<StoredRecord> records;
    for (int i = 0; i < 10; ++i) records.push_back({"user", std::to_string(request * 10 + i), {}});
    EXPECT_EQ(event_log_contract::append_and_wait(fixture_->log(), records).all, Receipt::kept);
    expected.insert(expected.end(), records.begin(), records.end());
  }
  EXPECT_EQ(fixture_->stored_records(), expected);
}

TEST_P(EventLogContract, ReportsAnEmptyAppend) {
  EXPECT_EQ(event_log_contract::append_and_wait(fixture_->log(), {}).all, Receipt::kept);
  EXPECT_TRUE(fixture_->stored_records().empty());
}

TEST_P(EventLogContract, AcceptsAppendsOfManyThreads) {
  constexpr int threads = 8;
  constexpr int requests = 50;
  event_log_contract::Answers answers;
  std::vector<std::thread> clients;
  for (int client = 0; client < threads; ++client)
    clients.emplace_back([&, client] {
      for (int i = 0; i < requests; ++i) {
        const std::string user = std::to_string(client);
        const int append = client * requests + i;
        fixture_->log().append(event_log_contract::request({{user, std::to_string(2 * i), {}},  //
                                                            {user, std::to_string(2 * i + 1), {}}}),
                               answers.expect(append));
      }
    });
  for (auto& client : clients) client.join();
  for (const auto& [append, receipts] : answers.all()) EXPECT_EQ(receipts.all, Receipt::kept);
  std::map<std::string, std::vector<std::string>> found;
  for (const auto& record : fixture_->stored_records()) found[record.key].push_back(record.value);
  ASSERT_EQ(found.size(), threads);
  for (const auto& [user, values] : found) {
    ASSERT_EQ(values.size(), 2 * requests);
    for (int i = 0; i < 2 * requests; ++i) EXPECT_EQ(values[static_cast<std::size_t>(i)], std::to_string(i));
  }
}

TEST_P(EventLogContract, StillHasItsRecordsWhenItIsOpenedAgain) {
  const std::vector<StoredRecord> first{{"a", "1", {}}, {"b", "2", {}}};
  EXPECT_EQ(event_log_contract::append_and_wait(fixture_->log(), first).all, Receipt::kept);
  const auto before = fixture_->log().health();
  fixture_->reopen();
  const auto after = fixture_->log().health();
  EXPECT_EQ(after.log_id, before.log_id);
  EXPECT_EQ(after.end, before.end);
  EXPECT_EQ(event_log_contract::append_and_wait(fixture_->log(), {{"c", "3", {}}}).all, Receipt::kept);
  auto found = fixture_->stored_records();
  std::ranges::sort(found);
  EXPECT_EQ(found, (std::vector<StoredRecord>{{"a", "1", {}}, {"b", "2", {}}, {"c", "3", {}}}));
}

TEST_P(EventLogContract, RefusesAnAppendAboveItsBoundAtOnce) {
  const auto refused = event_log_contract::append_and_wait(
      fixture_->log(), {{"large", std::string(fixture_->waiting_bytes_max() + 1, 'x'), {}}});
  EXPECT_EQ(refused.all, Receipt::not_kept);
  EXPECT_EQ(refused.why.code, "log_full");
  EXPECT_EQ(refused.why.kind, ErrorKind::unavailable);
  EXPECT_EQ(event_log_contract::append_and_wait(fixture_->log(), {{"small", "x", {}}}).all, Receipt::kept);
  EXPECT_EQ(fixture_->stored_records(), (std::vector<StoredRecord>{{"small", "x", {}}}));
}

TEST_P(EventLogContract, ReportsTrueReceiptsForAllAppendsWhenItIsClosed) {
  event_log_contract::Answers answers;
  for (int i = 0; i < 200; ++i)
    fixture_->log().append(event_log_contract::request({{"user", std::to_string(i), {}}}), answers.expect(i));
  fixture_->reopen();
  std::set<std::string> found;
  for (const auto& record : fixture_->stored_records()) found.insert(record.value);
  ASSERT_EQ(answers.all().size(), 200);
  for (const auto& [append, receipts] : answers.all()) {
    if (receipts.all == Receipt::unknown) continue;
    EXPECT_EQ(found.contains(std::to_string(append)), receipts.all == Receipt::kept) << append;
  }
}

TEST_P(EventLogContract, ReportsItsEndOffset) {
  const auto before = fixture_->log().health();
  EXPECT_TRUE(before.up);
  EXPECT_EQ(before.reason, "");
  EXPECT_NE(before.log_id, "");
  event_log_contract::append_and_wait(fixture_->log(), {{"a", "1", {}}, {"b", "2", {}}, {"c", "3", {}}});
  EXPECT_EQ(fixture_->log().health().end, before.end + 3);
}

}  // namespace weir::intake
