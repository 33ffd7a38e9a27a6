#include "importer/visitor_hasher.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <sys/random.h>
#include <unistd.h>

#include "importer/running_hash.hpp"

namespace weir::importer {
namespace {

std::unexpected<Error> salt_unreadable(const std::filesystem::path& file, const std::string& why) {
  return fail(ErrorKind::invalid, "salt_unreadable", "the salt file " + file.string() + ": " + why);
}

std::string errno_text() { return std::strerror(errno); }

}  // namespace

// The secrecy lies in the salt and in SipHash. MurmurHash3 only shortens a salt of any length to the key's
// size.
VisitorHasher::VisitorHasher(std::string_view salt) {
  const Hash128 hash = murmur3(salt);
  key_ = {hash.low, hash.high};
}

std::string VisitorHasher::user_id(std::string_view client, std::string_view user_agent,
                                   std::string& scratch) const {
  // An address has no NUL, so different pairs give different texts.
  scratch.assign(client).push_back('\0');
  scratch.append(user_agent);
  return to_hex(siphash_2_4_128(key_, scratch));
}

// The pseudonym of a visitor that no log has.
std::string VisitorHasher::fingerprint() const {
  std::string scratch;
  return user_id("", "", scratch);
}

// The file is read completely: a salt may have any length.
Result<std::string> read_salt(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return salt_unreadable(file, errno_text());
  std::ostringstream bytes;
  bytes << in.rdbuf();
  if (in.bad()) return salt_unreadable(file, errno_text());
  const std::string salt = bytes.str();
  if (salt.size() < VisitorHasher::salt_bytes_min)
    return salt_unreadable(file, std::to_string(salt.size()) + " bytes: expected at least " +
                                     std::to_string(VisitorHasher::salt_bytes_min));
  return salt;
}

Result<std::string> read_or_create_salt(const std::filesystem::path& file) {
  // The usual case. A file that appears afterwards is found by link(2).
  if (::access(file.c_str(), F_OK) == 0) return read_salt(file);
  std::array<char, 32> salt{};
  if (::getrandom(salt.data(), salt.size(), 0) != static_cast<ssize_t>(salt.size()))
    return fail(ErrorKind::internal, "no_random_bytes",
                "getrandom(2) returned no random bytes: " + errno_text());
  // A complete file is linked to its name, so no process reads a part of a salt. If another process was
  // first, link(2) fails with EEXIST and its salt is used.
  const std::string draft = file.string() + "." + std::to_string(::getpid());
  const int descriptor = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (descriptor < 0) return salt_unreadable(file, errno_text());
  const bool written = ::write(descriptor, salt.data(), salt.size()) == static_cast<ssize_t>(salt.size()) &&
                       ::fsync(descriptor) == 0;
  const std::string why = errno_text();
  ::close(descriptor);
  const bool linked = written && (::link(draft.c_str(), file.c_str()) == 0 || errno == EEXIST);
  const std::string why_not_linked = errno_text();
  ::unlink(draft.c_str());
  if (!linked) return salt_unreadable(file, written ? why_not_linked : why);
  return read_salt(file);
}

}  // namespace weir::importer
