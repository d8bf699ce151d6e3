// Keys on PKCS#11 tokens. For this room only.
#pragma once

#include <openssl/types.h>

#include <string>

namespace klp::sign {

// The key that a PKCS#11 URI names, by OpenSSL's provider for such tokens or else its engine, whichever is installed;
// never nullptr, and the caller's. Throws as PrivateKey::open().
EVP_PKEY* open_on_token(const std::string& uri, const char* pin);

} // namespace klp::sign
