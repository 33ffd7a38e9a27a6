// Our sketches against the extension whose bytes they claim to be: byte for byte, in a PostgreSQL of the
// test's own.
#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <memory>
#include <random>

#include "base/hash.hpp"
#include "support/child.hpp"
#include "support/postgres_server.hpp"
#include "tally/hll_format.hpp"
#include "tally/sketch.hpp"

namespace weir::tally {
namespace {

// A result of binary columns.
class Answer {
 public:
  explicit Answer(PGresult* result) : result_(result, PQclear) {}

  [[nodiscard]] int rows() const { return PQntuples(result_.get()); }
  [[nodiscard]] std::string_view bytes(int row, int column) const {
    return {PQgetvalue(result_.get(), row, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
  }
  [[nodiscard]] std::uint64_t number(int row, int column) const {
    return hll::read_hash(bytes(row, column).data());
  }
  [[nodiscard]] double real(int row, int column) const { return std::bit_cast<double>(number(row, column)); }
  [[nodiscard]] ExecStatusType status() const { return PQresultStatus(result_.get()); }

 private:
  std::unique_ptr<PGresult, void (*)(PGresult*)> result_;
};

class Database {
 public:
  explicit Database(const std::string& info) : connection_(PQconnectdb(info.c_str()), PQfinish) {
    run("SET client_min_messages = warning");
    run("CREATE EXTENSION IF NOT EXISTS hll");
  }

  Answer run(const std::string& sql) {
    Answer answer(PQexecParams(connection_.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 1));
    if (answer.status() != PGRES_COMMAND_OK && answer.status() != PGRES_TUPLES_OK)
      throw std::runtime_error(PQerrorMessage(connection_.get()));
    return answer;
  }

  // COPY in text format; `lines` are whole.
  void copy(const std::string& into, const std::string& lines) {
    const Answer opened(PQexec(connection_.get(), ("COPY " + into + " FROM STDIN").c_str()));
    if (opened.status() != PGRES_COPY_IN ||
        PQputCopyData(connection_.get(), lines.data(), static_cast<int>(lines.size())) != 1 ||
        PQputCopyEnd(connection_.get(), nullptr) != 1)
      throw std::runtime_error(PQerrorMessage(connection_.get()));
    const Answer done(PQgetResult(connection_.get()));
    if (done.status() != PGRES_COMMAND_OK) throw std::runtime_error(PQerrorMessage(connection_.get()));
    while (PGresult* const rest = PQgetResult(connection_.get())) PQclear(rest);
  }

 private:
  std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
};

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    text += digits[static_cast<unsigned char>(byte) >> 4];
    text += digits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

// Users 'user-<first>' … of one sketch.
struct Crowd {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

Sketch sketch_of(const Crowd& crowd) {
  Sketch sketch;
  for (std::uint64_t i = 0; i < crowd.count; ++i)
    sketch.add(murmur3("user-" + std::to_string(crowd.first + i)).low);
  return sketch;
}

// A thousand crowds: each small size, the borders where a sketch changes its kind, and all magnitudes.
std::vector<Crowd> thousand_crowds() {
  std::mt19937_64 random(20150519);
  std::vector<Crowd> crowds;
  const auto add = [&](std::uint64_t count) { crowds.push_back({random() % 1'000'000, count}); };
  for (std::uint64_t count = 0; count < 100; ++count) add(count);
  for (std::uint64_t count = 4080; count < 4120; ++count) add(count);  // explicit to sparse
  for (std::uint64_t count = 4950; count < 5050; ++count) add(count);  // sparse to full
  for (const std::uint64_t count : {40'000U, 41'500U, 60'000U, 66'000U, 100'000U, 150'000U, 200'000U})
    add(count);
  std::uniform_real_distribution<double> magnitude(0, std::log(30'000));
  while (crowds.size() < 1000) add(static_cast<std::uint64_t>(std::exp(magnitude(random))));
  return crowds;
}

class SketchAndExtension : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const auto programs = support::find_postgres("hll");
    if (!programs) return;
    server_ = new support::PostgresServer(*programs);
    database_ = new Database(server_->connection_info());
  }
  static void TearDownTestSuite() {
    delete std::exchange(database_, nullptr);
    delete std::exchange(server_, nullptr);
  }

  void SetUp() override {
    if (database_ == nullptr) support::missing("postgresql-15 with postgresql-15-hll");
  }

  // Makes a table (id, users) of these sketches' bytes, as activity_windows keeps them.
  static void store(const std::string& table, const std::vector<std::string>& sketches) {
    database_->run("DROP TABLE IF EXISTS " + table);
    database_->run("CREATE TABLE " + table + " (id int PRIMARY KEY, users bytea)");
    std::string lines;
    for (std::size_t i = 0; i < sketches.size(); ++i)
      lines += std::to_string(i) + "\t\\\\x" + hex(sketches[i]) + "\n";
    database_->copy(table, lines);
  }

  static support::PostgresServer* server_;
  static Database* database_;
};
support::PostgresServer* SketchAndExtension::server_ = nullptr;
Database* SketchAndExtension::database_ = nullptr;

// Texts of every length, of one, two and four bytes a character.
TEST_F(SketchAndExtension, HashTextAlike) {
  std::mt19937_64 random(1);
  std::vector<std::string> texts;
  for (std::size_t length = 0; length <= 300; ++length) {
    for (int round = 0; round < 8; ++round) {
      std::string text;
      while (text.size() < length) {
        const std::size_t left = length - text.size();
        const auto pick = random() % 8;
        if (pick == 0 && left >= 4)
          text += "\xf0\x9f\xa6\xa6";
        else if (pick == 1 && left >= 2)
          text += "\xc3\xbf";
        else
          text += static_cast<char>('0' + random() % 75);
      }
      texts.push_back(text);
    }
  }
  std::string lines;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    lines += std::to_string(i) + '\t';
    for (const char byte : texts[i]) byte == '\\' ? lines += "\\\\" : lines += byte;
    lines += '\n';
  }
  database_->run("CREATE TABLE texts (id int, text text)");
  database_->copy("texts", lines);
  const Answer answer = database_->run("SELECT hll_hash_text(text)::text::bigint FROM texts ORDER BY id");
  ASSERT_EQ(answer.rows(), static_cast<int>(texts.size()));
  for (int i = 0; i < answer.rows(); ++i)
    ASSERT_EQ(answer.number(i, 0), murmur3(texts[static_cast<std::size_t>(i)]).low)
        << texts[static_cast<std::size_t>(i)];
}

TEST_F(SketchAndExtension, WriteAndCountAThousandAlike) {
  const std::vector<Crowd> crowds = thousand_crowds();
  ASSERT_EQ(crowds.size(), 1000U);
  std::string lines;
  for (std::size_t i = 0; i < crowds.size(); ++i)
    lines += std::to_string(i) + '\t' + std::to_string(crowds[i].first) + '\t' +
             std::to_string(crowds[i].count) + '\n';
  database_->run("CREATE TABLE crowds (id int, first bigint, count bigint)");
  database_->copy("crowds", lines);
  const Answer theirs = database_->run(
      "SELECT users, #users FROM (SELECT id, coalesce((SELECT hll_add_agg(hll_hash_text('user-' || n), 14, "
      "5, 4096, 1)"
      "  FROM generate_series(first, first + count - 1) n), hll_empty(14, 5, 4096, 1)) AS users FROM crowds) "
      "made "
      "ORDER BY id");
  ASSERT_EQ(theirs.rows(), 1000);

  std::vector<std::string> encoded;
  std::array<int, 5> kinds{};
  for (int i = 0; i < theirs.rows(); ++i) {
    const Crowd& crowd = crowds[static_cast<std::size_t>(i)];
    const Sketch ours = sketch_of(crowd);
    encoded.push_back(ours.encode());
    ++kinds[static_cast<std::size_t>(encoded.back()[0] & 7)];
    ASSERT_TRUE(theirs.bytes(i, 0) == encoded.back()) << crowd.count << " users from " << crowd.first;
    ASSERT_EQ(theirs.real(i, 1), ours.cardinality()) << crowd.count << " users from " << crowd.first;
    const auto read = Sketch::decode(theirs.bytes(i, 0));
    ASSERT_TRUE(read);
    ASSERT_EQ(read->encode(), encoded.back());
  }
  for (const hll::Kind kind : {hll::Kind::exact, hll::Kind::sparse, hll::Kind::full})
    EXPECT_GT(kinds[static_cast<std::size_t>(kind)], 50) << "each kind is well represented";

  // Ours are taken as hll by all three ways: the cast, the input function, and the column with its
  // parameters.
  store("ours", encoded);
  const Answer taken = database_->run(
      "SELECT #(users::hll), #(users::text::hll), #(users::hll(14, 5, 4096, 1)), "
      "round(#(users::hll))::bigint "
      "FROM ours ORDER BY id");
  for (int i = 0; i < taken.rows(); ++i) {
    const Sketch ours = *Sketch::decode(encoded[static_cast<std::size_t>(i)]);
    for (int way = 0; way < 3; ++way) ASSERT_EQ(taken.real(i, way), ours.cardinality());
    ASSERT_EQ(static_cast<std::int64_t>(taken.number(i, 3)), ours.estimate());
  }
  Sketch all;
  for (const std::string& bytes : encoded) ASSERT_TRUE(all.unite_encoded(bytes));
  const Answer united =
      database_->run("SELECT u, round(#u)::bigint FROM (SELECT hll_union_agg(users::hll) u FROM ours) a");
  EXPECT_TRUE(united.bytes(0, 0) == all.encode());
  EXPECT_EQ(static_cast<std::int64_t>(united.number(0, 1)), all.estimate());
}

TEST_F(SketchAndExtension, UniteEveryPairOfKindsAlike) {
  std::vector<Crowd> crowds;
  for (const std::uint64_t count :
       {0U, 1U, 2U, 96U, 2000U, 2048U, 2096U, 4095U, 4096U, 4097U, 4500U, 5003U, 5200U, 9000U, 50'000U})
    for (const std::uint64_t first : {0U, 2000U}) crowds.push_back({first, count});
  std::vector<Sketch> sketches;
  std::vector<std::string> encoded;
  for (const Crowd& crowd : crowds) encoded.push_back(sketches.emplace_back(sketch_of(crowd)).encode());
  store("pairs", encoded);
  const Answer theirs = database_->run(
      "SELECT u, #u FROM (SELECT a.id AS left_id, b.id AS right_id, hll_union(a.users::hll, b.users::hll) AS "
      "u "
      "FROM pairs a, pairs b) united ORDER BY left_id, right_id");
  ASSERT_EQ(theirs.rows(), static_cast<int>(sketches.size() * sketches.size()));
  int row = 0;
  for (std::size_t left = 0; left < sketches.size(); ++left) {
    for (std::size_t right = 0; right < sketches.size(); ++right, ++row) {
      Sketch united = sketches[left];
      united.unite(sketches[right]);
      ASSERT_TRUE(theirs.bytes(row, 0) == united.encode())
          << crowds[left].count << " + " << crowds[right].count;
      ASSERT_EQ(theirs.real(row, 1), united.cardinality());
      std::string stored = encoded[left];
      ASSERT_TRUE(unite_into(stored, sketches[right]));
      ASSERT_TRUE(theirs.bytes(row, 0) == stored);
    }
  }
}

// Hashes that no user is likely to have: none above the number's bits, one bit only, beyond what 5 bits hold.
TEST_F(SketchAndExtension, TreatTheStrangestHashesAlike) {
  std::vector<std::uint64_t> hashes{0, 1, 16383, ~std::uint64_t{0}};
  for (unsigned bit = 0; bit < 64; ++bit)
    for (const std::uint64_t number : {0U, 77U, 16383U}) hashes.push_back(std::uint64_t{1} << bit | number);
  for (const std::uint64_t users : {0U, 5000U, 20'000U}) {
    Sketch ours = sketch_of({0, users});
    store("strange", {ours.encode()});
    std::string values;
    for (const std::uint64_t hash : hashes) {
      ours.add(hash);
      values += (values.empty() ? "" : ",") + std::to_string(static_cast<std::int64_t>(hash));
    }
    const Answer theirs = database_->run(
        "SELECT u, #u FROM (SELECT hll_union(users::hll, (SELECT hll_add_agg(h::hll_hashval, 14, 5, 4096, 1) "
        "FROM unnest('{" +
        values + "}'::bigint[]) h)) AS u FROM strange) made");
    EXPECT_TRUE(theirs.bytes(0, 0) == ours.encode()) << users;
    EXPECT_EQ(theirs.real(0, 1), ours.cardinality()) << users;
  }
}

// No crowd is large enough for the estimator's other end, so its registers are made up.
TEST_F(SketchAndExtension, CountTheLargestAlike) {
  std::mt19937_64 random(2);
  std::vector<std::string> encoded;
  for (int level = 1; level <= 31; ++level) {
    for (const int spread : {0, 3}) {
      std::string bytes = hll::header(hll::Kind::full);
      bytes.resize(hll::header_bytes + hll::full_bytes);
      for (std::size_t i = 0; i < hll::register_count; ++i)
        hll::raise_packed(
            bytes, i,
            static_cast<std::uint8_t>(std::min<std::uint64_t>(
                31, static_cast<std::uint64_t>(level) + random() % (1U + static_cast<unsigned>(spread)))));
      encoded.push_back(bytes);
    }
  }
  store("largest", encoded);
  const Answer theirs = database_->run("SELECT #(users::hll) FROM largest ORDER BY id");
  for (int i = 0; i < theirs.rows(); ++i) {
    const double ours = Sketch::decode(encoded[static_cast<std::size_t>(i)])->cardinality();
    if (std::isnan(theirs.real(i, 0))) {
      EXPECT_TRUE(std::isnan(ours));
    } else {
      EXPECT_EQ(theirs.real(i, 0), ours) << i;
    }
  }
}

}  // namespace
}  // namespace weir::tally
