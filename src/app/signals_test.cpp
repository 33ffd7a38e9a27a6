#include "app/signals.hpp"

#include <csignal>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

namespace weir::app {
namespace {

using Reason = Wake::Reason;

MonoTime soon() { return read_clock().mono + std::chrono::milliseconds{20}; }

TEST(Signals, WaitUntilThenAndNotLonger) {
  Signals signals;
  const MonoTime until = soon();
  EXPECT_EQ(signals.wait(until).reason, Reason::late);
  EXPECT_GE(read_clock().mono, until);
  EXPECT_EQ(signals.wait(read_clock().mono).reason, Reason::late) << "when it is over already";
}

TEST(Signals, TellWhatCameBeforeTheEnd) {
  Signals signals;
  std::thread part([&] { signals.drained(); });
  EXPECT_EQ(signals.wait().reason, Reason::drained);
  part.join();
  EXPECT_EQ(signals.wait(soon()).reason, Reason::late) << "once";

  kill(getpid(), SIGTERM);
  const Wake told = signals.wait(read_clock().mono);
  EXPECT_EQ(told.reason, Reason::signal);
  EXPECT_EQ(told.detail, "SIGTERM");
}

TEST(Signals, Fault44SighupIsNoReasonToLeave) {
  Signals signals;
  kill(getpid(), SIGHUP);
  const Wake told = signals.wait(read_clock().mono);
  EXPECT_EQ(told.reason, Reason::hangup);
  EXPECT_EQ(signals.wait(soon()).reason, Reason::late) << "and nothing else came of it";
}

TEST(Signals, Fault44AFileThatMayNotGrowIsAnErrorOfWriteAndNotTheEnd) {
  const Signals signals;
  raise(SIGXFSZ);  // ends the process unless it is ignored
}

TEST(Signals, KeepTheFirstFatalReason) {
  Signals signals;
  signals.fatal(2, "the first");
  signals.fatal(1, "the second");
  const Wake wake = signals.wait();
  EXPECT_EQ(wake.reason, Reason::fatal);
  EXPECT_EQ(wake.exit_code, 2);
  EXPECT_EQ(wake.detail, "the first");
}

}  // namespace
}  // namespace weir::app
