#include "app/arguments.hpp"

#include <gtest/gtest.h>
#include <sstream>

namespace weir::app {
namespace {

using Words = std::vector<std::string>;

class Arguments : public testing::Test {
 protected:
  std::optional<int> type(const Words& typed) {
    files_.clear();
    url_.clear();
    format_ = again_ = 0;
    out_.str("");
    err_.str("");
    const CommandSpec spec{
        .name = "import",
        .help = "does it",
        .footer = "the footer",
        .arguments = {{.name = "FILE",
                       .help = "files",
                       .expected = "a file",
                       .take =
                           [this](const std::string& file) {
                             files_.push_back(file);
                             return !file.empty();
                           },
                       .is_repeatable = true,
                       .is_required = true},
                      {.name = "--url",
                       .help = "where",
                       .expected = "a URL",
                       .take =
                           [this](const std::string& url) {
                             url_ = url;
                             return url != "bad";
                           }},
                      {.name = "--format",
                       .help = "how",
                       .expected = "table or csv",
                       .take = one_of({"table", "csv"}, [this](std::size_t at) { format_ = at; })},
                      {.name = "--again",
                       .help = "twice",
                       .take =
                           [this](const std::string&) {
                             again_ = 1;
                             return true;
                           }}},
        .check = [this] { return again_ == 1 && format_ == 1 ? "not both" : ""; }};
    return parse(spec, typed, out_, err_);
  }

  Words files_;
  std::string url_;
  std::size_t format_ = 0;
  int again_ = 0;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(Arguments, AreAcceptedInAnyOrder) {
  for (const Words& typed : std::vector<Words>{{"a", "-", "--url", "u", "--format", "csv"},
                                               {"--url=u", "a", "--format=csv", "-"},
                                               {"--format", "csv", "--url", "u", "--", "a", "-"}}) {
    ASSERT_EQ(type(typed), std::nullopt) << err_.str();
    EXPECT_EQ(files_, (Words{"a", "-"}));
    EXPECT_EQ(url_, "u");
    EXPECT_EQ(format_, 1U);
  }
  ASSERT_EQ(type({"serve", "--again"}), std::nullopt) << err_.str();
  EXPECT_EQ(files_, Words{"serve"});
  EXPECT_EQ(again_, 1);
}

TEST_F(Arguments, FaultsNameWhatWasFoundAndWhatIsExpected) {
  struct Case {
    Words typed;
    std::string fault;
  };
  const std::vector<Case> cases = {
      {{}, "FILE is missing: expected a file"},
      {{"--again"}, "FILE is missing: expected a file"},
      {{""}, R"(FILE="": expected a file)"},
      {{"a", "--format", "xml"}, R"(--format="xml": expected table or csv)"},
      {{"a", "--format=xml"}, R"(--format="xml": expected table or csv)"},
      {{"a", "--format="}, "--format has no value: expected table or csv"},
      {{"a", "--format"}, "--format has no value: expected table or csv"},
      {{"a", "--format", "csv", "--format", "csv"}, "--format is given 2 times: expected once"},
      {{"a", "--again=maybe"}, "--again has a value: expected none"},
      {{"a", "--bogus"}, R"(unknown option "--bogus" of weir import: expected --url, --format or --again)"},
      {{"a", "--bogus=7"},
       R"(unknown option "--bogus=7" of weir import: expected --url, --format or --again)"},
      {{"a", "-v"}, R"(unknown option "-v" of weir import: expected --url, --format or --again)"},
      {{"a", "--again", "--format", "csv"}, "not both"}};
  for (const Case& one : cases) {
    EXPECT_EQ(type(one.typed), 2) << one.fault;
    EXPECT_EQ(err_.str(), one.fault + "\nweir import --help shows the usage\n");
    EXPECT_EQ(out_.str(), "");
  }
}

TEST_F(Arguments, AllFaultsAreReportedAtOnce) {
  EXPECT_EQ(type({"--format", "xml", "--url", "bad", "--bogus"}), 2);
  EXPECT_EQ(err_.str(),
            "FILE is missing: expected a file\n"
            "--url=\"bad\": expected a URL\n"
            "--format=\"xml\": expected table or csv\n"
            "unknown option \"--bogus\" of weir import: expected --url, --format or --again\n"
            "weir import --help shows the usage\n");
}

TEST_F(Arguments, FaultsMaskPasswords) {
  const CommandSpec spec{.name = "bare", .help = "has no arguments"};
  const std::string url = "http://user:secret@host";
  EXPECT_EQ(parse(spec, {url, "--url=" + url, "--x", url}, out_, err_), 2);
  EXPECT_FALSE(err_.str().contains("secret")) << err_.str();
  EXPECT_TRUE(err_.str().contains("unexpected argument \"http://***@host\": weir bare accepts options only"))
      << err_.str();
  const CommandSpec strict{
      .name = "strict", .arguments = {{.name = "--url", .expected = "a URL", .take = [](const std::string&) {
                                         return false;
                                       }}}};
  EXPECT_EQ(parse(strict, {"--url", url}, out_, err_), 2);
  EXPECT_EQ(parse(strict, {"--url", url, "--url", url, "x" + url}, out_, err_), 2);
  EXPECT_FALSE(err_.str().contains("secret")) << err_.str();
}

TEST_F(Arguments, HelpShowsEachArgument) {
  for (const Words& typed : std::vector<Words>{{"--help"}, {"-h"}, {"--bogus", "--help"}}) {
    EXPECT_EQ(type(typed), 0);
    EXPECT_EQ(err_.str(), "");
    for (const auto* word : {"does it", "weir import", "FILE", "--url", "--format", "--again", "the footer"})
      EXPECT_TRUE(out_.str().contains(word)) << word << out_.str();
  }
}

}  // namespace
}  // namespace weir::app
