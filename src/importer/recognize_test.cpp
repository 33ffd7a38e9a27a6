#include "importer/recognize.hpp"

#include <gtest/gtest.h>

#include "importer/testing/fake_input.hpp"

namespace weir::importer {
namespace {

Result<Recognized> recognized(const std::string& bytes, std::string_view format = "auto",
                              std::size_t read_bytes_max = 100'000) {
  Source source(read_from_string(bytes, read_bytes_max));
  const auto choice = parse_format_choice(format);
  if (!choice) return std::unexpected(choice.error());
  auto found = recognize(source, *choice);
  EXPECT_EQ(source.position(), 0U);
  return found;
}

std::string name_of(const std::string& bytes, std::size_t read_bytes_max = 100'000) {
  const auto found = recognized(bytes, "auto", read_bytes_max);
  if (!found) return found.error().text;
  if (found->format.log) return found->format.log->name;
  return found->format.framing == Framing::json_array ? "array" : "ndjson";
}

const std::string combined = access_line(1, 1);
const std::string common = R"(192.0.2.1 - - [17/May/2015:10:00:01 +0000] "GET / HTTP/1.1" 200 5)"
                           "\n";
const std::string vhost = "www.example.com:80 " + combined;
const std::string nginx_main = combined.substr(0, combined.size() - 1) + " \"-\"\n";
const std::string activity = R"({"user_id":"u","activity_type":"a","timestamp":"2015-05-17T10:00:00Z"})"
                             "\n";
const std::string caddy =
    R"({"ts":1431857103.2,"request":{"client_ip":"192.0.2.1","method":"GET","uri":"/"},"status":200})"
    "\n";
const std::string traefik =
    R"({"ClientHost":"192.0.2.1","RequestMethod":"GET","RequestPath":"/","StartUTC":"2015-05-17T10:00:00Z"})"
    "\n";

TEST(Auto, ChoosesTheFormatOfMostOfTheFirstLines) {
  struct Case {
    std::string text;
    std::string expected;
  };
  const std::string mark = "\xEF\xBB\xBF";
  for (const Case& one :
       std::vector<Case>{{combined, "combined"},
                         {common, "common"},
                         {vhost, "vhost_combined"},
                         {nginx_main, "main"},
                         {caddy, "caddy"},
                         {traefik, "traefik"},
                         {activity, "ndjson"},
                         {"[" + activity + "]", "array"},
                         {" \r\n\t[ \n{", "array"},
                         {mark + "[{", "array"},
                         {"[]", "array"},
                         {"[", "array"},
                         {mark + activity, "ndjson"},
                         {"\n\n" + activity, "ndjson"},
                         {"[2001:db8::17] - -" + combined.substr(combined.find(" [")), "combined"},
                         {"[notice] 1#1: start worker process 29\n" + combined, "combined"},
                         {"server is starting\n" + activity + activity, "ndjson"},
                         {"{\"error\":1}\n" + combined + combined, "combined"},
                         {combined + common + common, "common"},
                         {vhost + combined + vhost, "vhost_combined"},
                         {std::string(1000, '\0') + vhost, "vhost_combined"},
                         {"a\r" + vhost.substr(0, vhost.size() - 1) + "\r" + vhost, "vhost_combined"},
                         {"{\"level\":\"info\"}\n" + caddy, "caddy"},
                         {"", "combined"},
                         {"  \n", "combined"},
                         {"nonsense\nnonsense\n", "combined"},
                         {"{\"a\":1}\n", "ndjson"}})
    for (const std::size_t read_bytes_max : {1U, 100'000U})
      EXPECT_EQ(name_of(one.text, read_bytes_max), one.expected) << one.text;
}

TEST(Auto, DecidesOnWholeLinesAndOnTheFirstHundredThatAreNotBlank) {
  EXPECT_EQ(name_of(common + combined.substr(0, 70)), "common")
      << "a server may still be writing the last line";
  std::string text;
  for (int at = 0; at < 51; ++at) text += common + "\n  \n";
  for (int at = 0; at < 49; ++at) text += combined;
  EXPECT_EQ(name_of(text + combined + combined + combined), "common");
  EXPECT_EQ(name_of(text.substr(3 * (common.size() + 4)) + combined + combined + combined), "combined");
}

TEST(Auto, DoesNotTakeAnyQuotedFieldForAForwardedAddress) {
  const std::string line = combined.substr(0, combined.size() - 1);
  const auto found = recognized(line + " \"2.31\"\n" + line + " \"www.example.com\"\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->format.log->name, "combined") << "and then both lines are unreadable";
}

TEST(Auto, NotesWhichFormatItChose) {
  EXPECT_EQ(recognized("x\n" + vhost + vhost)->note,
            "format vhost_combined, recognized in 2 of the first 3 lines");
  EXPECT_EQ(recognized(combined)->note, "format combined, recognized in the first line");
  EXPECT_EQ(recognized("x\n")->note.find(
                "the first line has no known format; reading the input as combined (--format"),
            0U);
  EXPECT_EQ(recognized("x")->note, "") << "no complete line";
  EXPECT_EQ(recognized(combined, "combined")->note, "");
}

TEST(Choice, OverridesWhatTheLinesLookLike) {
  EXPECT_EQ(recognized(activity, "combined")->format.log->name, "combined");
  EXPECT_EQ(recognized(combined, "caddy")->format.framing, Framing::json_lines);
  EXPECT_FALSE(recognized(combined, "activities")->format.log);
  EXPECT_EQ(recognized("[1", "activities")->format.framing, Framing::json_array);
  EXPECT_EQ(recognized("{}", "activities")->format.framing, Framing::json_lines);
  EXPECT_EQ(recognized(combined, "%h %t \"%r\"")->format.log->name, "custom");
  EXPECT_EQ(recognized(combined, "%h \"%r\"").error().code, "format_invalid");
}

TEST(Unsupported, FormatsAreRejectedByName) {
  using namespace std::string_literals;
  const std::string tar = "logs/a.log" + std::string(247, '\0') + "ustar\0"s + std::string(300, '\0');
  std::string utf16;
  for (const char byte : combined) utf16 += {byte, '\0'};
  struct Case {
    std::string bytes;
    std::string_view name;
  };
  for (const Case& one : std::vector<Case>{{"\xFD"
                                            "7zXZ\0\0\x04"s,
                                            "xz"},
                                           {"BZh91AY&SY\x12\x34", "bzip2"},
                                           {tar, "tar"},
                                           {gzipped(tar), "tar"},
                                           {gzipped(gzipped(combined)), "gzip within"},
                                           {gzipped("\xFD"
                                                    "7zXZ\0\0\x04"s),
                                            "xz"},
                                           {"\xFF\xFE" + utf16, "UTF-16"},
                                           {"\xFE\xFF\0" + utf16, "UTF-16"},
                                           {utf16, "UTF-16"},
                                           {"PK\x03\x04rest", "zip"},
                                           {"\x04\x22\x4D\x18rest", "lz4"}})
    for (const std::string_view format : {"auto", "combined", "activities"}) {
      const auto found = recognized(one.bytes, format);
      ASSERT_FALSE(found) << one.name;
      EXPECT_EQ(found.error().code, "unsupported_format");
      EXPECT_NE(found.error().text.find(one.name), std::string::npos) << found.error().text;
      EXPECT_NE(found.error().text.find("first"), std::string::npos) << "what to do: " << found.error().text;
    }
}

}  // namespace
}  // namespace weir::importer
