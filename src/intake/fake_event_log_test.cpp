#include "intake/testing/fake_event_log.hpp"

#include "intake/testing/event_log_contract.hpp"

namespace weir::intake {
namespace {

constexpr std::size_t bound = 256 * 1024;

// The fake loses its records when it is destroyed, so the fixture keeps them for the next one.
class FakeFixture final : public EventLogFixture {
 public:
  FakeFixture() { open(); }

  EventLog& log() override { return *log_; }
  std::vector<StoredRecord> stored_records() override {
    auto all = before_;
    for (auto& record : of_current_log()) all.push_back(std::move(record));
    return all;
  }
  void reopen() override {
    before_ = stored_records();
    open();
  }
  [[nodiscard]] std::size_t waiting_bytes_max() const override { return bound; }

 private:
  void open() {
    log_ = std::make_unique<FakeEventLog>(static_cast<std::int64_t>(before_.size()));
    log_->waiting_bytes_max(bound);
  }
  [[nodiscard]] std::vector<StoredRecord> of_current_log() const {
    std::vector<StoredRecord> all;
    for (const auto& kept : log_->kept()) {
      auto& record = all.emplace_back(StoredRecord{kept.key, kept.value, {}});
      for (const auto& header : kept.headers)
        if (header.name == "weir.replay") record.replay_source = header.value;
    }
    return all;
  }

  std::vector<StoredRecord> before_;
  std::unique_ptr<FakeEventLog> log_;
};

std::unique_ptr<EventLogFixture> make_fake_fixture() { return std::make_unique<FakeFixture>(); }

INSTANTIATE_TEST_SUITE_P(Fake, EventLogContract, testing::Values(&make_fake_fixture));

using event_log_contract::Answers;
using event_log_contract::request;

const Error away{ErrorKind::unavailable, "away", "unavailable in this test"};

TEST(FakeEventLog, ReportsTheReceiptsThatTheTestChooses) {
  FakeEventLog log;
  Answers answers;
  log.answer(Receipt::not_kept, away);
  log.append(request({{"a", "1", {}}}), answers.expect(0));
  log.answer_next({Receipt::kept, Receipt::unknown}, away);
  log.append(request({{"b", "2", {}}, {"c", "3", {}}}), answers.expect(1));
  log.answer(Receipt::kept);
  log.append(request({{"d", "4", {}}}), answers.expect(2));

  EXPECT_EQ(answers.of(0).of(0), Receipt::not_kept);
  EXPECT_EQ(answers.of(0).why.code, "away");
  EXPECT_EQ(answers.of(1).of(0), Receipt::kept);
  EXPECT_EQ(answers.of(1).of(1), Receipt::unknown);
  EXPECT_EQ(answers.of(2).of(0), Receipt::kept);
  ASSERT_EQ(log.kept().size(), 2U);
  EXPECT_EQ(log.kept()[0].value, "2");
  EXPECT_EQ(log.kept()[1].value, "4");
  EXPECT_EQ(log.appends().size(), 3U);
}

TEST(FakeEventLog, HoldsReceiptsUntilReleased) {
  FakeEventLog log;
  Answers answers;
  log.hold();
  log.append(request({{"a", "1", {}}}), answers.expect(0));
  EXPECT_EQ(log.waiting(), 1U);
  EXPECT_TRUE(log.kept().empty());
  log.release();
  EXPECT_EQ(answers.of(0).all, Receipt::kept);
  EXPECT_EQ(log.waiting(), 0U);
  EXPECT_EQ(log.health().end, 1);
}

TEST(FakeEventLog, ReportsWhatItHeldWhenItIsDestroyed) {
  Answers answers;
  {
    FakeEventLog log;
    log.hold();
    log.append(request({{"a", "1", {}}}), answers.expect(0));
  }
  EXPECT_EQ(answers.of(0).all, Receipt::not_kept);
}

}  // namespace
}  // namespace weir::intake
