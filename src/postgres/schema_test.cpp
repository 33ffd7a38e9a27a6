#include "postgres/schema.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "base/hash.hpp"

namespace weir::postgres {
namespace {

// A database records only how many migrations it has seen. So a released text never changes. A change of the
// views needs a migration too (an empty one is enough), or no existing database gets them.
TEST(Schema, ChangesOnlyByAnotherMigration) {
  std::vector<std::uint64_t> texts;
  for (const std::string_view migration : schema_migrations()) texts.push_back(murmur3(migration).low);
  EXPECT_EQ(texts, (std::vector<std::uint64_t>{11930284680817900283U, 10305219798454978705U,
                                               353760174579513723U, 420245551937682965U}));
  EXPECT_EQ(murmur3(schema_views()).low, 13071953894132818935U)
      << "of version " << schema_migrations().size();
}

TEST(Schema, CutsAllWindowsInUtc) {
  const std::string views = schema_views();
  for (std::size_t at = 0; (at = views.find("date_trunc(", at)) != std::string::npos; ++at) {
    const std::string call = views.substr(at, views.find(')', at) - at);
    EXPECT_TRUE(call.ends_with(", 'UTC'")) << call;
  }
}

}  // namespace
}  // namespace weir::postgres
