// What a flush writes: the parts gathered since the last one, added to the rows that they touch; and what pruning
// takes, for the same fence serves both. A flush without parts writes only what its owner has observed.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rollup/metrics_store.hpp"
#include "rollup/partition.hpp"
#include "rollup/replay.hpp"
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

  // `topic`: the log's, as letters are named by it.
  Flush(std::vector<Share> shares, Pruning pruning, std::string topic);

  void start(std::span<const Claim> claims) override;
  std::optional<StoreCall> next_read() override;
  void take(std::vector<tally::WindowRow> rows) override;
  void take_letters(const std::vector<LetterState>& letters) override;
  Result<Changes> changes(WallTime now) override;
  [[nodiscard]] tally::LedgerRow account(const Claim& claim) const override;

  [[nodiscard]] std::vector<WindowStart> unrolled(std::int32_t partition) const override;
  [[nodiscard]] std::vector<WindowStart> rolled(std::int32_t) const override { return {}; }

 private:
  [[nodiscard]] bool is_held(std::int32_t partition) const;
  [[nodiscard]] const Share* share_of(std::int32_t partition) const;
  // The share's tally with those of its replays that count.
  [[nodiscard]] const tally::Tally& tally_of(const Share& share) const;
  [[nodiscard]] std::optional<LockLetters> letters_to_lock();
  void settle_replays(std::span<const LetterState> states);
  [[nodiscard]] Result<void> add_windows(const Share& share, Changes& changes);
  void add_letters(const Share& share, WallTime now, Changes& changes);

  std::vector<Share> shares_;
  Pruning pruning_;
  std::string topic_;
  // Of the try under way, forgotten by start().
  std::vector<std::int32_t> held_;
  bool locked_ = false;
  bool read_ = false;
  std::vector<LetterSource> sources_;
  LetterBook book_;
  std::map<std::int32_t, SettledReplays> settled_;
  std::map<std::int32_t, std::vector<tally::WindowRow>> rows_;
};

}  // namespace weir::rollup
