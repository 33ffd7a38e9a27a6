// A stream buffer for standard output that keeps the error of a failed write.
#pragma once

#include <array>
#include <streambuf>

namespace weir::app {

// Buffers output and writes it to a descriptor, which it does not own. After the first failed write it
// discards everything, so that the output has no gap before its end. std::cout would lose errno. Not
// thread-safe.
class DescriptorBuffer final : public std::streambuf {
 public:
  // `descriptor` must be open for writing. A closed one is not an error here: the first write reports EBADF.
  explicit DescriptorBuffer(int descriptor);

  // Returns errno of the first failed write; 0 if none failed.
  [[nodiscard]] int error() const { return error_; }

 protected:
  // As std::streambuf specifies them: overflow() is called when the buffer is full, sync() by a flush.
  int_type overflow(int_type next) override;
  int sync() override;

 private:
  int descriptor_;
  int error_ = 0;
  std::array<char, 16384> buffer_{};
};

}  // namespace weir::app
