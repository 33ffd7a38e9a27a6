// Streamed replies: the stream alone, and over a socket.
#include "http/stream.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <gtest/gtest.h>
#include <mutex>
#include <thread>

#include "http/testing/test_server.hpp"

namespace weir::http {
namespace {

using namespace std::chrono_literals;
using Progress = StreamBody::Progress;

TEST(Stream, HandsOverWhatWasWrittenInOrder) {
  Stream stream = make_stream();
  EXPECT_TRUE(stream.writer.write("one "));
  EXPECT_TRUE(stream.writer.write("two"));
  StreamBody::Taken taken = stream.body->take();
  EXPECT_EQ(taken.bytes, "one two");
  EXPECT_EQ(taken.progress, Progress::open);
  EXPECT_EQ(stream.body->take().bytes, "");
  EXPECT_TRUE(stream.writer.write("three"));
  stream.writer.end();
  taken = stream.body->take();
  EXPECT_EQ(taken.bytes, "three");
  EXPECT_EQ(taken.progress, Progress::ended);
  EXPECT_FALSE(stream.writer.write("four"));
}

TEST(Stream, NotifiesOnceUntilItIsTaken) {
  int notices = 0;
  Stream stream = make_stream();
  stream.writer.write("before");
  stream.body->attach([&] { ++notices; });
  EXPECT_EQ(notices, 0);
  stream.writer.write("one");
  stream.writer.write("two");
  EXPECT_EQ(notices, 1);
  EXPECT_EQ(stream.body->take().bytes, "beforeonetwo");
  stream.writer.end();
  EXPECT_EQ(notices, 2);
}

TEST(Stream, BoundsWhatIsWrittenAndNotSent) {
  Stream stream = make_stream(10);
  EXPECT_TRUE(stream.writer.write("12345"));
  EXPECT_EQ(stream.body->take().bytes, "12345");
  EXPECT_TRUE(stream.writer.write("12345"));
  EXPECT_EQ(stream.writer.unsent_bytes(), 10u);
  stream.body->set_unsent(0);  // the connection has sent the first five
  EXPECT_TRUE(stream.writer.write("12345"));
  EXPECT_EQ(stream.writer.unsent_bytes(), 10u);
  EXPECT_FALSE(stream.writer.write("1"));
  const StreamBody::Taken taken = stream.body->take();
  EXPECT_EQ(taken.progress, Progress::overflowed);
  EXPECT_EQ(taken.bytes, "");
  EXPECT_FALSE(stream.writer.write("1"));
}

TEST(Stream, IsAbortedByAWriterThatIsDestroyedBeforeTheEnd) {
  Stream stream = make_stream();
  {
    StreamWriter moved = std::move(stream.writer);
    EXPECT_TRUE(moved.write("part"));
    EXPECT_EQ(stream.body->take().progress, Progress::open);
  }
  EXPECT_EQ(stream.body->take().progress, Progress::aborted);
}

TEST(Stream, IsOverWhenItsReplyReachesNoConnection) {
  Stream stream = make_stream();
  const std::stop_token stop = stream.writer.stop_token();
  {
    Reply reply{.stream = std::move(stream.body)};
  }
  EXPECT_TRUE(stop.stop_requested());
  EXPECT_FALSE(stream.writer.write("x"));
}

// Routes whose streams the test writes.
class StreamedReplies : public TestServer {
 protected:
  void start() {
    TestServer::start({{"GET", "/stream",
                        [this](const Request&, Respond respond) {
                          Stream stream = make_stream(bound_);
                          Reply reply{.content_type = "text/event-stream"};
                          reply.stream = std::move(stream.body);
                          respond(std::move(reply));
                          put(std::move(stream.writer));
                        }},
                       {"GET", "/hello", [](const Request&, Respond respond) { respond({.body = "hello"}); }},
                       {"GET", "/done", [](const Request&, Respond respond) {
                          Stream stream = make_stream();
                          stream.writer.write("all");
                          stream.writer.end();
                          Reply reply;
                          reply.stream = std::move(stream.body);
                          respond(std::move(reply));
                        }}});
  }

  void put(StreamWriter writer) {
    const std::lock_guard lock(mutex_);
    writers_.push_back(std::move(writer));
    opened_.notify_all();
  }
  // Waits for the writer of the next stream that a client has opened.
  StreamWriter next_writer() {
    std::unique_lock lock(mutex_);
    if (!opened_.wait_for(lock, 20s, [this] { return !writers_.empty(); }))
      throw std::runtime_error("no client has opened a stream");
    StreamWriter first = std::move(writers_.front());
    writers_.pop_front();
    return first;
  }

  static bool await_stop(const StreamWriter& writer) {
    std::promise<void> stopped;
    const std::stop_callback on_stop(writer.stop_token(), [&] { stopped.set_value(); });
    return stopped.get_future().wait_for(20s) == std::future_status::ready;
  }

  std::size_t bound_ = limits::stream_unsent_bytes_max;

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  std::deque<StreamWriter> writers_;
};

TEST_F(StreamedReplies, ReachTheClientChunkByChunkAsTheyAreWritten) {
  start();
  RawSocket client = connect();
  client.send(get("/stream"));
  const RawReply head = client.reply();
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.at("Content-Type"), "text/event-stream");
  EXPECT_EQ(head.headers.at("Transfer-Encoding"), "chunked");
  EXPECT_FALSE(head.headers.contains("Content-Length"));
  StreamWriter writer = next_writer();
  EXPECT_EQ(metric("weir_http_streams"), 1);
  const std::vector<std::string> texts{"data: 1\n\n", "data: 2\n\n", std::string(100'000, 'x')};
  for (const std::string& text : texts) {
    EXPECT_TRUE(writer.write(text));
    std::string received;
    while (received.size() < text.size()) received += client.chunk().value();
    EXPECT_EQ(received, text);
  }
  writer.end();
  EXPECT_EQ(client.chunk(), "");
  client.send(get("/hello"));
  EXPECT_EQ(client.reply().body, "hello");
  EXPECT_EQ(metric("weir_http_streams"), 0);
  EXPECT_TRUE(writer.stop_token().stop_requested());
}

TEST_F(StreamedReplies, KeepTheOrderOfPipelinedRequests) {
  start();
  RawSocket client = connect();
  client.send(get("/hello") + get("/done") + get("/stream") + get("/hello"));
  EXPECT_EQ(client.reply().body, "hello");
  EXPECT_EQ(client.reply().status, 200);
  EXPECT_EQ(client.chunk(), "all");
  EXPECT_EQ(client.chunk(), "");
  EXPECT_EQ(client.reply().headers.at("Transfer-Encoding"), "chunked");
  StreamWriter writer = next_writer();
  writer.write("last");
  writer.end();
  EXPECT_EQ(client.chunk(), "last");
  EXPECT_EQ(client.chunk(), "");
  EXPECT_EQ(client.reply().body, "hello");
}

TEST_F(StreamedReplies, LastUntilTheConnectionClosesOverHttp10) {
  start();
  RawSocket client = connect();
  client.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const RawReply head = client.reply();
  EXPECT_EQ(head.headers.at("Connection"), "close");
  EXPECT_FALSE(head.headers.contains("Transfer-Encoding"));
  StreamWriter writer = next_writer();
  writer.write("one ");
  writer.write("two");
  writer.end();
  EXPECT_EQ(client.rest(), "one two");
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(StreamedReplies, HaveOnlyAHeadForAHeadRequest) {
  start();
  RawSocket client = connect();
  client.send("HEAD /stream HTTP/1.1\r\nHost: weir\r\n\r\n" + get("/hello"));
  const RawReply head = client.reply(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.at("Transfer-Encoding"), "chunked");
  StreamWriter writer = next_writer();
  EXPECT_EQ(client.reply().body, "hello");
  EXPECT_FALSE(writer.write("x"));
  EXPECT_TRUE(writer.stop_token().stop_requested());
}

TEST_F(StreamedReplies, AreIncompleteWithoutTheEndOfTheirWriter) {
  start();
  RawSocket client = connect();
  client.send(get("/stream") + get("/hello"));
  client.reply();
  next_writer().write("part");
  EXPECT_EQ(client.chunk(), "part");
  EXPECT_EQ(client.chunk(), std::nullopt);  // neither a last chunk nor the reply to the next request
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(StreamedReplies, DropAClientThatReadsTooSlowly) {
  start();
  RawSocket slow;
  slow.receive_little();
  slow.connect(server_->port());
  slow.send(get("/stream"));
  StreamWriter writer = next_writer();
  RawSocket other = connect();
  const std::string piece(16 * limits::KiB, 'x');
  std::size_t written = 0;
  while (writer.write(piece)) {
    EXPECT_LE(writer.unsent_bytes(), bound_);
    written += piece.size();
    ASSERT_LT(written, 64 * limits::MiB);
    other.send(get("/hello"));  // others are served meanwhile
    ASSERT_EQ(other.reply().body, "hello");
  }
  EXPECT_TRUE(await_stop(writer));
  EXPECT_LT(slow.rest().size(), written + limits::KiB);
  EXPECT_TRUE(slow.closed_by_server());
  EXPECT_EQ(metric("weir_http_connections_evicted_total", {{"reason", "stream_bytes"}}), 1);
  EXPECT_NE(logger_.await("reads its stream too slowly"), "");
}

TEST_F(StreamedReplies, CountWhatTheyHoldForTheirClient) {
  bound_ = 32 * limits::MiB;
  start();
  RawSocket slow;
  slow.receive_little();
  slow.connect(server_->port());
  slow.send(get("/stream"));
  StreamWriter writer = next_writer();
  EXPECT_TRUE(writer.write(std::string(16 * limits::MiB, 'x')));
  RawSocket other = connect();
  other.send(get("/hello"));  // the notice of the stream has arrived before this
  EXPECT_EQ(other.reply().body, "hello");
  EXPECT_GT(metric("weir_http_held_bytes"), 8.0 * limits::MiB);
  EXPECT_GT(writer.unsent_bytes(), 8 * limits::MiB);
}

TEST_F(StreamedReplies, DropAClientThatStopsReading) {
  settings_.request_deadline = 40ms;
  bound_ = 32 * limits::MiB;
  start();
  RawSocket slow;
  slow.receive_little();
  slow.connect(server_->port());
  slow.send(get("/stream"));
  StreamWriter writer = next_writer();
  EXPECT_TRUE(writer.write(std::string(16 * limits::MiB, 'x')));
  EXPECT_TRUE(await_stop(writer));
  EXPECT_FALSE(writer.write("x"));
}

TEST_F(StreamedReplies, LastLongerThanARequestMayTake) {
  settings_.request_deadline = 20ms;
  settings_.idle_deadline = 20ms;
  start();
  RawSocket client = connect();
  client.send(get("/stream"));
  client.reply();
  StreamWriter writer = next_writer();
  for (int deadline = 0; deadline < 3; ++deadline) {
    RawSocket late = connect();
    late.send("GET /hel");
    EXPECT_EQ(late.reply().status, 408);
  }
  EXPECT_TRUE(writer.write("still open"));
  EXPECT_EQ(client.chunk(), "still open");
}

TEST_F(StreamedReplies, NoticeThatTheClientIsGone) {
  settings_.linger_deadline = 20ms;  // so connections are checked every 5 ms
  start();
  for (const bool by_reset : {false, true}) {
    RawSocket client = connect();
    client.send(get("/stream") + get("/hello"));  // a pipelined request does not hide the end
    StreamWriter writer = next_writer();
    EXPECT_TRUE(writer.write("x"));
    EXPECT_FALSE(writer.stop_token().stop_requested());
    if (by_reset)
      client.reset();
    else
      client.close();
    EXPECT_TRUE(await_stop(writer)) << by_reset;
    EXPECT_FALSE(writer.write("x"));
  }
}

TEST_F(StreamedReplies, MakeWayForClientsThatHoldFewerConnections) {
  settings_.connections_max = 2;
  start();
  std::vector<RawSocket> readers;
  std::vector<StreamWriter> writers;
  for (int number = 0; number < 2; ++number) {
    readers.emplace_back();
    readers.back().bind("127.0.0.2");
    readers.back().connect(server_->port());
    readers.back().send(get("/stream"));
    writers.push_back(next_writer());
  }
  RawSocket other = connect();
  other.send(get("/hello"));
  EXPECT_EQ(other.reply().body, "hello");
  EXPECT_EQ(writers[0].stop_token().stop_requested() + writers[1].stop_token().stop_requested(), 1);
}

TEST_F(StreamedReplies, EndInOrderWhenTheServerStops) {
  start();
  RawSocket client = connect();
  client.send(get("/stream"));
  client.reply();
  StreamWriter writer = next_writer();
  writer.write("first");
  EXPECT_EQ(client.chunk(), "first");
  const std::stop_callback on_stop(writer.stop_token(), [&] {
    writer.write("last");
    writer.end();
  });
  std::thread stopper([this] { EXPECT_TRUE(server_->stop(20s)); });
  EXPECT_EQ(client.chunk(), "last");
  EXPECT_EQ(client.chunk(), "");
  EXPECT_EQ(client.rest(), "");
  EXPECT_TRUE(client.closed_by_server());
  client.close();
  stopper.join();
}

TEST_F(StreamedReplies, EndWithinTheDrainIfTheirWriterDoesNotReact) {
  settings_.linger_deadline = 20ms;
  start();
  RawSocket client = connect();
  client.send(get("/stream"));
  client.reply();
  StreamWriter writer = next_writer();
  writer.write("part");
  EXPECT_EQ(client.chunk(), "part");
  EXPECT_TRUE(server_->stop(20s));
  EXPECT_EQ(client.chunk(), std::nullopt);
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_FALSE(writer.write("x"));
}

TEST_F(StreamedReplies, MayBeWrittenAfterTheServerIsGone) {
  start();
  RawSocket client = connect();
  client.send(get("/stream"));
  StreamWriter writer = next_writer();
  server_->stop(0ms);
  EXPECT_TRUE(writer.stop_token().stop_requested());
  server_.reset();
  EXPECT_FALSE(writer.write("x"));
  writer.end();
}

TEST_F(StreamedReplies, TakeWritesOfManyThreads) {
  constexpr std::size_t threads = 8;
  constexpr std::size_t writes = 500;
  settings_.threads = settings_.threads_at_start = 2;
  start();
  RawSocket client = connect();
  client.send(get("/stream"));
  client.reply();
  StreamWriter writer = next_writer();
  std::vector<std::thread> writing;
  for (std::size_t thread = 0; thread < threads; ++thread)
    writing.emplace_back([&, letter = static_cast<char>('a' + thread)] {
      for (std::size_t write = 0; write < writes; ++write) EXPECT_TRUE(writer.write(std::string(8, letter)));
    });
  std::string body;
  while (body.size() < threads * writes * 8) {
    const auto chunk = client.chunk();
    ASSERT_TRUE(chunk);
    body += *chunk;
  }
  for (std::thread& thread : writing) thread.join();
  for (std::size_t at = 0; at < body.size(); at += 8)
    ASSERT_EQ(body.substr(at, 8), std::string(8, body[at]));  // a write is never interleaved with another
  for (std::size_t thread = 0; thread < threads; ++thread)
    EXPECT_EQ(std::ranges::count(body, static_cast<char>('a' + thread)), writes * 8);
  writer.end();
  EXPECT_EQ(client.chunk(), "");
}

}  // namespace
}  // namespace weir::http
