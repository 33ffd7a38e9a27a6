// The part of metrics_store_contract.hpp that is about dimensions: their numbers, and rows of own dimensions.
// Include that one.
#pragma once

#include <array>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "commit/dimension_registration.hpp"
#include "commit/testing/metrics_store_fixture.hpp"

namespace weir::commit {

namespace store_contract {

inline tally::OwnDimension own(const std::string& name, const std::string& source) {
  return {name, tally::parse_dimension_source(source).value()};
}
inline std::vector<tally::Dimension> numbers_of(const std::vector<tally::CountedDimension>& counted) {
  std::vector<tally::Dimension> numbers;
  for (const tally::CountedDimension& each : counted) numbers.push_back(each.dimension);
  return numbers;
}

inline constexpr tally::Dimension first = tally::first_own_dimension;
inline constexpr tally::Dimension second{tally::index_of(first) + 1};
inline constexpr tally::Dimension third{tally::index_of(first) + 2};

}  // namespace store_contract

TEST_P(MetricsStoreContract, NumbersOwnDimensionsInTheOrderInWhichTheyBecomeKnown) {
  using namespace store_contract;
  const std::array wanted{own("country", "metadata.country"), own("campaign", "query.utm_campaign")};
  const auto counted = store_->register_dimensions(wanted, written);
  ASSERT_TRUE(counted.has_value()) << counted.error().text;
  ASSERT_EQ(counted->size(), 2U);
  EXPECT_EQ((*counted)[0], (tally::CountedDimension{first, wanted[0].source}));
  EXPECT_EQ((*counted)[1], (tally::CountedDimension{second, wanted[1].source}));
}

TEST_P(MetricsStoreContract, KeepsTheNumberOfANameAlsoWhileItIsLeftOut) {
  using namespace store_contract;
  const auto country = own("country", "metadata.country");
  const auto plan = own("plan", "metadata.plan");
  const auto shop = own("shop", "metadata.shop");
  EXPECT_EQ(numbers_of(store_->register_dimensions(std::array{country, plan}, written).value()),
            (std::vector{first, second}));
  auto other = fixture_->session(group);  // as after a restart
  EXPECT_EQ(numbers_of(other->register_dimensions(std::array{plan, shop}, written).value()),
            (std::vector{second, third}));
  EXPECT_TRUE(other->register_dimensions({}, written)->empty());
  EXPECT_EQ(numbers_of(store_->register_dimensions(std::array{shop, country}, written).value()),
            (std::vector{third, first}));
}

TEST_P(MetricsStoreContract, RefusesAnotherSourceUnderAKnownNameAndNamesBoth) {
  using namespace store_contract;
  ASSERT_TRUE(store_->register_dimensions(std::array{own("country", "metadata.country")}, written));
  const std::array wanted{own("plan", "metadata.plan"), own("country", "metadata.geo")};
  const auto refused = store_->register_dimensions(wanted, written);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
  EXPECT_EQ(refused.error().code, code_another_source);
  for (const char* const named : {"country", "metadata.country", "metadata.geo"})
    EXPECT_NE(refused.error().text.find(named), std::string::npos) << refused.error().text;
  // Nothing of it was written, and the session goes on.
  EXPECT_EQ(
      numbers_of(store_->register_dimensions(std::array{own("shop", "metadata.shop")}, written).value()),
      std::vector{second});
}

TEST_P(MetricsStoreContract, KeepsReadsAndPrunesRowsOfOwnDimensions) {
  using namespace store_contract;
  ASSERT_TRUE(store_->register_dimensions(std::array{own("country", "metadata.country")}, written));
  tally::WindowRow of_minute = total(Granularity::minute, minute(0), 3);
  of_minute.stored = {{Dimension::page, 1}, {first, 2}};
  tally::WindowRow german = row(Granularity::minute, minute(0), first, "DE", 2);
  german.arrival_rank = 1;
  tally::WindowRow french = row(Granularity::minute, minute(0), first, "FR", 1);
  french.arrival_rank = 2;
  const std::vector all{of_minute, row(Granularity::minute, minute(0), Dimension::page, "/", 3), german,
                        french};
  const tally::LedgerRow ledger = flush(open(), {.windows = all, .pending_rollups = {{0, minute(0)}}});
  EXPECT_EQ(sorted(fixture_->contents().windows), sorted(all));

  ASSERT_TRUE(store_->begin(std::array{fence_of(ledger)}).has_value());
  EXPECT_EQ(store_->read_windows(std::array{german.key}, bytes_max).value(), std::vector{german});
  const auto pending = store_->read_pending_rows(0, std::array{minute(0)}, {});
  ASSERT_TRUE(pending.has_value()) << pending.error().text;
  EXPECT_EQ(pending->rows, (std::vector{of_minute, all[1], german, french}))
      << "by dimension and arrival rank";
  store_->rollback();

  const Changes prune{.rolled_up = {{0, minute(0)}}, .prunes = {{0, Granularity::minute, written}}};
  flush(ledger, prune);
  EXPECT_TRUE(fixture_->contents().windows.empty()) << "also where a process no longer counts the dimension";
}

TEST_P(MetricsStoreContract, DoesNotPruneAWindowWhoseOwnDimensionWasWrittenLately) {
  using namespace store_contract;
  ASSERT_TRUE(store_->register_dimensions(std::array{own("country", "metadata.country")}, written));
  tally::LedgerRow ledger =
      flush(open(), {.written_at = written, .windows = {total(Granularity::minute, minute(0), 1)}});
  const WallTime later = written + std::chrono::hours{1};
  ledger =
      flush(ledger, {.written_at = later, .windows = {row(Granularity::minute, minute(0), first, "DE", 1)}});
  flush(ledger, {.written_at = later, .prunes = {{0, Granularity::minute, written}}});
  EXPECT_EQ(fixture_->contents().windows.size(), 2U);
}

}  // namespace weir::commit
