// OpenSSL 3 looks up an algorithm by its name in each one-shot call, which takes longer than the hash of a
// short text. So the algorithm is fetched once, and each thread keeps one context.
#include "access/digest.hpp"

#include <memory>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/ensure.hpp"

namespace weir::access {
namespace {

const EVP_MD* sha_256() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm;
}

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

}  // namespace

Digest digest_of(std::string_view secret) {
  // OpenSSL allows a context on one thread at a time. The thread frees its context when it ends.
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  Digest digest{};
  unsigned bytes = 0;
  // Init resets the context, so no state of the previous digest remains.
  const bool done = EVP_DigestInit_ex2(context.get(), sha_256(), nullptr) == 1 &&
                    EVP_DigestUpdate(context.get(), secret.data(), secret.size()) == 1 &&
                    EVP_DigestFinal_ex(context.get(), digest.data(), &bytes) == 1;
  ensure(done && bytes == digest.size(), "OpenSSL computes SHA-256");
  return digest;
}

bool is_equal(const Digest& one, const Digest& other) {
  return CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

}  // namespace weir::access
