#include "tally/dimension_values.hpp"

#include <gtest/gtest.h>

#include "base/limits.hpp"

namespace weir::tally {
namespace {

struct Case {
  std::optional<std::string_view> text;
  std::string_view value;
};

TEST(Page, IsThePathOfTheUrlUnchanged) {
  const Case cases[] = {
      {std::nullopt, "(none)"},
      {"", "(none)"},
      {"/", "/"},
      {"/a/b", "/a/b"},
      {"/a/b/", "/a/b/"},
      {"/a?b=c", "/a"},
      {"/a#b", "/a"},
      {"/a#b?c", "/a"},
      {"/a?u=https://other.org/x", "/a"},
      {"/%7Euser/../A", "/%7Euser/../A"},
      {"https://example.org/a/b?c#d", "/a/b"},
      {"HTTPS://EXAMPLE.ORG/A", "/A"},
      {"https://user:secret@example.org:8443/a", "/a"},
      {"https://[::1]:8080/a", "/a"},
      {"https://example.org", "/"},
      {"https://example.org/", "/"},
      {"https://example.org?x", "/"},
      {"https://example.org#x", "/"},
      {"https://example.org//a", "//a"},
      {"file:///home/a", "/home/a"},
      {"app+x-1.0://screen/home", "/home"},
      {"//example.org/a", "//example.org/a"},
      {"//example.org", "//example.org"},
      {"//shop?x#y", "//shop"},
      {"//", "//"},
      {"?x", "/"},
      {"#x", "/"},
      {"?x=/a", "/"},
  };
  for (const auto& [text, value] : cases) EXPECT_EQ(page_of(text), value) << text.value_or("absent");
}

TEST(Page, IsTheTextItselfIfItIsNoUrl) {
  const Case cases[] = {
      {"home", "home"},
      {"home?tab=1", "home"},
      {"*", "*"},
      {"example.org/a", "example.org/a"},
      {"mailto:me@example.org", "mailto:me@example.org"},
      {"about:blank", "about:blank"},
      {"1http://example.org/a", "1http://example.org/a"},
      {"://example.org/a", "://example.org/a"},
      {"http:/a", "http:/a"},
      {" /a", " /a"},
      {"(other)", "(other)"},
      {"/größe", "/größe"},
  };
  for (const auto& [text, value] : cases) EXPECT_EQ(page_of(text), value) << *text;
}

TEST(Page, IsAViewIntoTheUrl) {
  const std::string url = "https://example.org/a";
  EXPECT_EQ(page_of(url).data(), url.data() + url.find("/a"));
}

TEST(Page, IsCutBetweenCharactersIfItIsTooLong) {
  const std::string just_fits = "/" + std::string(limits::url_bytes_max - 1, 'a');
  EXPECT_EQ(page_of(just_fits), just_fits);
  EXPECT_EQ(page_of(just_fits + "b"), just_fits);
  const std::string before = "/" + std::string(limits::url_bytes_max - 2, 'a');
  EXPECT_EQ(page_of(before + "ß"), before);
  EXPECT_EQ(page_of(std::string(2 * limits::url_bytes_max, '\x80')).size(), limits::url_bytes_max - 3);
}

TEST(Referrer, IsTheHostInLowerCase) {
  const Case cases[] = {
      {std::nullopt, "(direct)"},
      {"", "(direct)"},
      {"https://example.org/a?b#c", "example.org"},
      {"https://Example.ORG/", "example.org"},
      {"https://example.org", "example.org"},
      {"https://example.org?x", "example.org"},
      {"https://example.org#x", "example.org"},
      {"https://example.org:8443/a", "example.org"},
      {"https://example.org:/a", "example.org"},
      {"https://user:pass@Example.org:80/a", "example.org"},
      {"https://user@name@example.org/", "example.org"},
      {"https://example.org/a@b", "example.org"},
      {"https://example.org/?q=http://other.org", "example.org"},
      {"http://127.0.0.1:8080/", "127.0.0.1"},
      {"http://[::1]:8080/", "[::1]"},
      {"http://[2001:DB8::1]/", "[2001:db8::1]"},
      {"http://user@[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]"},
      {"android-app://com.google.android.gm/", "com.google.android.gm"},
      {"https://bücher.example/", "bücher.example"},
      {"https://EXAMPLE.org./", "example.org."},
  };
  std::string lowered;
  for (const auto& [text, value] : cases)
    EXPECT_EQ(referrer_of(text, lowered), value) << text.value_or("absent");
}

TEST(Referrer, IsUnknownIfItHasNoValidHost) {
  const Case cases[] = {
      {"-", "(unknown)"},
      {"example.org", "(unknown)"},
      {"example.org/a", "(unknown)"},
      {"//example.org/a", "(unknown)"},
      {"/a", "(unknown)"},
      {"https:", "(unknown)"},
      {"https://", "(unknown)"},
      {"https:///a", "(unknown)"},
      {"https://?x", "(unknown)"},
      {"https://:80/", "(unknown)"},
      {"https://user@/", "(unknown)"},
      {"https://[::1/", "(unknown)"},
      {"https://[]/", "(unknown)"},
      {"https://[::g]/", "(unknown)"},
      {"https://exa mple.org/", "(unknown)"},
      {"https://<script>/", "(unknown)"},
      {"https://a\nb/", "(unknown)"},
      {"https://a\\b/", "(unknown)"},
      {"://example.org", "(unknown)"},
      {"1https://example.org", "(unknown)"},
      {"mailto:me@example.org", "(unknown)"},
      {"about:blank", "(unknown)"},
  };
  std::string lowered;
  for (const auto& [text, value] : cases) EXPECT_EQ(referrer_of(text, lowered), value) << *text;
}

TEST(Referrer, IsCopiedOnlyIfItHasCapitals) {
  std::string lowered;
  const std::string small = "https://example.org/A";
  EXPECT_EQ(referrer_of(small, lowered).data(), small.data() + 8);
  EXPECT_EQ(lowered, "");
  EXPECT_EQ(referrer_of("https://EXAMPLE.org", lowered).data(), lowered.data());
}

}  // namespace
}  // namespace weir::tally
