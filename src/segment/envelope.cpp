// The members are found with JsonArraySplitter: it finds the end of a value in an object as well as in an
// array, because it only counts brackets.
#include "segment/envelope.hpp"

#include <algorithm>

#include "activity/json_array_splitter.hpp"
#include "base/json_text.hpp"

namespace weir::segment {
namespace {

constexpr std::string_view white_space = " \n\r\t";
// How much of the body an error quotes.
constexpr std::size_t shown_bytes_max = 24;

// Functions that return bool return false at the first fault, and then expected() describes it.
class EnvelopeReader {
 public:
  explicit EnvelopeReader(std::string_view body) : body_(body) {}

  // Reads the whole body: one object and nothing after it.
  bool read() {
    if (!expect('{', "an object")) return false;
    if (!take('}')) {
      do {
        if (!read_member()) return false;
      } while (take(','));
      if (!expect('}', "',' or '}'")) return false;
    }
    skip_white_space();
    return at_ == body_.size() || fail_with("nothing after the object");
  }

  [[nodiscard]] Error error() const {
    std::string text = "not JSON: expected ";
    text += expected_;
    text += " at byte " + std::to_string(at_) + ", found ";
    if (at_ >= body_.size())
      text += "the end";
    else
      append_json_string(text, body_.substr(at_, shown_bytes_max));
    return {ErrorKind::invalid, "not_json", std::move(text)};
  }

  Envelope envelope;

 private:
  bool read_member() {
    std::string_view name;
    std::string_view value;
    skip_white_space();
    if (!body_.substr(at_).starts_with('"')) return fail_with("the name of a member in quotes");
    if (!take_value(name) || !expect(':', "':'") || !take_value(value)) return false;
    // Names are compared with their quotes. An escaped spelling of a name is not recognised and is ignored.
    const bool is_text = value.size() >= 2 && value.front() == '"';
    const std::string_view text = is_text ? value.substr(1, value.size() - 2) : std::string_view();
    if (name == R"("batch")") {
      envelope.batch = value;
    } else if (name == R"("writeKey")") {
      envelope.write_key = text;
    } else if (name == R"("sentAt")") {
      if (const auto time = activity::parse_date_time(text)) envelope.sent_at = *time;
    }
    return true;
  }

  // The next value with its quotes or brackets.
  bool take_value(std::string_view& value) {
    skip_white_space();
    if (at_ == body_.size() || body_[at_] == ']' || body_[at_] == '}') return fail_with("a value");
    auto splitter = activity::JsonArraySplitter::after_bracket(at_);
    if (splitter.next(body_) != activity::JsonArraySplitter::Step::element) return fail_with("a whole value");
    value = body_.substr(splitter.begin(), splitter.end() - splitter.begin());
    at_ = splitter.end();
    return true;
  }

  // Passes the character if it is the next one. An absent character is no fault yet.
  bool take(char punctuation) {
    skip_white_space();
    if (at_ == body_.size() || body_[at_] != punctuation) return false;
    ++at_;
    return true;
  }

  bool expect(char punctuation, std::string_view expected) {
    return take(punctuation) || fail_with(expected);
  }

  bool fail_with(std::string_view expected) {
    expected_ = expected;
    return false;
  }

  void skip_white_space() { at_ = std::min(body_.find_first_not_of(white_space, at_), body_.size()); }

  std::string_view body_;
  std::size_t at_ = 0;  // everything before it has been read
  std::string_view expected_;
};

}  // namespace

Result<Envelope> read_envelope(std::string_view body) {
  EnvelopeReader reader(body);
  if (!reader.read()) return std::unexpected(reader.error());
  return reader.envelope;
}

}  // namespace weir::segment
