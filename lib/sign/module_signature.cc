#include "sign/module_signature.h"

#include "sign/openssl.h"

#include "report/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace klp::sign {

namespace {

// MODULE_SIG_STRING of include/linux/module_signature.h.
constexpr std::string_view closing = "~Module signature appended~\n";
// struct module_signature: algo, hash, id_type, signer_len, key_id_len, three of padding, and sig_len, big-endian. With
// PKEY_ID_PKCS7 all but the last are 0.
constexpr size_t trailer_size = 12;
constexpr size_t id_type_at = 2, size_at = 8;
constexpr std::byte pkey_id_pkcs7{2};

using Stack = std::unique_ptr<STACK_OF(X509), decltype([](STACK_OF(X509) * stack) { sk_X509_free(stack); })>;

Bytes bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

std::vector<std::byte> to_der(CMS_ContentInfo* cms) {
    const Bio out(BIO_new(BIO_s_mem()));
    i2d_CMS_bio(out.get(), cms);
    const std::string der = text_of(out.get());
    const Bytes bytes = bytes_of(der);
    return {bytes.begin(), bytes.end()};
}

// The only signer of a message that is of the kernel's form.
CMS_SignerInfo* signer_of(CMS_ContentInfo* cms, const std::string& where) {
    const STACK_OF(CMS_SignerInfo)* signers = CMS_get0_SignerInfos(cms);
    take_complaint();
    std::string fault;
    if (!signers || sk_CMS_SignerInfo_num(signers) != 1)
        fault = "it is not signed by exactly one key";
    else if (!CMS_is_detached(cms))
        fault = "it has the module in it, which the kernel refuses";
    else if (CMS_signed_get_attr_count(sk_CMS_SignerInfo_value(signers, 0)) > 0)
        fault = "it has signed attributes, which the kernel refuses";
    if (!fault.empty())
        throw report::Refusal(
            "sign.form", where, "the signature is not of the kernel's form: " + fault,
            "sign as scripts/sign-file does, or with openssl cms -sign -binary -noattr -nocerts -outform DER");
    return sk_CMS_SignerInfo_value(signers, 0);
}

std::string hash_of(CMS_SignerInfo* signer) {
    X509_ALGOR* algorithm = nullptr;
    CMS_SignerInfo_get0_algs(signer, nullptr, nullptr, &algorithm, nullptr);
    const ASN1_OBJECT* object = nullptr;
    X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
    std::string name = OBJ_nid2ln(OBJ_obj2nid(object));
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    return name;
}

// Who the message says has signed.
std::string named_signer(CMS_SignerInfo* signer) {
    ASN1_OCTET_STRING* key = nullptr;
    X509_NAME* issuer = nullptr;
    ASN1_INTEGER* serial = nullptr;
    CMS_SignerInfo_get0_signer_id(signer, &key, &issuer, &serial);
    const ASN1_STRING* number = key ? static_cast<ASN1_STRING*>(key) : serial;
    if (!number)
        return "nobody";
    const std::string hex = to_hex({ASN1_STRING_get0_data(number), static_cast<size_t>(ASN1_STRING_length(number))});
    if (!issuer)
        return "the key " + hex;
    const Bio name(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(name.get(), issuer, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    return fmt::format("the key with number {} of {}", hex, text_of(name.get()));
}

std::string trusted_names(const std::vector<Certificate>& trusted) {
    return trusted.size() == 1 ? "that of " + trusted.front().subject()
                               : fmt::format("one of the {} that are trusted", trusted.size());
}

Cms parse(Bytes der) {
    const Bio in = reader_of(der);
    Cms cms(d2i_CMS_bio(in.get(), nullptr));
    take_complaint();
    return cms;
}

// Source: crypto/ecdsa.c of Linux (P-521 since 6.10), by the names that OpenSSL has for them.
void check_curve(const PrivateKey& key, const std::string& where) {
    constexpr std::string_view known[] = {"prime192v1", "prime256v1", "secp384r1", "secp521r1"};
    char name[80] = "without a name";
    size_t length = 0;
    EVP_PKEY_get_group_name(key.get(), name, sizeof(name), &length);
    take_complaint();
    if (std::ranges::find(known, std::string_view(name)) == std::end(known))
        throw report::Refusal("sign.key", where,
                              fmt::format("no kernel checks signatures by a key of the curve {}", name),
                              "sign with a key of RSA, or of the curve NIST P-256 or P-384");
}

} // namespace

const std::vector<std::string>& known_hashes() {
    static const std::vector<std::string> hashes = {"sha1",   "sha224",   "sha256",   "sha384",
                                                    "sha512", "sha3-256", "sha3-384", "sha3-512"};
    return hashes;
}

void check_pair(const PrivateKey& key, const Certificate& certificate, const std::string& where) {
    const bool is_pair = X509_check_private_key(certificate.get(), key.get()) == 1;
    take_complaint();
    if (!is_pair)
        throw report::Refusal("sign.mismatch", where,
                              fmt::format("the certificate of {} belongs to another key", certificate.subject()),
                              "--sign-cert names the certificate that was made for --sign-key");
    if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA && EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_EC)
        throw report::Refusal("sign.key", where,
                              fmt::format("no kernel checks signatures by a key of kind {}", certificate.key()),
                              "sign with a key of RSA, or of an elliptic curve");
    if (EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_EC)
        check_curve(key, where);
}

std::vector<std::byte> make_signature(Bytes module, const PrivateKey& key, const Certificate& certificate,
                                      const std::string& hash) {
    const EVP_MD* digest = EVP_get_digestbyname(hash.c_str());
    constexpr unsigned form = CMS_NOCERTS | CMS_BINARY;
    const Cms cms(CMS_sign(nullptr, nullptr, nullptr, nullptr, form | CMS_PARTIAL | CMS_DETACHED | CMS_STREAM));
    const Bio content = reader_of(module);
    if (!digest || !cms ||
        !CMS_add1_signer(cms.get(), certificate.get(), key.get(), digest, form | CMS_NOSMIMECAP | CMS_NOATTR) ||
        !CMS_final(cms.get(), content.get(), nullptr, form))
        throw report::Refusal("sign.failed", certificate.subject(),
                              fmt::format("the key does not sign with {}: {}", hash, take_complaint()),
                              "--sign-hash names another hash");
    return to_der(cms.get());
}

std::vector<std::byte> read_signature(Bytes text, const std::string& where) {
    const Bio in = reader_of(text);
    Cms cms(PEM_read_bio_CMS(in.get(), nullptr, nullptr, nullptr));
    take_complaint();
    if (!cms)
        cms = parse(text);
    if (!cms)
        throw report::Refusal("sign.form", where,
                              text.empty() ? "there is no signature: nothing was written"
                                           : "this is no CMS (PKCS#7) message, in DER or PEM",
                              "a detached signature is wanted, as scripts/sign-file -d makes one");
    return to_der(cms.get());
}

std::vector<std::byte> attach(Bytes module, Bytes message) {
    std::array<std::byte, trailer_size> trailer{};
    trailer[id_type_at] = pkey_id_pkcs7;
    for (size_t at = 0; at < 4; ++at)
        trailer[size_at + at] = static_cast<std::byte>(message.size() >> (8 * (3 - at)));
    std::vector<std::byte> file(module.begin(), module.end());
    for (const Bytes part : {message, Bytes(trailer), bytes_of(closing)})
        file.insert(file.end(), part.begin(), part.end());
    return file;
}

std::optional<SignedModule> split(Bytes file) {
    if (file.size() < closing.size() + trailer_size ||
        !std::ranges::equal(file.last(closing.size()), bytes_of(closing)))
        return std::nullopt;
    file = file.first(file.size() - closing.size());
    const Bytes trailer = file.last(trailer_size);
    file = file.first(file.size() - trailer_size);
    size_t size = 0;
    for (size_t at = 0; at < 4; ++at)
        size = size << 8 | std::to_integer<size_t>(trailer[size_at + at]);
    // mod_check_sig() of kernel/module_signature.c wants all that has no meaning to be 0.
    const std::array<std::byte, size_at> wanted = {{{}, {}, pkey_id_pkcs7}};
    if (!std::ranges::equal(trailer.first(size_at), wanted) || size > file.size())
        return std::nullopt;
    return SignedModule{file.first(file.size() - size), file.last(size)};
}

Signature verify(Bytes file, const std::vector<Certificate>& trusted, const std::string& where) {
    const std::optional<SignedModule> parts = split(file);
    if (!parts)
        throw report::Refusal("sign.missing", where, "the module is not signed", "klp-build signs with --sign-key");
    const Cms cms = parse(parts->message);
    if (!cms)
        throw report::Refusal("sign.broken", where, "the signature cannot be read", "sign the module again");
    CMS_SignerInfo* signer = signer_of(cms.get(), where);
    const auto by = std::ranges::find_if(
        trusted, [&](const Certificate& it) { return CMS_SignerInfo_cert_cmp(signer, it.get()) == 0; });
    if (by == trusted.end())
        throw report::Refusal(
            "sign.unknown-key", where,
            fmt::format("it is signed by {}, which is not {}", named_signer(signer), trusted_names(trusted)),
            "sign it with a key that the kernel trusts, or add that key's certificate");
    const Stack candidates(sk_X509_new_null());
    sk_X509_push(candidates.get(), by->get());
    const Bio content = reader_of(parts->content);
    constexpr unsigned how = CMS_BINARY | CMS_DETACHED | CMS_NOINTERN | CMS_NO_SIGNER_CERT_VERIFY;
    const bool is_good = CMS_verify(cms.get(), candidates.get(), nullptr, content.get(), nullptr, how) == 1;
    take_complaint();
    if (!is_good)
        throw report::Refusal(
            "sign.broken", where,
            fmt::format("the signature of {} is not that of this module: one of them was changed", by->subject()),
            "sign the module again, as the last thing that is done to it");
    return {*by, hash_of(signer)};
}

} // namespace klp::sign
