// The messages of SCRAM (RFC 5802 §5) and who computes what of them (§3):
//
//   client  n,,n=USER,r=NONCE
//   server  r=NONCE+MORE,s=SALT,i=ROUNDS
//   client  c=biws,r=NONCE+MORE,p=PROOF     ClientKey XOR HMAC(H(ClientKey), AuthMessage)
//   server  v=SIGNATURE                     HMAC(ServerKey, AuthMessage)
//
// AuthMessage is the first message without "n,,", the server's first message, and the last message without
// its proof, joined by commas. "biws" is base64 of "n,,".
#include "sasl/exchange.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <utility>

#include "base/ensure.hpp"
#include "base64/base64.hpp"

namespace weir::sasl {
namespace {

using Bytes = std::vector<unsigned char>;

constexpr std::array<std::string_view, 3> names{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"};

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string to_base64(const Bytes& bytes) {
  return encode_base64({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

// Returns nothing if the text is empty, or no base64 with padding.
std::optional<Bytes> from_base64(std::string_view text) {
  const auto bytes = text.empty() ? std::nullopt : decode_base64(text, Base64Padding::required);
  if (!bytes) return std::nullopt;
  return Bytes(bytes->begin(), bytes->end());
}

Bytes hmac(const EVP_MD* hash, const Bytes& key, std::string_view text) {
  Bytes result(static_cast<std::size_t>(EVP_MD_get_size(hash)));
  ensure(HMAC(hash, key.data(), static_cast<int>(key.size()), bytes_of(text), text.size(), result.data(),
              nullptr) != nullptr,
         "OpenSSL provides HMAC");
  return result;
}

Bytes digest(const EVP_MD* hash, const Bytes& of) {
  Bytes result(static_cast<std::size_t>(EVP_MD_get_size(hash)));
  ensure(EVP_Digest(of.data(), of.size(), result.data(), nullptr, hash, nullptr) == 1,
         "OpenSSL provides the hash");
  return result;
}

// Hi() of RFC 5802 is PBKDF2.
Bytes salted(const EVP_MD* hash, const std::string& password, const Bytes& salt, int rounds) {
  Bytes result(static_cast<std::size_t>(EVP_MD_get_size(hash)));
  ensure(PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), salt.data(),
                           static_cast<int>(salt.size()), rounds, hash, static_cast<int>(result.size()),
                           result.data()) == 1,
         "OpenSSL provides PBKDF2");
  return result;
}

// saslname: a comma and an equals sign have a meaning in the message.
std::string escaped(std::string_view user) {
  std::string text;
  for (const char c : user) {
    if (c == '=')
      text += "=3D";
    else if (c == ',')
      text += "=2C";
    else
      text += c;
  }
  return text;
}

// Takes "NAME=VALUE" from the front of a message, and the comma after it. Returns nothing if the next
// attribute has another name.
std::optional<std::string_view> take_attribute(std::string_view& message, char name) {
  if (message.size() < 2 || message[0] != name || message[1] != '=') return std::nullopt;
  const auto end = std::min(message.find(','), message.size());
  const auto value = message.substr(2, end - 2);
  message.remove_prefix(std::min(end + 1, message.size()));
  return value;
}

std::unexpected<Error> refuse(const std::string& reason) {
  return fail(ErrorKind::unavailable, code_not_authenticated, "the SASL login failed: " + reason);
}

}  // namespace

std::string_view name_of(Mechanism mechanism) { return names.at(std::to_underlying(mechanism)); }

std::optional<Mechanism> parse_mechanism(std::string_view name) {
  const auto* const found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Mechanism>(found - names.begin());
}

Exchange::Exchange(Credentials credentials, std::string nonce)
    : credentials_(std::move(credentials)), nonce_(std::move(nonce)) {}

std::string Exchange::first_message() {
  if (credentials_.mechanism == Mechanism::plain) {
    state_ = State::final;
    return std::string(1, '\0') + credentials_.user + std::string(1, '\0') + credentials_.password;
  }
  state_ = State::challenged;
  first_bare_ = "n=" + escaped(credentials_.user) + ",r=" + nonce_;
  return "n,," + first_bare_;
}

Result<std::optional<std::string>> Exchange::on_message(std::string_view message) {
  ensure(state_ != State::first, "the client begins a login");
  if (state_ == State::challenged) return on_challenge(message);
  if (credentials_.mechanism == Mechanism::plain) return std::nullopt;  // its answer has no content
  return on_signature(message);
}

Result<std::optional<std::string>> Exchange::on_challenge(std::string_view message) {
  std::string_view rest = message;
  const auto nonce = take_attribute(rest, 'r');
  const auto salt_text = take_attribute(rest, 's');
  const auto rounds_text = take_attribute(rest, 'i');
  const auto salt = salt_text ? from_base64(*salt_text) : std::nullopt;
  if (!nonce || !salt || !rounds_text) return refuse("the server sent no SCRAM challenge");
  // Otherwise it could be a repetition of an earlier login.
  if (!nonce->starts_with(nonce_) || nonce->size() == nonce_.size())
    return refuse("the server's nonce does not begin with that of the client");
  int rounds = 0;
  const auto* const end = rounds_text->data() + rounds_text->size();
  if (const auto read = std::from_chars(rounds_text->data(), end, rounds);
      read.ec != std::errc{} || read.ptr != end || rounds < scram_rounds_min || rounds > scram_rounds_max)
    return refuse("expected " + std::to_string(scram_rounds_min) + " to " + std::to_string(scram_rounds_max) +
                  " SCRAM iterations; the server asked for \"" + std::string(rounds_text->substr(0, 12)) +
                  "\"");

  const EVP_MD* const hash = credentials_.mechanism == Mechanism::scram_sha_256 ? EVP_sha256() : EVP_sha512();
  const Bytes password = salted(hash, credentials_.password, *salt, rounds);
  const std::string last = "c=biws,r=" + std::string(*nonce);
  const std::string signed_text = first_bare_ + "," + std::string(message) + "," + last;
  Bytes proof = hmac(hash, password, "Client Key");
  const Bytes signature = hmac(hash, digest(hash, proof), signed_text);
  for (std::size_t i = 0; i < proof.size(); ++i) proof[i] ^= signature[i];
  server_signature_ = hmac(hash, hmac(hash, password, "Server Key"), signed_text);
  state_ = State::final;
  return last + ",p=" + to_base64(proof);
}

Result<std::optional<std::string>> Exchange::on_signature(std::string_view message) const {
  if (const auto error = take_attribute(message, 'e'))
    return refuse("the server reports " + std::string(error->substr(0, 64)));
  const auto text = take_attribute(message, 'v');
  const auto signature = text ? from_base64(*text) : std::nullopt;
  if (!signature || signature->size() != server_signature_.size() ||
      CRYPTO_memcmp(signature->data(), server_signature_.data(), server_signature_.size()) != 0)
    return refuse("the server does not know the password");
  return std::nullopt;
}

std::string random_nonce() {
  Bytes bytes(18);
  ensure(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1, "OpenSSL provides random bytes");
  return to_base64(bytes);
}

}  // namespace weir::sasl
