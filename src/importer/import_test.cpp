#include "importer/import.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <regex>
#include <sstream>

#include "importer/testing/fake_input.hpp"
#include "importer/testing/fake_weir.hpp"

namespace weir::importer {
namespace {

using namespace std::chrono_literals;
using Fault = FakeWeir::Fault;

// Lines of different events.
std::string log_of(int lines) {
  std::string text;
  for (int at = 0; at < lines; ++at) text += access_line(at % 40, at, "/page/" + std::to_string(at));
  return text;
}

// Runs imports against a FakeWeir, and keeps what they printed.
struct Harness {
  // Returns the exit code, or -1 if the import was killed.
  int import(std::string text, InDoubt in_doubt = InDoubt::ask, bool again = false) {
    return import_files({"-"}, std::move(text), in_doubt, again);
  }
  int import_files(std::vector<std::string> files, std::string standard_input = "",
                   InDoubt in_doubt = InDoubt::ask, bool again = false) {
    const ImportOptions options{.files = std::move(files),
                                .state_dir = state_,
                                .salt_file = salt_file_,
                                .format = format_,
                                .again = again,
                                .in_doubt = in_doubt,
                                .columns = columns_,
                                .page = "http://weir:8080"};
    std::ostringstream out;
    std::ostringstream err;
    const bool terminal = columns_ > 0;  // it shows both streams
    int code = -1;
    try {
      code = run_import(options, {.weir = weir_,
                                  .now = [this] { return time_.now(); },
                                  .wait = [this](std::chrono::milliseconds time) { time_.wait(time); },
                                  .in = read_from_string(std::move(standard_input), 7777),
                                  .out = terminal ? err : out,
                                  .err = err});
    } catch (const Killed&) {
    }
    out_ = out.str();
    err_ = err.str();
    return code;
  }

  void expect_each_line_once(int lines) {
    EXPECT_EQ(weir_.counted.size(), static_cast<std::size_t>(lines)) << err_;
    for (const auto& [event, times] : weir_.counted) ASSERT_EQ(times, 1) << event << "\n" << err_;
  }

  std::string last_line() const {
    const std::string text = err_.substr(0, err_.size() - 1);
    return text.substr(text.rfind('\n') + 1);
  }

  std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_.path() / name, std::ios::binary) << text;
    return folder_.path() / name;
  }

  TempDir folder_;
  std::filesystem::path state_ = folder_.path() / "state";
  FakeTime time_;
  FakeWeir weir_{time_};
  std::optional<std::filesystem::path> salt_file_;
  std::size_t columns_ = 0;
  FormatChoice format_;
  std::string out_;
  std::string err_;
};

class Import : public testing::Test, protected Harness {};

TEST_F(Import, CountsEachLineAndPrintsASummary) {
  ASSERT_EQ(import(access_line(1, 0) + access_line(2, 61, "/a.png") + "rubbish\n" + access_line(1, 62, "/b")),
            0);
  EXPECT_EQ(out_,
            "standard input: 4 lines, 3 events, 2 page views, 1 unreadable\n"
            "time range of the events: 2015-05-17T10:00:00Z to 2015-05-17T10:01:03Z\n"
            "see them: http://weir:8080/#from=2015-05-17T10:00:00Z&to=2015-05-17T10:01:03Z\n");
  EXPECT_TRUE(
      err_.starts_with("standard input: format combined, recognized in 3 of the first 4 lines\n"
                       "standard input: line 3 unreadable: "))
      << err_;
  EXPECT_EQ(weir_.users.size(), 2U);
}

TEST_F(Import, LinksToTheConsumersPageWhereAProducerHasNone) {
  weir_.log.has_page = false;
  ASSERT_EQ(import(access_line(1, 0)), 0);
  EXPECT_TRUE(
      out_.ends_with("see them on the page of a consumer: "
                     "/#from=2015-05-17T10:00:00Z&to=2015-05-17T10:00:01Z\n"))
      << out_;
}

TEST_F(Import, AddsNothingTheSecondTime) {
  for (int turn = 0; turn < 3; ++turn) EXPECT_EQ(import(log_of(2500)), 0);
  expect_each_line_once(2500);
  EXPECT_EQ(weir_.posts, 3);
  EXPECT_TRUE(
      out_.starts_with("standard input: nothing new, all of it was imported before: 2,500 lines, 2,500 "
                       "events, 2,500 page views\n"
                       "time range of the events: 2015-05-17T10:00:00Z to 2015-05-17T10:41:40Z\n"))
      << out_;
}

TEST_F(Import, ContinuesWhereTheLogHadEnded) {
  for (const int lines : {300, 301, 1000, 1001, 2700}) {
    ASSERT_EQ(import(log_of(lines)), 0);
    expect_each_line_once(lines);
  }
  EXPECT_NE(
      out_.find("2,700 lines, 2,700 events, 2,700 page views (1,001 of the lines were imported before)"),
      std::string::npos)
      << out_;
}

TEST_F(Import, RecognizesTheSameInputInAFileOnStandardInputAndCompressed) {
  ASSERT_EQ(import(log_of(1500)), 0);
  ASSERT_EQ(import_files({write("a.log", log_of(1800))}), 0);
  ASSERT_EQ(import_files({write("a.log.gz", gzipped(log_of(2100)))}), 0);
  expect_each_line_once(2100);
}

TEST_F(Import, CountsASecondTimeWithAgain) {
  ASSERT_EQ(import(log_of(1200)), 0);
  ASSERT_EQ(import(log_of(1200), InDoubt::ask, true), 0);
  for (const auto& [event, times] : weir_.counted) EXPECT_EQ(times, 2);
  EXPECT_EQ(weir_.ids.size(), 2400U);
  ASSERT_EQ(import(log_of(1200)), 0) << "the last run is continued";
  EXPECT_EQ(weir_.posts, 4);
}

// At whichever step import is killed, the next one completes it, and each line is counted exactly once.
TEST_F(Import, CountsEachLineOnceAfterAKillAtAnyStep) {
  const std::string text = log_of(2030);
  for (std::int64_t kill = 0;; ++kill) {
    Harness harness;
    harness.time_.kill_at_step = kill;
    const int code = harness.import(text);
    if (code == 0) break;
    ASSERT_EQ(code, -1);
    harness.time_.kill_at_step = -1;
    ASSERT_EQ(harness.import(text), 0) << "killed at step " << kill << ": " << harness.err_;
    harness.expect_each_line_once(2030);
    ASSERT_LT(kill, 1000);
  }
}

TEST_F(Import, CountsEachLineOnceAfterTwoKills) {
  const std::string text = log_of(1010);
  for (std::int64_t first = 3; first < 30; first += 3)
    for (std::int64_t second = 3; second < 20; second += 2) {
      Harness harness;
      harness.time_.kill_at_step = first;
      harness.import(text);
      harness.time_.kill_at_step = harness.time_.steps + second;
      harness.import(text);
      harness.time_.kill_at_step = -1;
      ASSERT_EQ(harness.import(text), 0) << first << " " << second << ": " << harness.err_;
      harness.expect_each_line_once(1010);
    }
}

// The decision of a user who has looked whether the lines in doubt are in Weir's log.
InDoubt decide_for(const Harness& harness) {
  const std::string reason = harness.last_line();
  std::smatch found;
  EXPECT_TRUE(std::regex_search(reason, found, std::regex("lines ([0-9]+) to ([0-9]+) are in doubt")))
      << reason;
  EXPECT_NE(reason.find("--skip"), std::string::npos);
  EXPECT_NE(reason.find("--resend"), std::string::npos);
  const bool kept = harness.weir_.counted.size() >= static_cast<std::size_t>(std::stoi(found[2]));
  return kept ? InDoubt::skip : InDoubt::resend;
}

TEST_F(Import, AsksAfterTheDedupeWindowAndIsExactAfterTheRightDecision) {
  const std::string text = log_of(2030);
  std::map<InDoubt, int> decisions;
  for (std::int64_t kill = 0;; ++kill) {
    Harness harness;
    harness.time_.kill_at_step = kill;
    if (harness.import(text) == 0) break;
    harness.time_.kill_at_step = -1;
    harness.time_.pass(300s);  // half of the window
    if (harness.import(text) == 1) {
      const InDoubt decision = decide_for(harness);
      ++decisions[decision];
      ASSERT_EQ(harness.import(text, decision), 0) << harness.err_;
    }
    harness.expect_each_line_once(2030);
    ASSERT_LT(kill, 1000);
  }
  EXPECT_GT(decisions[InDoubt::skip], 0);
  EXPECT_GT(decisions[InDoubt::resend], 0);
}

TEST_F(Import, AsksWhenOtherClientsMovedTheLogByHalfOfTheWindow) {
  for (const std::int64_t moved : {4999 - 1000, 5000 - 1000}) {
    Harness harness;
    harness.weir_.log.dedup_window_events = 10'000;
    harness.weir_.while_posting = [&] { harness.time_.kill_at_step = harness.time_.steps + 1; };
    ASSERT_EQ(harness.import(log_of(1000)), -1);
    ASSERT_EQ(harness.weir_.counted.size(), 1000U);
    harness.time_.kill_at_step = -1;
    harness.weir_.log.end += moved;
    EXPECT_EQ(harness.import(log_of(1000)), moved == 3999 ? 0 : 1) << harness.err_;
  }
}

TEST_F(Import, IgnoresTheDecisionWhereDedupeIsCertain) {
  weir_.while_posting = [&] { time_.kill_at_step = time_.steps; };
  ASSERT_EQ(import(log_of(1500)), -1);
  time_.kill_at_step = -1;
  ASSERT_TRUE(weir_.counted.empty());
  ASSERT_EQ(import(log_of(1500), InDoubt::skip), 0);
  expect_each_line_once(1500);
}

TEST_F(Import, ResendsUnderTheSameIdsAfterAnyUnknownOutcome) {
  const std::vector<std::vector<Fault>> sequences = {
      {Fault::unknown_kept},
      {Fault::unknown_not_kept},
      {Fault::none, Fault::unknown_kept, Fault::unknown_kept, Fault::unknown_not_kept},
      {Fault::not_kept, Fault::unknown_not_kept, Fault::not_kept, Fault::unknown_kept, Fault::not_kept},
      {Fault::none, Fault::none, Fault::unknown_kept, Fault::not_kept}};
  for (const auto& sequence : sequences) {
    Harness harness;
    harness.weir_.faults.assign(sequence.begin(), sequence.end());
    ASSERT_EQ(harness.import(log_of(2030)), 0) << harness.err_;
    harness.expect_each_line_once(2030);
  }
}

// An unknown outcome of one request stays unknown, also if a later request certainly had no effect.
TEST_F(Import, KeepsAnUnknownOutcomeThroughLaterRefusals) {
  weir_.faults.assign(1000, Fault::not_kept);
  weir_.faults.front() = Fault::unknown_kept;
  ASSERT_EQ(import(log_of(500)), 1);
  time_.pass(3600s);
  weir_.faults.clear();
  ASSERT_EQ(import(log_of(500)), 1);
  EXPECT_NE(last_line().find("lines 1 to 500 are in doubt"), std::string::npos) << err_;
  ASSERT_EQ(import(log_of(500), InDoubt::skip), 0);
  expect_each_line_once(500);
}

TEST_F(Import, GivesUpAfterAMinuteAndCanBeRunAgain) {
  weir_.unavailable = true;
  EXPECT_EQ(import(log_of(100)), 1);
  EXPECT_EQ(last_line(),
            "weir import: gave up after 60 s: cannot connect to weir; run the import again to continue");
  EXPECT_GE(time_.waited, 59s);
  EXPECT_LE(time_.waited, 60s);
  weir_.unavailable = false;
  EXPECT_EQ(import(log_of(100)), 0);
  expect_each_line_once(100);
}

TEST_F(Import, GivesUpOnAWeirThatAcceptsNothing) {
  weir_.faults.assign(1000, Fault::not_kept);
  EXPECT_EQ(import(log_of(100)), 1);
  EXPECT_EQ(
      last_line(),
      "weir import: standard input: gave up after 60 s: Weir answers 503; run the import again to continue");
  weir_.faults.clear();
  time_.pass(3600s);
  EXPECT_EQ(import(log_of(100)), 0) << "nothing was kept, so nothing is in doubt";
  expect_each_line_once(100);
}

TEST_F(Import, WaitsAsLongAsWeirAsksFor) {
  weir_.faults = {Fault::not_kept};
  EXPECT_EQ(import(log_of(10)), 0);
  EXPECT_EQ(time_.waited, 1000ms);
}

TEST_F(Import, StopsWhereWeirRefuses) {
  weir_.faults = {Fault::none, Fault::refused};
  EXPECT_EQ(import(log_of(1500)), 1);
  EXPECT_EQ(last_line(), "weir import: standard input: Weir refuses the events: Weir answers 413");
  time_.pass(3600s);
  EXPECT_EQ(import(log_of(1500)), 0);
  expect_each_line_once(1500);
}

TEST_F(Import, StopsWhenWeirHasAnotherLog) {
  weir_.while_posting = [&] { weir_.log.log_id = "log-2"; };
  EXPECT_EQ(import(log_of(1500)), 1);
  EXPECT_NE(last_line().find("another event log"), std::string::npos);
  ASSERT_EQ(import(log_of(1500)), 0) << "a new log gets everything";
  EXPECT_EQ(weir_.posts, 3);
}

TEST_F(Import, KeepsItsRequestsWithinTheBodyLimit) {
  for (const std::size_t body_bytes : {400U, 5000U, 100'000U}) {
    Harness harness;
    harness.weir_.log.limits = {.event_bytes = body_bytes, .body_bytes = body_bytes};
    ASSERT_EQ(harness.import(log_of(1030)), 0) << harness.err_;
    harness.expect_each_line_once(1030);
    ASSERT_EQ(harness.import(log_of(2030)), 0) << harness.err_;
    harness.expect_each_line_once(2030);
    EXPECT_GE(harness.weir_.posts, 2030 * 200 / static_cast<int>(body_bytes));
  }
}

TEST_F(Import, CountsEachLineOnceAfterAKillAmongSmallRequests) {
  const std::string text = log_of(60) + "rubbish\n\n" + log_of(61);
  for (std::int64_t kill = 0;; ++kill) {
    Harness harness;
    harness.weir_.log.limits = {.event_bytes = 1000, .body_bytes = 5000};
    harness.time_.kill_at_step = kill;
    if (harness.import(text) == 0) break;
    harness.time_.kill_at_step = -1;
    // A batch that was being sent may be larger than the limit of the next import.
    if (kill % 2 == 1) harness.weir_.log.limits.body_bytes = 1000;
    ASSERT_EQ(harness.import(text), 0) << "killed at step " << kill << ": " << harness.err_;
    EXPECT_EQ(harness.weir_.ids.size(), 121U);
    ASSERT_LT(kill, 1000);
  }
}

TEST_F(Import, ReportsAnEventThatExceedsTheBodyLimit) {
  weir_.log.limits = {.event_bytes = 300, .body_bytes = 330};
  ASSERT_EQ(import(access_line(1, 0) + access_line(1, 1, "/" + std::string(150, 'x')) + access_line(1, 2)),
            0);
  EXPECT_TRUE(out_.starts_with("standard input: 3 lines, 2 events, 2 page views, 1 unreadable\n")) << out_;
  EXPECT_TRUE(err_.contains("standard input: line 2 unreadable: its event has ")) << err_;
  EXPECT_TRUE(err_.contains(" bytes, and Weir accepts at most 300 (MAX_EVENT_BYTES, MAX_BODY_BYTES)"))
      << err_;
}

TEST_F(Import, KnowsTheOutcomeOfASplitBatchOnlyIfAllPartsWereAccepted) {
  weir_.faults = {Fault::unknown_not_kept};
  weir_.unavailable = false;
  weir_.while_posting = [&] { time_.kill_at_step = time_.steps + 1; };
  ASSERT_EQ(import(log_of(500)), -1);
  time_.kill_at_step = -1;
  weir_.log.limits.body_bytes = 20'000;
  weir_.faults = {Fault::none,    Fault::not_kept, Fault::none,
                  Fault::refused, Fault::none,     Fault::unknown_kept};
  ASSERT_EQ(import(log_of(500)), 0) << err_;
  expect_each_line_once(500);
}

TEST_F(Import, ReportsWhatWeirRejected) {
  const std::string bad =
      R"({"user_id":"bad","activity_type":"page_view","timestamp":"2015-05-17T11:00:00Z"})";
  const std::string good =
      R"({"user_id":"good","activity_type":"page_view","timestamp":"2015-05-17T10:00:00Z"})";
  weir_.rejects = "bad";
  EXPECT_EQ(import(good + "\n\n" + bad + "\n" + good + "\n"), 0);
  EXPECT_NE(err_.find("standard input: line 3 rejected by Weir: not allowed\n"), std::string::npos) << err_;
  EXPECT_TRUE(out_.starts_with("standard input: 4 lines, 2 events, 2 page views, 1 rejected by Weir\n"))
      << out_;
  EXPECT_NE(out_.find("to=2015-05-17T10:00:01Z"), std::string::npos);
}

TEST_F(Import, ResumesActivitiesWithAndWithoutTheirOwnIds) {
  std::string lines;
  std::string array = "[";
  for (int at = 0; at < 1500; ++at) {
    const std::string id = at % 2 == 0 ? R"("message_id":"own-)" + std::to_string(at) + "\"," : "";
    const std::string event = "{" + id + R"("user_id":"u)" + std::to_string(at) +
                              R"(","activity_type":"a","timestamp":"2015-05-17T10:00:00Z"})";
    lines += event + "\n";
    array += (at > 0 ? ",\n " : "") + event;
  }
  for (const std::string& text : {lines, array + "\n]\n"})
    for (std::int64_t kill = 0; kill < 40; kill += 3) {
      Harness harness;
      harness.time_.kill_at_step = kill;
      harness.import(text);
      harness.time_.kill_at_step = -1;
      ASSERT_EQ(harness.import(text), 0) << harness.err_;
      harness.expect_each_line_once(1500);
      EXPECT_EQ(harness.weir_.ids.count("own-100"), 1U);
    }
}

TEST_F(Import, LeavesALastLineWithoutItsLineEndForTheNextRun) {
  const std::string whole = access_line(1, 1) + access_line(2, 2) + access_line(3, 3, "/c");
  for (std::size_t cut = whole.size() - access_line(3, 3, "/c").size() + 1; cut < whole.size(); ++cut) {
    Harness harness;
    for (int turn = 0; turn < 2; ++turn) ASSERT_EQ(harness.import(whole.substr(0, cut)), 0);
    EXPECT_EQ(harness.weir_.counted.size(), 2U) << whole.substr(0, cut);
    EXPECT_NE(harness.err_.find("line 3 has no line end yet"), std::string::npos) << harness.err_;
    EXPECT_EQ(harness.out_.find("unreadable"), std::string::npos) << harness.out_;
    ASSERT_EQ(harness.import(whole), 0);
    harness.expect_each_line_once(3);
  }
}

TEST_F(Import, ExcludesAnUnterminatedLineFromEveryNumber) {
  ASSERT_EQ(import(log_of(1) + "rubbish\nrub"), 0);
  EXPECT_NE(out_.find("standard input: 2 lines, 1 event, 1 page view, 1 unreadable; the last line has no "
                      "line end yet, and "
                      "the next import reads it\n"),
            std::string::npos)
      << out_;
  ASSERT_EQ(import("rub"), 0);
  EXPECT_EQ(
      out_,
      "standard input: no complete line; the last line has no line end yet, and the next import reads it\n");
}

TEST_F(Import, PrintsItsSummaryOnALineOfItsOwnBelowTheBar) {
  columns_ = 80;
  weir_.while_posting = [&] { time_.pass(10s); };
  ASSERT_EQ(import(log_of(1500)), 0);
  ASSERT_NE(err_.find("1,000 lines  "), std::string::npos) << err_;
  const std::string summary = "standard input: 1,500 lines";
  const std::size_t at = err_.find(summary);
  ASSERT_NE(at, std::string::npos) << err_;
  EXPECT_EQ(err_[at - 1], '\r') << err_;
  EXPECT_EQ(err_[at - 2], ' ') << err_;
}

// Each cut leaves a beginning. One that ends within the byte count looks like a line of the common format.
TEST_F(Import, ReadsALineOnlyOnceItIsComplete) {
  const std::string line =
      R"(192.0.2.1 - - [29/Nov/2015:13:55:01 +0000] "GET /a HTTP/1.1" 200 512 "http://ref.example/" "UA/1")"
      "\n";
  for (std::size_t cut = 1; cut < line.size(); ++cut) {
    Harness harness;
    ASSERT_EQ(harness.import(line.substr(0, cut)), 0) << harness.err_;
    EXPECT_TRUE(harness.weir_.counted.empty());
    ASSERT_EQ(harness.import(line), 0) << harness.err_;
    ASSERT_EQ(harness.weir_.counted.size(), 1U);
    EXPECT_EQ(harness.weir_.referrers, std::set<std::string>{"http://ref.example/"});
  }
}

TEST_F(Import, CountsEachEntryOfGluedLinesOnceAfterAKillAtAnyStep) {
  std::string text;
  for (int at = 0; at < 1500; ++at) {
    text += access_line(at % 40, at, "/page/" + std::to_string(at));
    if (at % 3 == 0) text.pop_back();
  }
  for (std::int64_t kill = 0; kill < 30; kill += 2) {
    Harness harness;
    harness.time_.kill_at_step = kill;
    harness.import(text);
    harness.time_.kill_at_step = -1;
    ASSERT_EQ(harness.import(text), 0) << harness.err_;
    harness.expect_each_line_once(1500);
  }
}

TEST_F(Import, ResumesAmongNulBytesAndCarriageReturnsAfterAKillAtAnyStep) {
  std::string text(100'000, '\0');
  for (int at = 0; at < 1500; ++at) {
    text += access_line(at % 40, at, "/page/" + std::to_string(at));
    if (at % 500 == 250) text += std::string(200'000, '\0');
    if (at % 7 == 0) text.back() = '\r';
    if (at % 11 == 0) text += "\xEF\xBB\xBF";
  }
  for (std::int64_t kill = 0; kill < 40; kill += 3) {
    Harness harness;
    harness.time_.kill_at_step = kill;
    harness.import(text);
    harness.time_.kill_at_step = -1;
    ASSERT_EQ(harness.import(text), 0) << harness.err_;
    harness.expect_each_line_once(1500);
    ASSERT_EQ(harness.import(text + access_line(1, 1600, "/more")), 0) << harness.err_;
    EXPECT_EQ(harness.weir_.counted.size(), 1501U);
  }
}

TEST_F(Import, ImportsTheGoodPartOfADamagedFileAndEndsWithOne) {
  const std::string stored = gzipped(log_of(3000));
  EXPECT_EQ(import(stored.substr(0, 200'000)), 1);
  EXPECT_NE(last_line().find("standard input: stopped after line "), std::string::npos) << err_;
  EXPECT_GT(weir_.counted.size(), 1000U);
  EXPECT_EQ(import(stored), 0);
  expect_each_line_once(3000);
}

TEST_F(Import, StopsWhereAnArrayIsBroken) {
  const std::string good = R"({"user_id":"u","activity_type":"a","timestamp":"2015-05-17T10:00:00Z"})";
  EXPECT_EQ(import("[" + good + "," + good + " oops"), 1);
  EXPECT_EQ(last_line(),
            "weir import: standard input: stopped at element 3: expected ',' or ']' after an element");
  EXPECT_EQ(weir_.ids.size(), 2U);
}

TEST_F(Import, RefusesAnInputThatHasChanged) {
  ASSERT_EQ(import(log_of(2500)), 0);
  std::string changed = log_of(2500);
  changed[changed.size() / 2] ^= 1;
  EXPECT_EQ(import(changed), 1);
  EXPECT_NE(last_line().find("begins like an input of which 2,500 lines were imported"), std::string::npos)
      << err_;
  EXPECT_EQ(import(log_of(1200)), 1);
  expect_each_line_once(2500);
  EXPECT_EQ(import(changed, InDoubt::ask, true), 0);
}

TEST_F(Import, RefusesAnotherSaltInTheMiddleOfARun) {
  salt_file_ = write("salt-1", "0123456789abcdef");
  ASSERT_EQ(import(log_of(500)), 0);
  salt_file_ = write("salt-2", "fedcba9876543210");
  EXPECT_EQ(import(log_of(700)), 1);
  EXPECT_NE(last_line().find("another salt"), std::string::npos);
  salt_file_ = folder_.path() / "salt-1";
  EXPECT_EQ(import(log_of(700)), 0);
  expect_each_line_once(700);
}

TEST_F(Import, RefusesToContinueALogAsActivities) {
  ASSERT_EQ(import(log_of(500)), 0);
  format_ = *parse_format_choice("activities");
  EXPECT_EQ(import(log_of(700)), 1);
  EXPECT_NE(last_line().find("were imported as an access log, and now it is read as activities"),
            std::string::npos)
      << err_;
  format_ = *parse_format_choice("combined");
  EXPECT_EQ(import(log_of(700)), 0);
  expect_each_line_once(700);
}

TEST_F(Import, RefusesTheSameInputWhileItIsBeingImported) {
  int inner = 0;
  std::string reason;
  weir_.while_posting = [&] {
    Harness second;
    second.state_ = state_;
    inner = second.import(log_of(700));
    reason = second.last_line();
  };
  EXPECT_EQ(import(log_of(500)), 0);
  EXPECT_EQ(inner, 1);
  EXPECT_EQ(reason, "weir import: standard input: another import of the same input is running");
}

TEST_F(Import, ImportsEachOfSeveralFilesAsAnInputOfItsOwn) {
  const auto one = write("one.log", log_of(1100));
  std::string other_lines;
  for (int at = 0; at < 300; ++at) other_lines += access_line(90, at, "/other/" + std::to_string(at));
  const auto other = write("other.log", other_lines);
  ASSERT_EQ(import_files({one, other, one}), 0);
  expect_each_line_once(1400);
  EXPECT_NE(out_.find("one.log: 1,100 lines"), std::string::npos);
  EXPECT_NE(out_.find("other.log: 300 lines"), std::string::npos);
}

TEST_F(Import, ImportsTheOtherFilesWhereOneCannotBeReadAndThenEndsWithOne) {
  const auto one = write("one.log", log_of(100));
  const auto other = write("other.log", access_line(90, 1, "/other"));
  const auto xz = write("a.log.xz", std::string("\xFD"
                                                "7zXZ\0\0\x04",
                                                8));
  const auto rubbish = write("rubbish.log", "rubbish\n");
  const auto missing = folder_.path() / "missing.log";
  EXPECT_EQ(import_files({missing, one, other}), 1);
  expect_each_line_once(101);
  EXPECT_EQ(last_line(), "weir import: " + missing.string() + ": cannot open it: No such file or directory");
  EXPECT_NE(out_.find("time range of the events: 2015-05-17T10:00:00Z"), std::string::npos) << out_;
  EXPECT_EQ(import_files({xz, missing, folder_.path(), rubbish, one}), 1);
  expect_each_line_once(101);
  EXPECT_EQ(last_line().find("weir import: 4 inputs of 5 failed, the first: " + xz.string() +
                             ": it is compressed with xz"),
            0U)
      << err_;
  EXPECT_NE(err_.find("rubbish.log: no line could be read; the first error: line 1: expected"),
            std::string::npos);
  weir_.faults = {Fault::refused};
  EXPECT_EQ(import_files({write("new.log", access_line(91, 1, "/new")), other}), 1);
  EXPECT_EQ(out_.find("other.log"), std::string::npos) << "a refusal by Weir concerns all files";
}

TEST_F(Import, AcceptsAnEmptyInput) {
  EXPECT_EQ(import(""), 0);
  EXPECT_EQ(out_, "standard input: no lines\n");
  EXPECT_EQ(import("\n \n\n"), 0);
  EXPECT_EQ(weir_.posts, 0);
}

TEST_F(Import, EndsWithOneAndTheFirstReasonIfNoLineCouldBeRead) {
  std::string text;
  for (int at = 0; at < 1200; ++at) text += "rubbish \x1b[2J\n";
  for (int turn = 0; turn < 2; ++turn) {
    EXPECT_EQ(import(text), 1);
    EXPECT_EQ(weir_.posts, 0);
    EXPECT_EQ(last_line().find(
                  "weir import: standard input: no line could be read; the first error: line 1: expected"),
              0U)
        << err_;
    EXPECT_NE(err_.find("line 100 unreadable"), std::string::npos);
    EXPECT_NE(err_.find("further unreadable or rejected lines are counted, but not shown"),
              std::string::npos);
    EXPECT_EQ(err_.find("line 101 "), std::string::npos);
    EXPECT_EQ(err_.find('\x1b'), std::string::npos);
  }
  EXPECT_EQ(import(text + access_line(1, 1)), 0) << "some unreadable lines are no failure";
  EXPECT_EQ(weir_.counted.size(), 1U);
}

TEST_F(Import, ReadsAnInputInAnotherFormatAfterARunThatCountedNothing) {
  const std::string text =
      R"(192.0.2.1 - - [17/May/2015:10:00:01 +0000] "GET /a HTTP/1.1" 200 512 0.003 "-" "UA/1")"
      "\n"
      R"(192.0.2.1 - - [17/May/2015:10:00:02 +0000] "GET /b HTTP/1.1" 200 512 0.003 "-" "UA/1")"
      "\n";
  EXPECT_EQ(import(text), 1);
  EXPECT_NE(last_line().find("expected"), std::string::npos) << err_;
  format_ = *parse_format_choice(R"(%h %l %u %t "%r" %>s %b %T "%{Referer}i" "%{User-Agent}i")");
  for (int turn = 0; turn < 2; ++turn) EXPECT_EQ(import(text), 0) << err_;
  expect_each_line_once(2);
  EXPECT_EQ(weir_.users.size(), 1U);
}

// Skipped where the log of a real site is not available.
TEST_F(Import, CountsARealLog) {
  const char* const named = std::getenv("WEIR_ACCESS_LOG");
  const std::filesystem::path root = WEIR_SOURCE_DIR;
  const std::filesystem::path file = named != nullptr ? named : root / "../shared/data/apache_access.log.gz";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "no access log available";
  ASSERT_EQ(import_files({file}), 0);
  EXPECT_TRUE(out_.find(": 10,000 lines, 9,999 events, 3,617 page views, 1 unreadable\n") !=
              std::string::npos)
      << out_;
  EXPECT_NE(err_.find("line 8899 unreadable"), std::string::npos) << err_;
  EXPECT_EQ(weir_.users.size(), 1861U);
  EXPECT_EQ(weir_.page_views, 3617);
  EXPECT_EQ(weir_.ids.size(), 9999U);
}

}  // namespace
}  // namespace weir::importer
