// Certificates for tests, made by the command `openssl` in a temporary folder.
#pragma once

#include <filesystem>
#include <string>

namespace weir::tls {

// An authority, and certificates that it issues. The folder is removed by the destructor. Making one pair of
// files takes about 20 ms. Throws if `openssl` fails.
class Certificates {
 public:
  Certificates();
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;
  ~Certificates();

  // Makes NAME.pem, valid for a day for localhost and 127.0.0.1, and its key NAME.key.
  void issue(const std::string& name) const;
  // Runs "openssl <arguments>" in the folder.
  void openssl(const std::string& arguments) const;

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  // A file in the folder: "ca.pem" is the authority's certificate.
  [[nodiscard]] std::filesystem::path file(const std::string& name) const { return folder_ / name; }

 private:
  std::filesystem::path folder_;
};

}  // namespace weir::tls
