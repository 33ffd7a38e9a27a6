#include "sqlite/schema.hpp"

#include <gtest/gtest.h>
#include <vector>

#include "base/hash.hpp"

namespace weir::sqlite {
namespace {

std::vector<std::uint64_t> hashes_of(const FileKind& kind) {
  std::vector<std::uint64_t> hashes;
  for (const Migration& migration : kind.migrations)
    hashes.push_back(murmur3(std::string(migration.sql) + std::string(migration.skip_if)).low);
  if (kind.views != nullptr) hashes.push_back(murmur3(kind.views()).low);
  return hashes;
}

// A file records only how many migrations it has seen. So a released text never changes. A change of the
// views needs a migration too (an empty one is enough), or no existing file gets them.
TEST(Schema, ChangesOnlyByAnotherMigration) {
  EXPECT_EQ(hashes_of(metrics_store_file),
            (std::vector<std::uint64_t>{13822306824725062971U, 8421711490851891155U, 1726989460763021134U,
                                        14736561728149262208U, 5492321482175166486U}))
      << "the last is of the views";
  EXPECT_EQ(hashes_of(event_log_file), (std::vector<std::uint64_t>{1030397090875585116U, 0U}));
}

}  // namespace
}  // namespace weir::sqlite
