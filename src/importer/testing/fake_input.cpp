#include "importer/testing/fake_input.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace weir::importer {

ReadBytes read_from_string(std::string bytes, std::size_t read_bytes_max) {
  return [bytes = std::make_shared<const std::string>(std::move(bytes)), at = std::size_t{0},
          read_bytes_max](std::span<char> buffer) mutable -> Result<std::size_t> {
    const std::size_t count = std::min({read_bytes_max, buffer.size(), bytes->size() - at});
    std::memcpy(buffer.data(), bytes->data() + at, count);
    at += count;
    return count;
  };
}

// A header of RFC 1952, stored blocks of RFC 1951, and the CRC-32 and the length. That needs no compressor.
std::string gzipped(const std::string& bytes) {
  std::string out("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
  const auto little = [&out](std::size_t value, int count) {
    for (int at = 0; at < count; ++at) out += static_cast<char>(value >> (8 * at));
  };
  constexpr std::size_t block_max = 65535;
  for (std::size_t at = 0;; at += block_max) {
    const std::size_t count = std::min(block_max, bytes.size() - at);
    const bool last = at + count == bytes.size();
    out += last ? '\1' : '\0';
    little(count, 2);
    little(~count, 2);
    out.append(bytes, at, count);
    if (last) break;
  }
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
  }
  little(~crc, 4);
  little(bytes.size(), 4);
  return out;
}

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "weir-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot create a folder for a test");
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string access_line(int visitor, int second, std::string_view target, std::string_view method) {
  std::array<char, 256> line{};
  const int bytes = std::snprintf(
      line.data(), line.size(),
      "10.0.0.%d - - [17/May/2015:10:%02d:%02d +0000] \"%.*s %.*s HTTP/1.1\" 200 5 \"-\" \"agent\"\n",
      visitor, second / 60 % 60, second % 60, static_cast<int>(method.size()), method.data(),
      static_cast<int>(target.size()), target.data());
  return {line.data(), static_cast<std::size_t>(bytes)};
}

}  // namespace weir::importer
