#include "http/request_reader.hpp"

#include <gtest/gtest.h>

namespace weir::http {
namespace {

using Step = RequestReader::Step;
using namespace std::string_literals;

constexpr std::size_t body_max = 1000;

struct Read {
  Step step = Step::more;
  int status = 0;  // of a refusal
  std::string error;
  std::string method, path, query, body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::size_t end = 0;
  bool keep_alive = false;
  bool expects_continue = false;
};

// Passes the bytes in pieces of `piece`, in new memory each time, so that a view that outlives a move is
// found.
Read read(const std::string& bytes, std::size_t piece = SIZE_MAX, std::size_t body_bytes_max = body_max) {
  RequestReader reader;
  Read result;
  std::string so_far;
  std::size_t given = 0;
  bool head_done = false;
  while (given < bytes.size()) {
    const std::size_t more = std::min(piece, bytes.size() - given);
    std::string moved = so_far + bytes.substr(given, more);
    given += more;
    result.step = head_done ? Step::done : reader.read_head(moved);
    head_done = result.step == Step::done;
    std::span<char> span(moved);
    if (head_done) {
      result.expects_continue = reader.expects_continue();
      result.step = reader.read_body(span, body_bytes_max);
    }
    if (result.step == Step::done) {
      const Request& request = reader.request();
      result.method = request.method;
      result.path = request.path;
      result.query = request.query;
      result.body = request.body;
      result.headers.assign(request.headers.begin(), request.headers.end());
      // The position in the bytes as they were sent, with all chunk headers.
      result.end = given - (moved.size() - reader.end());
      result.keep_alive = reader.keep_alive();
      return result;
    }
    if (result.step == Step::refused) {
      result.status = reader.refusal().status;
      result.error = reader.refusal().text;
      return result;
    }
    so_far.assign(span.data(), span.size());
  }
  return result;
}

const std::vector<std::size_t> pieces{1, 2, 3, 7, SIZE_MAX};

std::string post(const std::string& headers, const std::string& body = "") {
  return "POST /activity HTTP/1.1\r\nHost: weir\r\n" + headers + "\r\n" + body;
}

TEST(RequestReader, ReadsARequestInPiecesOfAnySize) {
  const std::string bytes =
      "POST /activity/?a=1&b=%20 HTTP/1.1\r\nHost: weir:8080\r\nX-Empty:\r\nContent-Length: "
      "5\r\n\r\nhelloGET";
  for (const std::size_t piece : pieces) {
    SCOPED_TRACE(piece);
    const Read result = read(bytes, piece);
    ASSERT_EQ(result.step, Step::done) << result.error;
    EXPECT_EQ(result.method, "POST");
    EXPECT_EQ(result.path, "/activity/");
    EXPECT_EQ(result.query, "a=1&b=%20");
    EXPECT_EQ(result.body, "hello");
    EXPECT_TRUE(result.keep_alive);
    ASSERT_EQ(result.headers.size(), 3u);
    EXPECT_EQ(result.headers[1], (std::pair{"X-Empty"s, ""s}));
    EXPECT_EQ(result.end, bytes.size() - 3);
  }
}

TEST(RequestReader, JoinsChunksInPiecesOfAnySize) {
  const std::string bytes = post("Transfer-Encoding: Chunked\r\n",
                                 "5\r\nhello\r\n1;why=\"so\"\r\n,\r\n006\r\n world\r\n0\r\nX-Trailer: "
                                 "1\r\nHost: two\r\n\r\nGET / HTTP/1.1\r\n");
  for (const std::size_t piece : pieces) {
    SCOPED_TRACE(piece);
    const Read result = read(bytes, piece);
    ASSERT_EQ(result.step, Step::done) << result.error;
    EXPECT_EQ(result.body, "hello, world");
    EXPECT_EQ(result.headers.size(), 2u);
    EXPECT_EQ(bytes.substr(result.end).substr(0, 3), piece == SIZE_MAX ? "GET" : bytes.substr(result.end, 3));
  }
}

TEST(RequestReader, NeedsMoreBytesAfterEveryPrefix) {
  for (const std::string& whole : {post("Content-Length: 5\r\n", "hello"),
                                   post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n")}) {
    ASSERT_EQ(read(whole).step, Step::done);
    for (std::size_t size = 1; size < whole.size(); ++size)
      EXPECT_EQ(read(whole.substr(0, size)).step, Step::more) << size;
  }
}

TEST(RequestReader, ParsesEachFormOfTarget) {
  struct Case {
    std::string target, path, query;
  };
  const std::vector<Case> cases{
      {"/", "/", ""},
      {"/a?b?c", "/a", "b?c"},
      {"/a?", "/a", ""},
      {"http://weir:8080/a?b", "/a", "b"},
      {"HTTPS://weir", "/", ""},
      {"http://weir?b", "/", "b"},
      {"*", "*", ""},
  };
  for (const Case& form : cases) {
    SCOPED_TRACE(form.target);
    const Read result = read("GET " + form.target + " HTTP/1.1\r\nHost: weir\r\n\r\n");
    ASSERT_EQ(result.step, Step::done) << result.error;
    EXPECT_EQ(result.path, form.path);
    EXPECT_EQ(result.query, form.query);
  }
}

TEST(RequestReader, DetectsWhetherTheClientKeepsTheConnection) {
  struct Case {
    std::string version, header;
    bool keep;
  };
  const std::vector<Case> cases{
      {"1.1", "", true},
      {"1.1", "Connection: close\r\n", false},
      {"1.1", "Connection: Keep-Alive, Close\r\n", false},
      {"1.0", "", false},
      {"1.0", "Connection: keep-alive\r\n", true},
  };
  for (const Case& asked : cases) {
    const Read result = read("GET / HTTP/" + asked.version + "\r\nHost: weir\r\n" + asked.header + "\r\n");
    ASSERT_EQ(result.step, Step::done) << result.error;
    EXPECT_EQ(result.keep_alive, asked.keep) << asked.version << asked.header;
  }
}

TEST(RequestReader, NeedsNoHostInHttp10AndAllowsOneEmptyLineBefore) {
  EXPECT_EQ(read("GET / HTTP/1.0\r\n\r\n").step, Step::done);
  const Read result = read("\r\nGET /a HTTP/1.1\r\nHost: weir\r\n\r\n");
  ASSERT_EQ(result.step, Step::done);
  EXPECT_EQ(result.path, "/a");
  EXPECT_EQ(read("\r\n\r\nGET /a HTTP/1.1\r\nHost: weir\r\n\r\n").status, 400);
}

TEST(RequestReader, RefusesWhatTwoParsersCouldReadDifferently) {
  struct Case {
    std::string name, bytes;
  };
  const std::string get = "GET / HTTP/1.1\r\nHost: weir\r\n";
  const std::vector<Case> cases{
      {"length and chunked", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")},
      {"chunked and length", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")},
      {"two lengths", post("Content-Length: 5\r\nContent-Length: 6\r\n")},
      {"one length twice", post("Content-Length: 5\r\nContent-Length: 5\r\n")},
      {"list of lengths", post("Content-Length: 5, 5\r\n")},
      {"+5", post("Content-Length: +5\r\n")},
      {"0x5", post("Content-Length: 0x5\r\n")},
      {"negative", post("Content-Length: -5\r\n")},
      {"empty length", post("Content-Length:\r\n")},
      {"length in words", post("Content-Length: 5 bytes\r\n")},
      {"huge", post("Content-Length: 99999999999999999999\r\n")},
      {"2^64 + 5", post("Content-Length: 18446744073709551621\r\n")},
      {"xchunked", post("Transfer-Encoding: xchunked\r\n")},
      {"gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n")},
      {"chunked, chunked", post("Transfer-Encoding: chunked, chunked\r\n")},
      {"chunked, identity", post("Transfer-Encoding: chunked, identity\r\n")},
      {"chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")},
      {"empty coding", post("Transfer-Encoding:\r\n")},
      {"vertical tab", post("Transfer-Encoding: \vchunked\r\n")},
      {"chunked in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {"bare LF", "GET / HTTP/1.1\nHost: weir\n\n"},
      {"bare LF in a header", "GET / HTTP/1.1\r\nHost: weir\nX: 1\r\n\r\n"},
      {"bare LF at the end", get + "\n"},
      {"bare CR", "GET / HTTP/1.1\r\nHost: weir\rX: 1\r\n\r\n"},
      {"CR CR LF", "GET / HTTP/1.1\r\r\nHost: weir\r\n\r\n"},
      {"folded", get + "X: 1\r\n 2\r\n\r\n"},
      {"folded by a tab", get + "X: 1\r\n\t2\r\n\r\n"},
      {"folded when empty", get + "X:\r\n 2\r\n\r\n"},
      {"folded first header", "GET / HTTP/1.1\r\n Host: weir\r\n\r\n"},
      {"space before colon", get + "X : 1\r\n\r\n"},
      {"space in a length's name", post("Content-Length : 5\r\n")},
      {"no colon", get + "X\r\n\r\n"},
      {"empty name", get + ": 1\r\n\r\n"},
      {"NUL in a value", get + "X: 1"s + '\0' + "\r\n\r\n"},
      {"NUL in a name", get + "X"s + '\0' + ": 1\r\n\r\n"},
      {"NUL in the path", "GET /"s + '\0' + " HTTP/1.1\r\nHost: weir\r\n\r\n"},
      {"two Host", get + "Host: weir\r\n\r\n"},
      {"no Host", "GET / HTTP/1.1\r\n\r\n"},
      {"two hosts in one", "GET / HTTP/1.1\r\nHost: weir, other\r\n\r\n"},
      {"a path in Host", "GET / HTTP/1.1\r\nHost: weir/x\r\n\r\n"},
      {"user in Host", "GET / HTTP/1.1\r\nHost: a@weir\r\n\r\n"},
      {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: weir\r\n\r\n"},
      {"http/1.1", "GET / http/1.1\r\nHost: weir\r\n\r\n"},
      {"HTTP/0.9", "GET /\r\n\r\n"},
      {"two spaces", "GET  / HTTP/1.1\r\nHost: weir\r\n\r\n"},
      {"space in the path", "GET /a b HTTP/1.1\r\nHost: weir\r\n\r\n"},
      {"tab", "GET\t/ HTTP/1.1\r\nHost: weir\r\n\r\n"},
      {"no method", " / HTTP/1.1\r\nHost: weir\r\n\r\n"},
      {"no path", "GET weir HTTP/1.1\r\nHost: weir\r\n\r\n"},
      {"other scheme", "GET ftp://weir/ HTTP/1.1\r\nHost: weir\r\n\r\n"},
      {"authority alone", "CONNECT weir:80 HTTP/1.1\r\nHost: weir\r\n\r\n"},
      {"TLS", "\x16\x03\x01\x02\n"},
  };
  for (const Case& wrong : cases) {
    for (const std::size_t piece : {std::size_t{1}, SIZE_MAX}) {
      const Read result = read(wrong.bytes + "GET /smuggled HTTP/1.1\r\nHost: weir\r\n\r\n", piece);
      EXPECT_EQ(result.step, Step::refused) << wrong.name;
      EXPECT_EQ(result.status, 400) << wrong.name << ": " << result.error;
    }
  }
}

TEST(RequestReader, RefusesMalformedChunks) {
  const std::vector<std::string> bodies{
      "x\r\nhello\r\n0\r\n\r\n",
      "\r\nhello\r\n0\r\n\r\n",
      "-5\r\nhello\r\n0\r\n\r\n",
      "+5\r\nhello\r\n0\r\n\r\n",
      " 5\r\nhello\r\n0\r\n\r\n",
      "5 \r\nhello\r\n0\r\n\r\n",
      "0x5\r\nhello\r\n0\r\n\r\n",
      "5\nhello\r\n0\r\n\r\n",
      "5\r\nhelloo\r\n0\r\n\r\n",
      "5\r\nhello0\r\n\r\n",
      "5\r\nhello\n0\r\n\r\n",
      "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n",
      "5;a=\"\r\n\"\r\nhello\r\n0\r\n\r\n",
      "5;\r\nhello\r\n0\r\n\r\n",
      "10000000000000005\r\nhello\r\n0\r\n\r\n",
      "5\r\nhello\r\n0\r\nX : 1\r\n\r\n",
      "5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n",
      "5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
      "5;" + std::string(2 * limits::header_bytes_max, 'a'),
      "5\r\nhello\r\n0\r\nX: " + std::string(2 * limits::header_bytes_max, 'a'),
  };
  for (const std::string& body : bodies) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{4096}, SIZE_MAX}) {
      const Read result = read(post("Transfer-Encoding: chunked\r\n", body), piece);
      EXPECT_EQ(result.step, Step::refused) << body.substr(0, 60);
      EXPECT_EQ(result.status, result.error.find("large") == std::string::npos ? 400 : result.status)
          << body.substr(0, 60);
      if (result.status == 413) {
        EXPECT_EQ(body.substr(0, 3), "100");
      }
    }
  }
}

TEST(RequestReader, BoundsUriHeaderAndBody) {
  struct Case {
    std::string name, bytes;
    int status;
  };
  const std::string get = "GET / HTTP/1.1\r\nHost: weir\r\n";
  std::string many;
  for (int field = 0; field < 10'000; ++field) many += "X: 1\r\n";
  const std::vector<Case> cases{
      {"a URI of 1 MB", "GET /" + std::string(limits::MiB, 'a'), 414},
      {"a URI one too long",
       "GET /" + std::string(limits::uri_bytes_max, 'a') + " HTTP/1.1\r\nHost: w\r\n\r\n", 414},
      {"a header of 1 MB", get + "X: " + std::string(limits::MiB, 'a'), 431},
      {"a header too large", get + "X: " + std::string(limits::header_bytes_max, 'a') + "\r\n\r\n", 431},
      {"10,000 headers", get + many + "\r\n", 431},
      {"101 headers", get + many.substr(0, 100 * 6) + "\r\n", 431},
      {"a body one too large", post("Content-Length: 1001\r\n"), 413},
      {"a body of 10^17", post("Content-Length: 100000000000000000\r\n"), 413},
      {"chunks too large", post("Transfer-Encoding: chunked\r\n", "3e9\r\n"), 413},
      {"chunks too large together",
       post("Transfer-Encoding: chunked\r\n", "3e8\r\n" + std::string(1000, 'a') + "\r\n1\r\n"), 413},
      {"unknown expectation", post("Expect: 200-ok\r\nContent-Length: 1\r\n"), 417},
      {"an unknown expectation in a list", post("Expect: 100-continue, more\r\nContent-Length: 1\r\n"), 417},
      {"an unknown expectation in a second line",
       post("Expect: 100-continue\r\nExpect: more\r\nContent-Length: 1\r\n"), 417},
      {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: w\r\n\r\n", 400},
      {"HTTP/0.9", "GET / HTTP/0.9\r\nHost: w\r\n\r\n", 400},
      {"HTTP/1.11", "GET / HTTP/1.11\r\nHost: w\r\n\r\n", 400},
      {"HTTP/1.2 without Host", "GET / HTTP/1.2\r\n\r\n", 400},
      {"unknown encoding", post("Content-Encoding: br\r\nContent-Length: 1\r\n"), 415},
      {"two encodings", post("Content-Encoding: gzip, gzip\r\nContent-Length: 1\r\n"), 415},
      {"two encodings, two lines",
       post("Content-Encoding: gzip\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n"), 415},
  };
  for (const Case& wrong : cases) {
    for (const std::size_t piece : {std::size_t{5}, SIZE_MAX}) {
      if (wrong.bytes.size() > 100'000 && piece == 5) continue;  // the test copies all bytes for each piece
      const Read result = read(wrong.bytes, piece);
      EXPECT_EQ(result.step, Step::refused) << wrong.name;
      EXPECT_EQ(result.status, wrong.status) << wrong.name << ": " << result.error;
    }
  }
}

TEST(RequestReader, AcceptsExactlyTheBounds) {
  EXPECT_EQ(read("GET /" + std::string(limits::uri_bytes_max - 1, 'a') + " HTTP/1.1\r\nHost: w\r\n\r\n").step,
            Step::done);
  EXPECT_EQ(read(post("Content-Length: 1000\r\n", std::string(1000, 'a'))).step, Step::done);
  EXPECT_EQ(read(post("Transfer-Encoding: chunked\r\n",
                      "3e7\r\n" + std::string(999, 'a') + "\r\n1\r\na\r\n0\r\n\r\n"))
                .step,
            Step::done);
  std::string many;
  for (int field = 0; field < 99; ++field) many += "X: 1\r\n";
  EXPECT_EQ(read("GET / HTTP/1.1\r\nHost: weir\r\n" + many + "\r\n").step, Step::done);
}

TEST(RequestReader, BoundsChunkedBodiesAlsoInSmallPieces) {
  const std::string body = "3e8\r\n" + std::string(1000, 'a') + "\r\n3e8\r\n" + std::string(1000, 'a');
  for (const std::size_t piece : pieces)
    EXPECT_EQ(read(post("Transfer-Encoding: chunked\r\n", body), piece).status, 413) << piece;
}

TEST(RequestReader, AcceptsEmptyAndRepeatedElementsOfExpect) {
  for (const std::string value : {"", ",", " , ,", "\t"})
    EXPECT_FALSE(read(post("Expect: " + value + "\r\nContent-Length: 5\r\n", "hello")).expects_continue)
        << value;
  for (const std::string value : {"100-continue, 100-continue", ",100-continue ,",
                                  "100-CONTINUE,,100-continue", "100-continue\r\nExpect: "})
    EXPECT_TRUE(read(post("Expect: " + value + "\r\nContent-Length: 5\r\n")).expects_continue) << value;
  EXPECT_EQ(read(post("Expect:\r\nContent-Length: 5\r\n", "hello")).step, Step::done);
}

TEST(RequestReader, ReadsALaterMinorVersionAsHttp11) {
  for (const char minor : {'1', '2', '5', '9'}) {
    const std::string line =
        "POST /a?b HTTP/1."s + minor + "\r\nHost: weir\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n";
    const std::string more = "\r\n" + line + "5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.2";
    for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, SIZE_MAX}) {
      const Read result = read(more, piece);
      ASSERT_EQ(result.step, Step::done) << minor << result.error;
      EXPECT_EQ(result.method + result.path + result.query + result.body, "POST/abhello");
      EXPECT_EQ(result.headers[1], std::pair("X"s, "y"s));
      EXPECT_TRUE(result.keep_alive);
    }
  }
  EXPECT_EQ(read("GET /x HTTP/1.7 HTTP/1.1\r\nHost: w\r\n\r\n").step, Step::refused);
}

TEST(RequestReader, DetectsAClientThatWaitsFor100Continue) {
  EXPECT_TRUE(read(post("Expect: 100-Continue\r\nContent-Length: 5\r\n")).expects_continue);
  EXPECT_FALSE(read(post("Expect: 100-continue\r\nContent-Length: 0\r\n")).expects_continue);
  const Read old = read("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(old.step, Step::more);
  EXPECT_FALSE(old.expects_continue);
}

// printf 'hello, world' | gzip -9n
const std::string gzip_hello(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\xd7\x51\x28\xcf\x2f\xca\x49\x01\x00\x3a\x72"
    "\xab\xff\x0c\x00\x00\x00",
    32);

TEST(RequestReader, DecompressesBodiesWithinTheBound) {
  const std::string headers = "Content-Encoding: gzip\r\nContent-Length: 32\r\n";
  for (const std::size_t piece : pieces)
    EXPECT_EQ(read(post(headers, gzip_hello), piece).body, "hello, world");
  EXPECT_EQ(read(post("Content-Encoding: identity\r\nContent-Length: 2\r\n", "ab")).body, "ab");
  EXPECT_EQ(read(post("Content-Encoding: gzip\r\nContent-Length: 0\r\n")).body, "");
  std::string broken = gzip_hello;
  broken[20] ^= 1;
  EXPECT_EQ(read(post(headers, broken)).status, 400);
}

TEST(RequestReader, ContinuesAfterABodyThatCannotBeDecompressed) {
  std::string bytes = post("Content-Encoding: gzip\r\nContent-Length: 3\r\n", "abc");
  RequestReader reader;
  ASSERT_EQ(reader.read_head(bytes), Step::done);
  std::span<char> span(bytes);
  ASSERT_EQ(reader.read_body(span, body_max), Step::refused);
  EXPECT_EQ(reader.refusal().status, 400);
  EXPECT_FALSE(reader.refusal().close);
  EXPECT_EQ(reader.end(), bytes.size());
}

TEST(RequestReader, SurvivesAnyBytes) {
  // Seeded mutations of good requests: cut, doubled, swapped and random bytes, in random pieces.
  const std::vector<std::string> seeds{
      post("Content-Length: 5\r\nExpect: 100-continue\r\n", "hello"),
      post("Transfer-Encoding: chunked\r\n", "5;a=\"b\"\r\nhello\r\n0\r\nX: 1\r\n\r\n"),
      post("Content-Encoding: gzip\r\nContent-Length: 32\r\n", gzip_hello),
  };
  std::uint64_t state = 20240115;
  const auto random = [&](std::size_t below) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return static_cast<std::size_t>(state % below);
  };
  const std::string_view spice("\r\n\t \0:;,=\"0aF+-\x7f\x80\xff", 19);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = seeds[random(seeds.size())];
    for (std::size_t change = 0; change <= random(4); ++change) {
      const std::size_t at = random(bytes.size());
      switch (random(4)) {
        case 0:
          bytes.erase(at, 1 + random(5));
          break;
        case 1:
          bytes.insert(at, bytes.substr(random(bytes.size()), random(20)));
          break;
        case 2:
          bytes[at] = spice[random(spice.size())];
          break;
        default:
          bytes.insert(at, 1, spice[random(spice.size())]);
          break;
      }
    }
    const Read whole = read(bytes);
    const Read in_pieces = read(bytes, 1 + random(20));
    ASSERT_EQ(whole.step, in_pieces.step) << bytes;
    ASSERT_EQ(whole.body, in_pieces.body) << bytes;
    ASSERT_EQ(whole.status, in_pieces.status) << bytes;
  }
}

}  // namespace
}  // namespace weir::http
