#include "tls/testing/certificates.hpp"

#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace weir::tls {

Certificates::Certificates() {
  std::string pattern = std::filesystem::temp_directory_path() / "weir-tls-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot create " + pattern);
  folder_ = pattern;
  std::ofstream(file("names")) << "subjectAltName=DNS:localhost,IP:127.0.0.1\n";
  openssl("ecparam -name prime256v1 -genkey -noout -out ca.key");
  openssl("req -x509 -key ca.key -out ca.pem -days 2 -subj '/CN=Test authority'");
}

Certificates::~Certificates() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void Certificates::issue(const std::string& name) const {
  openssl("ecparam -name prime256v1 -genkey -noout -out " + name + ".key");
  openssl("req -new -key " + name + ".key -subj /CN=" + name + " -out " + name + ".csr");
  openssl("x509 -req -in " + name +
          ".csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 -extfile names -out " + name + ".pem");
}

void Certificates::openssl(const std::string& arguments) const {
  const std::string command = "cd " + folder_.string() + " && openssl " + arguments + " >/dev/null 2>&1";
  if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);  // NOLINT: a test
}

}  // namespace weir::tls
