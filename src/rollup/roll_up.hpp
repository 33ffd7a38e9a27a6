// What a roll-up writes: minutes that have gone quiet, added to their hours and days.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "rollup/metrics_store.hpp"
#include "rollup/transaction.hpp"

namespace weir::rollup {

class RollUp final : public Plan {
 public:
  struct Share {
    std::int32_t partition = 0;
    std::vector<WindowStart> minutes;  // ascending
  };

  explicit RollUp(std::vector<Share> shares);

  void start(std::span<const Claim> claims) override;
  std::optional<StoreCall> next_read() override;
  void take(std::vector<tally::WindowRow> rows) override;
  Result<Changes> changes(WallTime now) override;

  [[nodiscard]] std::vector<WindowStart> unrolled(std::int32_t) const override { return {}; }
  [[nodiscard]] std::vector<WindowStart> rolled(std::int32_t partition) const override;

 private:
  struct Rows {
    std::vector<tally::WindowRow> minutes;
    std::vector<tally::WindowRow> targets;  // hours and days
  };

  std::vector<Share> shares_;
  std::vector<std::size_t> held_;  // in shares_
  std::size_t minutes_read_ = 0;   // of held_
  bool targets_asked_ = false;
  std::map<std::int32_t, Rows> rows_;  // by partition: one is rolled up at a time
};

}  // namespace weir::rollup
