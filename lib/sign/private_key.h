// The key that signs: of a file, or of a token that does not give it away.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>
#include <string_view>

namespace klp::sign {

// Whether `name` is a PKCS#11 URI (RFC 7512) and no file.
bool is_token(std::string_view name);

class PrivateKey {
public:
    // `name` is that of a file in PEM, or a PKCS#11 URI; `secret` its passphrase or the token's PIN, nullptr for none.
    // Nobody is asked for one. Throws report::Refusal "file.unreadable", "sign.key" for a file without a key,
    // "sign.passphrase" for a secret that is missing or wrong, "sign.token" for a token that does not have the key.
    static PrivateKey open(const std::string& name, const char* secret);

    EVP_PKEY* get() const { return key_.get(); }

private:
    explicit PrivateKey(EVP_PKEY* owned);
    std::shared_ptr<EVP_PKEY> key_;
};

} // namespace klp::sign
