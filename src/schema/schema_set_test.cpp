#include "schema/schema_set.hpp"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <string>

namespace weir::schema {
namespace {

class SchemasTest : public testing::Test {
 protected:
  SchemasTest() {
    std::string name = (std::filesystem::temp_directory_path() / "weir-schema-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~SchemasTest() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
  }

  std::filesystem::path folder_;
};

constexpr const char* needs_plan = R"({"required":["plan"]})";

TEST_F(SchemasTest, CheckByTypeAndElseByTheDefault) {
  write("page_view.json", needs_plan);
  write("README", "no schema");
  {
    const auto schemas = Schemas::open(folder_);
    ASSERT_TRUE(schemas.has_value()) << schemas.error().text;
    EXPECT_TRUE((*schemas)->check("click", "{}").has_value());
    EXPECT_TRUE((*schemas)->check("page_view", R"({"plan":1})").has_value());
    const auto missing = (*schemas)->check("page_view", "{}");
    ASSERT_FALSE(missing.has_value());
    EXPECT_EQ(missing.error().text, "/plan: is missing, and the schema requires it (schema page_view.json)");
  }
  write("default.json", "false");
  const auto schemas = Schemas::open(folder_);
  EXPECT_TRUE((*schemas)->check("page_view", R"({"plan":1})").has_value());
  EXPECT_FALSE((*schemas)->check("click", "{}").has_value());
  EXPECT_FALSE((*schemas)->check("../page_view", R"({"plan":1})").has_value());
}

TEST_F(SchemasTest, AreRefusedWithEachFileThatIsWrong) {
  write("a.json", "{");
  write("b.json", R"({"format":"email"})");
  write("c.json", "{}");
  const auto schemas = Schemas::open(folder_);
  ASSERT_FALSE(schemas.has_value());
  EXPECT_EQ(schemas.error().code, "schema_dir");
  EXPECT_TRUE(schemas.error().text.contains("a.json: is no JSON")) << schemas.error().text;
  EXPECT_TRUE(schemas.error().text.contains("b.json: /format: ")) << schemas.error().text;
  EXPECT_FALSE(schemas.error().text.contains("c.json")) << schemas.error().text;
  EXPECT_FALSE(Schemas::open(folder_ / "missing").has_value());
  EXPECT_FALSE(Schemas::open(folder_ / "c.json").has_value());
}

TEST_F(SchemasTest, StayWhereAReloadFindsAFault) {
  write("page_view.json", needs_plan);
  const auto schemas = Schemas::open(folder_);
  write("page_view.json", "{");
  EXPECT_FALSE((*schemas)->reload().has_value());
  EXPECT_FALSE((*schemas)->check("page_view", "{}").has_value());
  write("page_view.json", "{}");
  EXPECT_EQ((*schemas)->reload().value(), 1U);
  EXPECT_TRUE((*schemas)->check("page_view", "{}").has_value());
}

}  // namespace
}  // namespace weir::schema
