#include "sign/certificate.h"

#include "sign/openssl.h"

#include "files/files.h"
#include "report/finding.h"

#include <fmt/format.h>
#include <openssl/pem.h>

namespace klp::sign {

namespace {

std::string name_of(const X509_NAME* name) {
    const Bio text(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(text.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    return text_of(text.get());
}

std::span<const unsigned char> bytes_of(const ASN1_STRING* string) {
    return {ASN1_STRING_get0_data(string), static_cast<size_t>(ASN1_STRING_length(string))};
}

} // namespace

Certificate::Certificate(X509* owned) : x509_(owned, X509_free) {}

std::vector<Certificate> Certificate::read_all(const std::filesystem::path& path) {
    const std::vector<std::byte> bytes = files::read_bytes(path);
    std::vector<Certificate> found;
    const Bio pem = reader_of(bytes);
    while (X509* x509 = PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr))
        found.push_back(Certificate(x509));
    if (found.empty()) {
        const Bio der = reader_of(bytes);
        if (X509* x509 = d2i_X509_bio(der.get(), nullptr))
            found.push_back(Certificate(x509));
    }
    take_complaint();
    if (found.empty())
        throw report::Refusal("sign.certificate", path.string(),
                              bytes.empty() ? "the file is empty" : "there is no certificate in it, in PEM or DER",
                              "give the X.509 certificate of the signing key; openssl x509 -in FILE -text shows one");
    return found;
}

std::string Certificate::subject() const {
    return name_of(X509_get_subject_name(get()));
}

std::string Certificate::key_id() const {
    const ASN1_OCTET_STRING* id = X509_get0_subject_key_id(get());
    return id ? to_hex(bytes_of(id)) : "";
}

std::string Certificate::serial() const {
    return to_hex(bytes_of(X509_get0_serialNumber(get())));
}

std::string Certificate::key() const {
    const EVP_PKEY* key = X509_get0_pubkey(get());
    const char* kind = key ? EVP_PKEY_get0_type_name(key) : nullptr;
    return kind ? fmt::format("{} {}", kind, EVP_PKEY_get_bits(key)) : "of an unknown kind";
}

bool Certificate::is_valid_now() const {
    return X509_cmp_current_time(X509_get0_notBefore(get())) < 0 &&
           X509_cmp_current_time(X509_get0_notAfter(get())) > 0;
}

} // namespace klp::sign
