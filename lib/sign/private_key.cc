#include "sign/private_key.h"

#include "sign/openssl.h"
#include "sign/token.h"

#include "files/files.h"
#include "report/finding.h"

#include <openssl/pem.h>

#include <algorithm>
#include <cstring>

namespace klp::sign {

namespace {

constexpr const char* hint_secret =
    "KBUILD_SIGN_PIN in the environment is the passphrase, as for the kernel's own modules";

struct Secret {
    const char* text;
    bool was_asked_for = false;
};

int give_secret(char* buffer, int size, int, void* given) {
    auto& secret = *static_cast<Secret*>(given);
    secret.was_asked_for = true;
    const int length = secret.text ? static_cast<int>(std::strlen(secret.text)) : 0;
    if (length == 0 || length > size)
        return -1;
    std::copy_n(secret.text, length, buffer);
    return length;
}

bool contains(const std::vector<std::byte>& bytes, std::string_view text) {
    const auto same = [](std::byte byte, char c) { return std::to_integer<char>(byte) == c; };
    return !std::ranges::search(bytes, text, same).empty();
}

[[noreturn]] void refuse_file(const std::string& name, const std::vector<std::byte>& bytes, const Secret& secret) {
    if (secret.was_asked_for)
        throw report::Refusal("sign.passphrase", name,
                              secret.text ? "KBUILD_SIGN_PIN is not its passphrase"
                                          : "the key is encrypted, and there is no passphrase",
                              hint_secret);
    if (bytes.empty())
        throw report::Refusal("sign.key", name, "the file is empty", "give the file that openssl made");
    const bool is_certificate = contains(bytes, "BEGIN CERTIFICATE");
    throw report::Refusal(
        "sign.key", name,
        is_certificate ? "there is a certificate in it, and no private key" : "there is no private key in it, in PEM",
        is_certificate ? "--sign-key names the key, --sign-cert the certificate"
                       : "give a file with BEGIN PRIVATE KEY in it; openssl pkey -in FILE -inform DER makes one "
                         "of DER");
}

EVP_PKEY* read_file(const std::string& name, const char* text) {
    const std::vector<std::byte> bytes = files::read_bytes(name);
    const Bio bio = reader_of(bytes);
    Secret secret{text};
    EVP_PKEY* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, give_secret, &secret);
    take_complaint();
    if (!key)
        refuse_file(name, bytes, secret);
    return key;
}

} // namespace

bool is_token(std::string_view name) {
    return name.starts_with("pkcs11:");
}

PrivateKey::PrivateKey(EVP_PKEY* owned) : key_(owned, EVP_PKEY_free) {}

PrivateKey PrivateKey::open(const std::string& name, const char* secret) {
    return PrivateKey(is_token(name) ? open_on_token(name, secret) : read_file(name, secret));
}

} // namespace klp::sign
