// Events like a busy site's: 50,000 users, 500 pages, 250 bytes each, within a few minutes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "activity/rfc3339.hpp"
#include "base/limits.hpp"

namespace weir::bench {

class Events {
 public:
  explicit Events(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto user = (i * 7919) % 50'000;
      const auto page = (i * 104'729) % 500;
      const WallTime when{std::chrono::milliseconds{1'790'000'000'000 + static_cast<std::int64_t>(i) * 13}};
      const std::size_t start = bytes_.size();
      bytes_ +=
          R"({"user_id":"user-)" + std::to_string(user) + R"(","activity_type":")" +
          (i % 4 == 0 ? "click" : "page_view") + R"(","timestamp":")" + activity::format_rfc3339(when) +
          R"(","metadata":{"page_url":"https://www.example.org/articles/page-)" + std::to_string(page) +
          R"(?utm_source=newsletter","referrer":"https://news.example.com/item","browser":"Firefox 128"},)" +
          R"("message_id":"6f1c2c1e-)" + std::to_string(100'000 + i) + R"("})";
      slices_.push_back({start, bytes_.size() - start});
    }
    bytes_.append(limits::json_slack_bytes, ' ');
  }

  [[nodiscard]] std::size_t size() const { return slices_.size(); }
  [[nodiscard]] std::string_view json(std::size_t i) const {
    return std::string_view(bytes_).substr(slices_[i].at, slices_[i].bytes);
  }

 private:
  struct Slice {
    std::size_t at;
    std::size_t bytes;
  };
  std::string bytes_;
  std::vector<Slice> slices_;
};

}  // namespace weir::bench
