#include "tally/event_values.hpp"

#include <gtest/gtest.h>
#include <map>

#include "activity/decoder.hpp"
#include "base/json_text.hpp"

namespace weir::tally {
namespace {

using namespace std::string_literals;

// Reads the values of events that are given by the members of their metadata.
class Values {
 public:
  // Numbers the own dimensions of `sources` from first_own_dimension on.
  std::map<Dimension, std::string> of(const std::string& metadata, const std::vector<std::string>& sources) {
    std::vector<CountedDimension> counted;
    for (const std::string& source : sources)
      counted.push_back({static_cast<Dimension>(index_of(first_own_dimension) + counted.size()),
                         parse_dimension_source(source).value()});
    EventValueReader reader(counted);
    std::string json =
        R"({"user_id":"u","activity_type":"click","timestamp":"2015-05-19T12:00:00Z","metadata":{)" +
        metadata + "}}";
    const std::size_t bytes = json.size();
    json.append(limits::json_slack_bytes, ' ');
    const auto activity = decoder_.decode(std::string_view(json).substr(0, bytes), reader.metadata_members());
    if (!activity) {
      ADD_FAILURE() << activity.error().text;
      return {};
    }
    std::map<Dimension, std::string> values;
    for (const auto& [dimension, text] : reader.read(*activity)) values[dimension] = std::string(text);
    return values;
  }
  // Returns the value of one own dimension.
  std::string own(const std::string& metadata, const std::string& source) {
    return of(metadata, {source})[first_own_dimension];
  }

 private:
  activity::Decoder decoder_;
};

TEST(EventValues, AreReadInEachBuiltInDimension) {
  const auto values =
      Values().of(R"("page_url":"https://example.org/a?b","referrer":"https://Other.org/")", {});
  EXPECT_EQ(values.size(), built_in_dimension_count);
  EXPECT_EQ(values.at(Dimension::total), "");
  EXPECT_EQ(values.at(Dimension::activity_type), "click");
  EXPECT_EQ(values.at(Dimension::page), "/a");
  EXPECT_EQ(values.at(Dimension::referrer), "other.org");
}

// A dimension whose source the decoder does not read would count every event under one value.
TEST(EventValues, FollowTheSourceOfEachBuiltInDimension) {
  const std::string text = "https://example.org/a";
  for (const DimensionDescriptor& each : built_in_dimensions) {
    const auto source = parse_dimension_source(each.source);
    if (!source) continue;  // total and activity_type
    const std::string metadata = "\"" + source->name + "\":\"" + text + "\"";
    EXPECT_NE(Values().of(metadata, {}).at(each.dimension), Values().of("", {}).at(each.dimension))
        << each.name;
    // The same member can be the source of an own dimension, too.
    EXPECT_EQ(Values().own(metadata, std::string(each.source)), text) << each.name;
  }
}

TEST(EventValues, BeginWithTheTotal) {
  EventValueReader reader;
  EXPECT_EQ(reader.read({}).front().dimension, Dimension::total);
}

TEST(EventValues, AreTheTextOfAStringANumberOrABoolean) {
  struct Case {
    std::string metadata, value;
  };
  Values values;
  for (const auto& [metadata, value] : {
           Case{R"("x":"DE")", "DE"},
           Case{R"("x":"say \"hi\" \u00e9")", "say \"hi\" \u00e9"},
           Case{R"("x":404)", "404"},
           Case{R"("x":-1.50e+2)", "-1.50e+2"},
           Case{R"("x": true)", "true"},
           Case{R"("x":false , "y":1)", "false"},
           Case{R"("x":null)", "(none)"},
           Case{R"("x":{"a":1})", "(none)"},
           Case{R"("x":[1])", "(none)"},
           Case{R"("x":"")", "(none)"},
           Case{R"("y":{"x":"DE"})", "(none)"},
           Case{"", "(none)"},
           Case{R"j("x":"(none)")j", "(none)"},
           Case{R"("\u0078":"escaped name")", "escaped name"},
       })
    EXPECT_EQ(values.own(metadata, "metadata.x"), value) << metadata;
}

TEST(EventValues, CanBeAMemberThatABuiltInDimensionReads) {
  EXPECT_EQ(Values().own(R"("page_url":"/a?b#c")", "metadata.page_url"), "/a?b#c");
  EXPECT_EQ(Values().own(R"("referrer":null)", "metadata.referrer"), "(none)");
  EXPECT_EQ(Values().own(R"("referrer":"x")", "metadata.referrer"), "x");
}

TEST(EventValues, AreUtf8WithoutNul) {
  EXPECT_EQ(Values().own(R"("x":"a\u0000b")", "metadata.x"), "a\uFFFDb");
  EXPECT_EQ(Values().own(R"("x":"\ud800")", "metadata.x"), "\uFFFD");
  EXPECT_EQ(Values().own(R"("page_url":"/?x=%00%ff")", "query.x"), "\uFFFD\uFFFD");
}

TEST(EventValues, AreCutBetweenCharacters) {
  const std::string long_text(255, 'x');
  EXPECT_EQ(Values().own(R"("x":")" + long_text + "y\"", "metadata.x"), long_text + "y");
  EXPECT_EQ(Values().own(R"("x":")" + long_text + "yz\"", "metadata.x"), long_text + "y");
  EXPECT_EQ(Values().own(R"("x":")" + long_text + "\u20ac\"", "metadata.x"), long_text);
}

TEST(EventValues, AreParametersOfTheQueryDecoded) {
  struct Case {
    std::string url, value;
  };
  Values values;
  for (const auto& [url, value] : {
           Case{"https://example.org/?utm=spring", "spring"},
           Case{"/?a=1&utm=spring%20sale+%26&b=2", "spring sale &"},
           Case{"/?utm=a&utm=b", "a"},
           Case{"/?%75tm=named%21", "named!"},
           Case{"/?utm=%E2%82%AC", "\u20ac"},
           Case{"/?utm=100%", "100%"},
           Case{"/?utm", "(none)"},
           Case{"/?utm=", "(none)"},
           Case{"/?xutm=1&utmx=2", "(none)"},
           Case{"/#?utm=1", "(none)"},
           Case{"/?a=1#utm=1", "(none)"},
           Case{"/?a=1#&utm=1", "(none)"},
           Case{"/?utm=x#y", "x"},
           Case{"/utm=1", "(none)"},
           Case{"?utm=x=y?z", "x=y?z"},
           Case{"/?&&utm=1", "1"},
       })
    EXPECT_EQ(values.own(R"("page_url":")" + url + '"', "query.utm"), value) << url;
  EXPECT_EQ(values.own("", "query.utm"), "(none)");
  EXPECT_EQ(values.own(R"("page_url":null)", "query.utm"), "(none)");
}

TEST(EventValues, OfEightDimensionsAreReadInOnePass) {
  const std::vector<std::string> sources{"metadata.a", "query.a",    "metadata.b", "query.b",
                                         "metadata.a", "metadata.c", "query.c",    "metadata.page_url"};
  const auto values = Values().of(R"("c":3,"page_url":"/?b=qb&a=qa","a":"ma")", sources);
  std::string all;
  for (const auto& [dimension, text] : values)
    if (!is_built_in(dimension)) all += text + ' ';
  EXPECT_EQ(all, "ma qa (none) qb ma 3 (none) /?b=qb&a=qa ");
}

TEST(EventValues, AreCutInAFilterAsInTheStore) {
  EXPECT_EQ(own_filter_value("DE"), "DE");
  EXPECT_EQ(own_filter_value(std::string(300, 'x')), std::string(256, 'x'));
}

}  // namespace
}  // namespace weir::tally
