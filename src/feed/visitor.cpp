#include "feed/visitor.hpp"

#include <bit>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <sys/random.h>
#include <unistd.h>

#include "feed/running_hash.hpp"

namespace weir::feed {
namespace {

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }

  void absorb(std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }

  std::uint64_t squeeze() {
    for (int turn = 0; turn < 4; ++turn) round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

std::unexpected<Error> salt_unreadable(const std::filesystem::path& file, const std::string& why) {
  return fail(Move::caller, "salt_unreadable", "the salt file " + file.string() + ": " + why);
}

std::string errno_in_words() { return std::strerror(errno); }

}  // namespace

Hash128 siphash(const SipKey& key, std::string_view bytes) {
  static_assert(std::endian::native == std::endian::little, "the words are read as they lie in memory");
  SipState state{key.first ^ 0x736f6d6570736575U, key.second ^ 0x646f72616e646f6dU,
                 key.first ^ 0x6c7967656e657261U, key.second ^ 0x7465646279746573U};
  state.v1 ^= 0xee;
  std::uint64_t last = std::uint64_t{bytes.size()} << 56U;
  std::uint64_t word = 0;
  for (; bytes.size() >= sizeof word; bytes.remove_prefix(sizeof word)) {
    std::memcpy(&word, bytes.data(), sizeof word);
    state.absorb(word);
  }
  word = 0;
  if (!bytes.empty()) std::memcpy(&word, bytes.data(), bytes.size());
  last |= word;
  state.absorb(last);
  state.v2 ^= 0xee;
  Hash128 hash;
  hash.low = state.squeeze();
  state.v1 ^= 0xdd;
  hash.high = state.squeeze();
  return hash;
}

// A salt is a secret of any length with enough chance in it; the key needs no more of it than that.
Visitors::Visitors(std::string_view salt) {
  const Hash128 hash = murmur3(salt);
  key_ = {hash.low, hash.high};
}

std::string Visitors::id_of(std::string_view client, std::string_view user_agent,
                            std::string& scratch) const {
  scratch.assign(client).push_back('\0');
  scratch.append(user_agent);
  return to_hex(siphash(key_, scratch));
}

std::string Visitors::fingerprint() const {
  std::string scratch;
  return id_of("", "", scratch);
}

Result<std::string> read_salt(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return salt_unreadable(file, errno_in_words());
  std::ostringstream bytes;
  bytes << in.rdbuf();
  if (in.bad()) return salt_unreadable(file, errno_in_words());
  const std::string salt = bytes.str();
  if (salt.size() < Visitors::salt_bytes_min)
    return salt_unreadable(file, std::to_string(salt.size()) + " bytes: expected at least " +
                                     std::to_string(Visitors::salt_bytes_min));
  return salt;
}

Result<std::string> read_or_make_salt(const std::filesystem::path& file) {
  if (::access(file.c_str(), F_OK) == 0) return read_salt(file);
  std::array<char, 32> salt{};
  if (::getrandom(salt.data(), salt.size(), 0) != static_cast<ssize_t>(salt.size()))
    return fail(Move::ourselves, "no_random_bytes", "the system gives no random bytes: " + errno_in_words());
  // Written whole beside its place and then linked there: nobody ever sees half a salt, and the first one
  // stays.
  const std::string draft = file.string() + "." + std::to_string(::getpid());
  const int descriptor = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (descriptor < 0) return salt_unreadable(file, errno_in_words());
  const bool written = ::write(descriptor, salt.data(), salt.size()) == static_cast<ssize_t>(salt.size()) &&
                       ::fsync(descriptor) == 0;
  const std::string why = errno_in_words();
  ::close(descriptor);
  const bool linked = written && (::link(draft.c_str(), file.c_str()) == 0 || errno == EEXIST);
  const std::string why_not_linked = errno_in_words();
  ::unlink(draft.c_str());
  if (!linked) return salt_unreadable(file, written ? why_not_linked : why);
  return read_salt(file);
}

}  // namespace weir::feed
