// OpenSSL's objects with owners. For the files of this room only.
#pragma once

// Before cms.h, which declares its functions for PEM only then.
#include <openssl/pem.h>

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace klp::sign {

template <auto Function>
struct Freed {
    template <typename T>
    void operator()(T* object) const {
        Function(object);
    }
};

using Bio = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using Cms = std::unique_ptr<CMS_ContentInfo, Freed<CMS_ContentInfo_free>>;

// To read from memory, which must outlive it. Throws report::Refusal "sign.too-large" for more than OpenSSL can count.
Bio reader_of(std::span<const std::byte> bytes);
// All that was written to a BIO of memory.
std::string text_of(BIO* memory);
std::string to_hex(std::span<const unsigned char> bytes);

// What OpenSSL last complained of, in its own words and for people who know them; forgets it. Empty if nothing.
std::string take_complaint();

} // namespace klp::sign
