#include "commit/transaction.hpp"

#include "commit/flush.hpp"

namespace weir::commit {
namespace {

// Returns the next call, which must have this request.
template <class Request>
Call<Request> next(Transaction& transaction) {
  std::optional<StoreCall> call = transaction.next();
  return std::get<Call<Request>>(std::move(call).value());
}

tally::LedgerRow ledger(std::int32_t partition, std::int64_t next_offset) {
  tally::LedgerRow row{.partition = partition, .next_offset = next_offset, .version = 7};
  row.read = row.tallied = next_offset;
  return row;
}

// A flush of partitions 2 and 1 without events.
std::unique_ptr<Transaction> make_transaction() {
  std::vector<PartitionCommit> commits;
  for (const std::int32_t partition : {2, 1})
    commits.push_back({.generation = 1, .before = ledger(partition, 10), .after = ledger(partition, 10)});
  auto plan = std::make_unique<Flush>(std::vector<Flush::PartitionBatch>{}, Flush::Pruning{}, "the-topic");
  return std::make_unique<Transaction>(std::move(commits), std::move(plan), WallTime{});
}

TEST(Transaction, BeginsWithItsFencesInOrder) {
  const auto transaction = make_transaction();
  const Call<Begin> begin = next<Begin>(*transaction);
  const std::vector<Fence>& fences = begin.request().fences;
  ASSERT_EQ(fences.size(), 2U);
  EXPECT_EQ(fences[0].partition, 1);
  EXPECT_EQ(fences[1].partition, 2);
  EXPECT_EQ(fences[0].next_offset, 10);
  EXPECT_EQ(fences[0].version, 7);
}

TEST(Transaction, WritesTheHeldPartitionsAndDropsTheOthers) {
  const auto transaction = make_transaction();
  next<Begin>(*transaction).respond(std::vector{2});
  Call<Write> write = next<Write>(*transaction);
  const Changes& changes = write.request().changes;
  ASSERT_EQ(changes.ledgers.size(), 1U);
  EXPECT_EQ(changes.ledgers[0].partition, 2);
  EXPECT_EQ(changes.ledgers[0].version, 8);
  write.respond(Written{});
  next<Commit>(*transaction).respond({CommitStatus::committed, {}});
  EXPECT_FALSE(transaction->next().has_value());
  EXPECT_FALSE(transaction->failure().has_value());
  EXPECT_EQ(transaction->commits()[0].result, CommitResult::superseded);
  EXPECT_EQ(transaction->commits()[1].result, CommitResult::committed);
}

TEST(Transaction, WritesNothingWhereNoFenceMatches) {
  const auto transaction = make_transaction();
  next<Begin>(*transaction).respond({});
  next<Rollback>(*transaction).respond({});
  EXPECT_FALSE(transaction->next().has_value());
}

TEST(Transaction, IsInDoubtAfterTheResponseToACommitIsLost) {
  const auto transaction = make_transaction();
  next<Begin>(*transaction).respond(std::vector{1, 2});
  next<Write>(*transaction).respond(Written{});
  next<Commit>(*transaction)
      .respond({CommitStatus::unknown, {ErrorKind::unavailable, "commit_unknown", "the response was lost"}});
  EXPECT_FALSE(transaction->next().has_value());
  ASSERT_TRUE(transaction->failure().has_value());
  EXPECT_TRUE(transaction->was_in_doubt());

  transaction->run_again(WallTime{});
  next<Begin>(*transaction).respond({});
  for (const PartitionCommit& entry : transaction->commits()) EXPECT_EQ(entry.result, CommitResult::in_doubt);
}

TEST(Transaction, LeavesOutARevokedPartitionWhenItRunsAgain) {
  const auto transaction = make_transaction();
  next<Begin>(*transaction).respond(fail(ErrorKind::unavailable, "store_away", "the store does not respond"));
  EXPECT_FALSE(transaction->next().has_value());
  transaction->leave_out(1);
  transaction->run_again(WallTime{});
  const Call<Begin> begin = next<Begin>(*transaction);
  ASSERT_EQ(begin.request().fences.size(), 1U);
  EXPECT_EQ(begin.request().fences[0].partition, 2);
}

}  // namespace
}  // namespace weir::commit
