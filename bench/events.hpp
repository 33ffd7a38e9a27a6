// Events like a busy site's: 50,000 users, 500 pages, 250 bytes each, within a few minutes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "activity/rfc3339.hpp"
#include "base/limits.hpp"

namespace weir::bench {

// The members of metadata and the parameters of page_url's query that own dimensions read.
inline constexpr std::size_t own_sources = 8;
inline std::string member_name(std::size_t number) { return "member_" + std::to_string(number); }
inline std::string parameter_name(std::size_t number) { return "utm_" + std::to_string(number); }

enum class OwnSources : bool { absent, present };

class Events {
 public:
  // With OwnSources::present each event has all own_sources members and parameters, of 50 values each.
  explicit Events(std::size_t count, OwnSources own = OwnSources::absent) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto user = (i * 7919) % 50'000;
      const auto page = (i * 104'729) % 500;
      const WallTime when{std::chrono::milliseconds{1'790'000'000'000 + static_cast<std::int64_t>(i) * 13}};
      const std::size_t start = bytes_.size();
      bytes_ += R"({"user_id":"user-)" + std::to_string(user) + R"(","activity_type":")" +
                (i % 4 == 0 ? "click" : "page_view") + R"(","timestamp":")" + activity::format_rfc3339(when) +
                R"(","metadata":{"page_url":"https://www.example.org/articles/page-)" + std::to_string(page) +
                "?utm_source=newsletter" + (own == OwnSources::present ? parameters(i) : "") +
                R"(","referrer":"https://news.example.com/item","browser":"Firefox 128")" +
                (own == OwnSources::present ? members(i) : "") + "}," + R"("message_id":"6f1c2c1e-)" +
                std::to_string(100'000 + i) + R"("})";
      slices_.push_back({start, bytes_.size() - start});
    }
    bytes_.append(limits::json_slack_bytes, ' ');
  }

  [[nodiscard]] std::size_t size() const { return slices_.size(); }
  [[nodiscard]] std::string_view json(std::size_t i) const {
    return std::string_view(bytes_).substr(slices_[i].at, slices_[i].bytes);
  }

 private:
  static std::string parameters(std::size_t event) {
    std::string text;
    for (std::size_t number = 0; number < own_sources; ++number)
      text += "&" + parameter_name(number) + "=value-" + std::to_string((event + number) % 50);
    return text;
  }
  static std::string members(std::size_t event) {
    std::string text;
    for (std::size_t number = 0; number < own_sources; ++number)
      text += ",\"" + member_name(number) + "\":\"value-" + std::to_string((event + number) % 50) + "\"";
    return text;
  }

  struct Slice {
    std::size_t at;
    std::size_t bytes;
  };
  std::string bytes_;
  std::vector<Slice> slices_;
};

}  // namespace weir::bench
