// What a flush writes: the parts gathered since the last one, added to the rows that they touch; and what pruning
// takes, for the same fence serves both. A flush without parts writes only what its owner has observed.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <vector>

#include "rollup/metrics_store.hpp"
#include "rollup/partition.hpp"
#include "rollup/transaction.hpp"

namespace weir::rollup {

class Flush final : public Plan {
 public:
  struct Share {
    std::int32_t partition = 0;
    Part part;
  };
  struct Pruning {
    std::vector<Prune> windows;
    std::optional<WallTime> flushes_before;
  };

  Flush(std::vector<Share> shares, Pruning pruning);

  void start(std::span<const Claim> claims) override;
  std::optional<StoreCall> next_read() override;
  void take(std::vector<tally::WindowRow> rows) override;
  Result<Changes> changes(WallTime now) override;

  [[nodiscard]] std::vector<WindowStart> unrolled(std::int32_t partition) const override;
  [[nodiscard]] std::vector<WindowStart> rolled(std::int32_t) const override { return {}; }

 private:
  [[nodiscard]] bool is_held(std::int32_t partition) const;

  std::vector<Share> shares_;
  Pruning pruning_;
  std::vector<std::int32_t> held_;
  bool read_ = false;
  std::map<std::int32_t, std::vector<tally::WindowRow>> rows_;
};

}  // namespace weir::rollup
