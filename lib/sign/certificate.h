// X.509 certificates, by which a kernel knows whom to trust.
#pragma once

#include <openssl/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace klp::sign {

class Certificate {
public:
    // All certificates of a file: PEM, one after the other, or one in DER. Never empty. Throws report::Refusal
    // "file.unreadable", "sign.certificate".
    static std::vector<Certificate> read_all(const std::filesystem::path& path);

    std::string subject() const; // "CN=Example, O=Us" (RFC 2253)
    std::string key_id() const;  // the subject key identifier in hexadecimal; empty if it has none
    std::string serial() const;  // in hexadecimal
    std::string key() const;     // "RSA 4096", "EC 256"
    // Whether its time has come, and is not over. A kernel does not ask (crypto/asymmetric_keys/pkcs7_verify.c looks at
    // times of signing only, which a module's signature has not).
    bool is_valid_now() const;

    X509* get() const { return x509_.get(); }

private:
    explicit Certificate(X509* owned);
    std::shared_ptr<X509> x509_;
};

} // namespace klp::sign
