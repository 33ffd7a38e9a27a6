// Standard output that remembers why it could not be written.
#pragma once

#include <array>
#include <streambuf>

namespace weir::app {

// Writes to a descriptor that stays its owner's. After the first failure it takes nothing more, so that what
// was written is whole up to there. One thread.
class DescriptorBuffer final : public std::streambuf {
 public:
  explicit DescriptorBuffer(int descriptor);

  // errno of the write that failed; 0: none did.
  [[nodiscard]] int error() const { return error_; }

 protected:
  int_type overflow(int_type next) override;
  int sync() override;

 private:
  int descriptor_;
  int error_ = 0;
  std::array<char, 16384> buffer_{};
};

}  // namespace weir::app
