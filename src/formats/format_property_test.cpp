// Properties over many seeds. A line made from a random format and random values is read back to the same
// values. A prefix that another program adds never becomes the client.
#include <array>
#include <ctime>
#include <gtest/gtest.h>
#include <random>
#include <string>

#include "base/testing/seeds.hpp"
#include "formats/line_reader.hpp"

namespace weir::formats {
namespace {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(engine_);
  }
  bool one_in(std::size_t count) { return below(count) == 0; }
  template <class List>
  const auto& any_of(const List& list) {
    return list[below(std::size(list))];
  }

 private:
  std::mt19937_64 engine_;
};

enum class Server : std::uint8_t { nginx, nginx_json, apache };

// A value as the server writes it, according to its documentation.
std::string escaped(Server server, std::string_view value) {
  std::string out;
  for (const char byte : value) {
    const auto number = static_cast<unsigned char>(byte);
    std::array<char, 8> code{};
    const bool special = byte == '"' || byte == '\\';
    if (server == Server::nginx && (special || number < 0x20 || number > 0x7e))
      out.append(code.data(),
                 static_cast<std::size_t>(std::snprintf(code.data(), code.size(), "\\x%02X", number)));
    else if (server != Server::nginx && special)
      out.append("\\").append(1, byte);
    else if (number < 0x20 && byte == '\n')
      out += "\\n";
    else if (number < 0x20 && server == Server::nginx_json)
      out.append(code.data(),
                 static_cast<std::size_t>(std::snprintf(code.data(), code.size(), "\\u%04X", number)));
    else if (server == Server::apache && (number < 0x20 || number >= 0x7f))
      out.append(code.data(),
                 static_cast<std::size_t>(std::snprintf(code.data(), code.size(), "\\x%02x", number)));
    else
      out += byte;
  }
  return out;
}

std::string text(Dice& dice, std::string_view alphabet, std::size_t bytes_max) {
  std::string out;
  for (std::size_t left = dice.below(bytes_max) + 1; left > 0; --left)
    out += alphabet[dice.below(alphabet.size())];
  return out;
}

// strftime(3) is the reference.
std::string formatted(const char* pattern, std::time_t seconds) {
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 100> buffer{};
  return {buffer.data(), std::strftime(buffer.data(), buffer.size(), pattern, &parts)};
}

std::string two_digits(int number) { return (number < 10 ? "0" : "") + std::to_string(number); }

constexpr std::string_view any_bytes = "abcXYZ019 /?&=;:,.()[]{}<>|'\"\\\n\t\x01\x1f\x7f\xc3\xbc\xff-";
constexpr std::string_view word_bytes = "abcXYZ019/?&=;:.()[]{}<>'-_~";

struct Value {
  std::string format;   // of the field, in the server's notation
  std::string written;  // in the line
};

// A random format, a random line of it, and the entry that must be read.
struct Sample {
  std::string format;
  std::string line;
  LogEntry expected;
};

class SampleMaker {
 public:
  explicit SampleMaker(std::uint64_t seed) : dice_(seed), server_(static_cast<Server>(dice_.below(3))) {}

  Sample make() {
    std::vector<Value> values{client(), time(), request()};
    if (dice_.one_in(2)) values.push_back(status());
    if (dice_.one_in(2)) values.push_back(quoted("$http_referer", "%{Referer}i", sample_.expected.referrer));
    if (dice_.one_in(2))
      values.push_back(quoted("$http_user_agent", "%{User-Agent}i", sample_.expected.user_agent));
    if (dice_.one_in(2)) values.push_back(host());
    for (std::size_t extra = dice_.below(4); extra > 0; --extra) values.push_back(dropped());
    std::shuffle(values.begin(), values.end(), std::mt19937_64(dice_.below(1'000'000)));
    const std::string separator = dice_.any_of(std::array{" ", " | ", "\t", ";", " - ", ", "});
    if (server_ == Server::nginx_json) sample_.format = "escape=json ";
    for (const Value& value : values) {
      const bool first = &value == values.data();
      sample_.format += (first ? "" : separator) + value.format;
      sample_.line += (first ? "" : separator) + value.written;
    }
    return sample_;
  }

 private:
  [[nodiscard]] bool nginx() const { return server_ != Server::apache; }
  std::string of(std::string_view nginx_name, std::string_view apache_name) const {
    return std::string(nginx() ? nginx_name : apache_name);
  }

  Value client() {
    std::string& client = sample_.expected.client;
    client = dice_.any_of(std::array{"192.0.2.1", "2001:db8::17", "host-1.example", "::1", "10.20.30.40"});
    const bool brackets = client.find(':') != std::string::npos && dice_.one_in(2);
    std::string written = brackets ? "[" + client + "]" : client;
    if ((brackets || client.find(':') == std::string::npos) && dice_.one_in(3)) written += ":50123";
    if (dice_.one_in(4)) written += ", 198.51.100.7";
    if (dice_.one_in(4) && client.find("host") == std::string::npos) {
      const std::string header = of("$http_x_forwarded_for", "%{X-Forwarded-For}i");
      return {of("$remote_addr", "%h") + " \"" + header + "\"", "10.9.9.9 \"" + written + "\""};
    }
    return {of("$remote_addr", "%h"), written};
  }

  Value time() {
    const std::int64_t seconds = 700'000'000 + static_cast<std::int64_t>(dice_.below(3'000'000'000));
    const int zone_minutes = static_cast<int>(dice_.below(24 * 60)) - 12 * 60;
    sample_.expected.time = EventTime(std::chrono::seconds(seconds));
    const auto local = [&](const char* pattern) { return formatted(pattern, seconds + zone_minutes * 60); };
    const auto zone = [&](std::string_view colon) {
      const std::string sign = zone_minutes < 0 ? "-" : "+";
      return sign + two_digits(std::abs(zone_minutes) / 60) + std::string(colon) +
             two_digits(std::abs(zone_minutes) % 60);
    };
    switch (dice_.below(nginx() ? 3 : 4)) {
      case 0:
        return {of("[$time_local]", "%t"), local("[%d/%b/%Y:%H:%M:%S ") + zone("") + "]"};
      case 1:
        return {of("$time_iso8601", "%{%Y-%m-%dT%H:%M:%S%z}t"),
                local("%Y-%m-%dT%H:%M:%S") + zone(nginx() ? ":" : "")};
      case 2:
        return {of("$msec", "%{sec}t"), std::to_string(seconds) + (nginx() ? ".000" : "")};
      default:
        return {"%{%a %b %e %I:%M:%S %p %Y %z}t", local("%a %b %e %I:%M:%S %p %Y ") + zone("")};
    }
  }

  Value request() {
    LogEntry& expected = sample_.expected;
    expected.method = dice_.any_of(std::array{"GET", "POST", "PROPFIND"});
    expected.target = dice_.any_of(std::array{"/", "//", "/a"}) + text(dice_, word_bytes, 30);
    if (dice_.one_in(3))
      return {of("$request_method \"$request_uri\"", "%m \"%U%q\""),
              expected.method + " \"" + escaped(server_, expected.target) + "\""};
    return {of("\"$request\"", "\"%r\""),
            "\"" + expected.method + " " + escaped(server_, expected.target) + " HTTP/1.1\""};
  }

  Value status() {
    const int status = static_cast<int>(dice_.below(500)) + 100;
    const bool none = dice_.one_in(5);
    sample_.expected.status = none ? 0 : status;
    return {of("$status", "%>s"), none ? "-" : std::to_string(status)};
  }

  Value quoted(std::string_view nginx_name, std::string_view apache_name, std::string& expected) {
    if (!dice_.one_in(4)) expected = "x" + text(dice_, any_bytes, 40);
    const std::string nothing = server_ == Server::nginx_json ? "" : "-";
    return {"\"" + of(nginx_name, apache_name) + "\"",
            "\"" + (expected.empty() ? nothing : escaped(server_, expected)) + "\""};
  }

  Value host() {
    sample_.expected.host = dice_.any_of(std::array{"www.example.com", "localhost", "192.0.2.80"});
    return {of("$host", "%v"), sample_.expected.host};
  }

  Value dropped() {
    switch (dice_.below(4)) {
      case 0:
        return {of("$request_time", "%D"), nginx() ? "0.25" : "2500"};
      case 1:
        return {of("\"$http_cookie\"", "\"%{Cookie}i\""),
                "\"" + escaped(server_, text(dice_, any_bytes, 20)) + "\""};
      case 2:
        return {of("rt=$body_bytes_sent", "rt=%b"), "rt=" + std::to_string(dice_.below(9999))};
      default:
        return {of("<$ssl_protocol>", "<%{SSL_PROTOCOL}x>"), "<TLSv1.3>"};
    }
  }

  Dice dice_;
  Server server_;
  Sample sample_;
};

TEST(FormatProperty, ALineIsReadBackToItsValues) {
  for_each_seed(3000, [](std::uint64_t seed) {
    const Sample sample = SampleMaker(seed).make();
    const auto format = parse_log_format(sample.format);
    ASSERT_TRUE(format) << sample.format << ": " << format.error().text;
    LineReader reader(*format);
    LogEntry entry;
    const auto rest = reader.read(sample.line, entry);
    ASSERT_TRUE(rest) << sample.format << "\n" << sample.line << "\n" << rest.error().text;
    EXPECT_EQ(*rest, "");
    const LogEntry& expected = sample.expected;
    EXPECT_EQ(entry.client, expected.client) << sample.format << "\n" << sample.line;
    EXPECT_EQ(entry.user_agent, expected.user_agent) << sample.line;
    EXPECT_EQ(entry.referrer, expected.referrer) << sample.line;
    EXPECT_EQ(entry.method, expected.method) << sample.line;
    EXPECT_EQ(entry.target, expected.target) << sample.line;
    EXPECT_EQ(entry.host, expected.host) << sample.line;
    EXPECT_EQ(entry.status, expected.status) << sample.line;
    EXPECT_EQ(entry.time, expected.time) << sample.line;
  });
}

TEST(FormatProperty, ADamagedLineIsRefusedOrReadWithinItsBounds) {
  for_each_seed(1000, [](std::uint64_t seed) {
    const Sample sample = SampleMaker(seed).make();
    const auto format = parse_log_format(sample.format);
    ASSERT_TRUE(format);
    LineReader reader(*format);
    Dice dice(seed + 1);
    for (int turn = 0; turn < 30; ++turn) {
      std::string line = sample.line;
      for (std::size_t damages = dice.below(3) + 1; damages > 0 && !line.empty(); --damages) {
        const std::size_t at = dice.below(line.size());
        if (dice.one_in(3))
          line.erase(at, dice.below(8) + 1);
        else if (dice.one_in(2))
          line.insert(at, text(dice, any_bytes, 8));
        else
          line[at] = static_cast<char>(dice.below(256));
      }
      const auto exact = std::make_unique<char[]>(line.size());
      std::ranges::copy(line, exact.get());
      LogEntry entry;
      const auto rest = reader.read({exact.get(), line.size()}, entry);
      if (rest) {
        EXPECT_FALSE(entry.client.empty());
      } else {
        EXPECT_EQ(rest.error().code, "unreadable_line");
      }
    }
  });
}

// Prefixes as loggers, containers and terminals add them.
TEST(FormatProperty, APrefixNeverBecomesTheClientOfABuiltInFormat) {
  constexpr std::array words{"Nov",
                             "29",
                             "13:55:01",
                             "web1",
                             "nginx[2869]:",
                             "|",
                             "-",
                             "<134>1",
                             "web-1",
                             "INFO",
                             "[notice]",
                             "stdout",
                             "F",
                             "1",
                             "app:",
                             "\x1b[32m",
                             "2026-11-29T13:55:01Z",
                             "id=7",
                             "frank",
                             "a.example"};
  for_each_seed(3000, [&](std::uint64_t seed) {
    Dice dice(seed);
    std::string prefix;
    for (std::size_t left = dice.below(6) + 1; left > 0; --left)
      prefix += std::string(dice.any_of(words)) + std::string(dice.below(2) + 1, ' ');
    const std::string line = prefix + "192.0.2.1 - " +
                             std::string(dice.any_of(std::array{"-", "frank", "John Doe"})) +
                             R"( [29/Nov/2026:13:55:01 +0000] "GET /a HTTP/1.1" 200 512 "-" "UA/1")";
    for (const std::string_view name : {"combined", "vhost_combined"}) {
      const auto format = parse_log_format(name);
      LineReader reader(*format);
      LogEntry entry;
      if (reader.read(line, entry)) {
        EXPECT_EQ(entry.client, "192.0.2.1") << name << "\n" << line;
      }
    }
  });
}

TEST(FormatProperty, ARandomFormatStringIsCompiledOrRefused) {
  constexpr std::string_view bytes = "%${}<>!,^abhilrstuvzTCLU0_\"\\ []'";
  for_each_seed(20'000, [&](std::uint64_t seed) {
    Dice dice(seed);
    std::string format = dice.one_in(2) ? "%h %t " : "$remote_addr $msec ";
    format.insert(dice.below(format.size()), text(dice, bytes, 20));
    const auto compiled = parse_log_format(format);
    if (!compiled) {
      EXPECT_FALSE(compiled.error().text.empty());
      return;
    }
    LineReader reader(*compiled);
    LogEntry entry;
    (void)reader.read(format, entry);
  });
}

}  // namespace
}  // namespace weir::formats
