#include "routes/accept.hpp"

#include <array>
#include <gtest/gtest.h>

namespace weir::routes {
namespace {

const std::array forms{MediaType{"application", "json", {{"charset", "utf-8"}}},
                       MediaType{"text", "csv", {{"charset", "utf-8"}, {"header", "present"}}}};

std::string_view chosen(const std::vector<std::string_view>& lines) {
  http::Request request;
  for (const std::string_view line : lines) request.headers.emplace_back("aCCept", line);
  return preferred(forms, request) == 0 ? "json" : "csv";
}

TEST(Accept, ChoosesAsRfc9110Requires) {
  struct Case {
    std::string_view accept;
    std::string_view form;
  };
  const Case cases[] = {
      {"text/csv", "csv"},
      {"TEXT/CSV", "csv"},
      {"text/*", "csv"},
      {"text/csv; charset=UTF-8", "csv"},
      {"text/csv;header=\"present\"", "csv"},
      {" text/csv ;q=0.1 ", "csv"},
      {"application/json", "json"},
      {"*/*", "json"},
      {"", "json"},
      // Qualities.
      {"text/csv;q=0", "json"},
      {"text/csv;q=0.000, */*;q=0.1", "json"},
      {"text/csv, */*;q=0.1", "csv"},
      {"application/json;q=0.5, text/csv;q=0.7", "csv"},
      {"application/json;q=0.7, text/csv;q=0.5", "json"},
      {"text/csv;q=0.9, application/json;Q=1.000", "json"},
      {"application/json;q=0, */*;q=0.1", "csv"},
      {"text/*;q=0.3, text/csv;q=0.9, application/json;q=0.5", "csv"},
      {"text/*;q=0.9, text/csv;q=0.3, application/json;q=0.5", "json"},
      {"text/csv;header=absent;q=1, text/csv;q=0.1, application/json;q=0.5", "json"},
      // Equal qualities: the more specific range wins, then the lower index.
      {"text/csv, application/json", "json"},
      {"*/*, text/csv", "csv"},
      {"text/*, */*", "csv"},
      {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", "json"},
      // Other types with similar names.
      {"text/csvx", "json"},
      {"xtext/csv", "json"},
      {"text/csv-schema", "json"},
      {"application/text/csv", "json"},
      {"text/plain;note=\"text/csv\"", "json"},
      {"text/plain;note=\"a,text/csv,b\"", "json"},
      // No acceptable representation: as without the header.
      {"text/html", "json"},
      {"image/*", "json"},
      {"*/*;q=0", "json"},
      // Malformed elements are ignored.
      {"text/csv;q=2", "json"},
      {"text/csv;q=-1", "json"},
      {"text/csv;q=0.5000", "json"},
      {"text/csv;q=", "json"},
      {"text/csv;q=1.5, text/csv;q=0.2", "csv"},
      {"*/csv", "json"},
      {"text", "json"},
      {"/", "json"},
      {",,,;=,text/csv,", "csv"},
      {"\"", "json"},
      {"text/plain;a=\"\\", "json"},
  };
  for (const auto& [accept, form] : cases) EXPECT_EQ(chosen({accept}), form) << accept;
}

TEST(Accept, JoinsSeveralLinesOfTheHeader) {
  EXPECT_EQ(chosen({"application/json;q=0.1", "text/csv;q=0.2"}), "csv");
  EXPECT_EQ(chosen({}), "json");
}

}  // namespace
}  // namespace weir::routes
