// Makes a wrong message from a valid one, for tests of what reads messages of a broker.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <string>

namespace weir::kafka_protocol {

// Changes 1 to 3 places of `bytes`: a flipped bit, random bytes, a number of 2 or 4 bytes (which may be a
// length or a count) set to an extreme value, the end cut off, or a part removed, repeated or inserted.
inline std::string mutated(std::string bytes, std::mt19937_64& random) {
  const auto below = [&random](std::size_t end) {
    return static_cast<std::size_t>(random() % std::max<std::size_t>(1, end));
  };
  for (std::size_t change = 0, changes = 1 + below(3); change < changes && !bytes.empty(); ++change) {
    const std::size_t at = below(bytes.size());
    const std::size_t some = std::min(bytes.size() - at, 1 + below(8));
    switch (below(7)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
        break;
      case 1:
        for (std::size_t i = at; i < at + some; ++i) bytes[i] = static_cast<char>(random());
        break;
      case 2: {
        const std::array<std::uint32_t, 9> extremes{0,
                                                    1,
                                                    0xFFFFFFFFU,
                                                    0x7FFFFFFFU,
                                                    0x80000000U,
                                                    0x7FFF7FFFU,
                                                    static_cast<std::uint32_t>(bytes.size()),
                                                    static_cast<std::uint32_t>(bytes.size() + 1),
                                                    static_cast<std::uint32_t>(below(300))};
        const std::uint32_t number = extremes.at(below(extremes.size()));
        const std::size_t width =
            std::min(bytes.size() - at, below(2) == 0 ? std::size_t{2} : std::size_t{4});
        for (std::size_t i = 0; i < width; ++i)
          bytes[at + i] = static_cast<char>(number >> (8 * (width - 1 - i)));
        break;
      }
      case 3:
        bytes.resize(at);
        break;
      case 4:
        bytes.erase(at, some);
        break;
      case 5:
        bytes.insert(at, bytes.substr(at, some));
        break;
      default:
        for (std::size_t i = 0; i < some; ++i)
          bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), static_cast<char>(random()));
    }
  }
  return bytes;
}

}  // namespace weir::kafka_protocol
