#include "app/signals.hpp"

#include <csignal>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

namespace weir::app {
namespace {

using Kind = ProcessEvent::Kind;

MonoTime soon() { return read_clock().mono + std::chrono::milliseconds{20}; }

TEST(Signals, WaitEndsAtTheDeadline) {
  Signals signals;
  const MonoTime deadline = soon();
  EXPECT_EQ(signals.wait(deadline).kind, Kind::timeout);
  EXPECT_GE(read_clock().mono, deadline);
  EXPECT_EQ(signals.wait(read_clock().mono).kind, Kind::timeout) << "the deadline has passed already";
}

TEST(Signals, WaitReturnsDoneOnceAndThenTheSignal) {
  Signals signals;
  std::thread part([&] { signals.notify_done(); });
  EXPECT_EQ(signals.wait().kind, Kind::done);
  part.join();
  EXPECT_EQ(signals.wait(soon()).kind, Kind::timeout) << "once";

  kill(getpid(), SIGTERM);
  const ProcessEvent event = signals.wait(read_clock().mono);
  EXPECT_EQ(event.kind, Kind::terminate);
  EXPECT_EQ(event.detail, "SIGTERM");
}

TEST(Signals, Fault44SighupIsReportedAsAHangup) {
  Signals signals;
  kill(getpid(), SIGHUP);
  const ProcessEvent event = signals.wait(read_clock().mono);
  EXPECT_EQ(event.kind, Kind::hangup);
  EXPECT_EQ(signals.wait(soon()).kind, Kind::timeout) << "no further event";
}

TEST(Signals, Fault44AFileSizeLimitDoesNotEndTheProcess) {
  const Signals signals;
  raise(SIGXFSZ);  // would end the process if it were not ignored
}

TEST(Signals, KeepTheFirstFatalReason) {
  Signals signals;
  signals.fatal(2, "the first");
  signals.fatal(1, "the second");
  const ProcessEvent wake = signals.wait();
  EXPECT_EQ(wake.kind, Kind::fatal);
  EXPECT_EQ(wake.exit_code, 2);
  EXPECT_EQ(wake.detail, "the first");
}

}  // namespace
}  // namespace weir::app
