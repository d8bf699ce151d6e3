// Signatures of modules, with keys made on the spot.
#include "sign/module_signature.h"

#include "report/finding.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <openssl/cms.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <unistd.h>

using namespace klp::sign;

namespace {

namespace fs = std::filesystem;

// A key and its certificate as files of a folder that goes with it.
class Pair {
public:
    explicit Pair(const std::string& name, EVP_PKEY* key = EVP_EC_gen("P-256"), const char* passphrase = nullptr)
        : folder_(fs::temp_directory_path() / fmt::format("klp-sign-test-{}-{}", getpid(), name)) {
        fs::create_directories(folder_);
        X509* x509 = X509_new();
        X509_set_version(x509, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(x509), 77);
        X509_gmtime_adj(X509_getm_notBefore(x509), -1000);
        X509_gmtime_adj(X509_getm_notAfter(x509), 1000);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
        X509_set_issuer_name(x509, X509_get_subject_name(x509));
        X509_set_pubkey(x509, key);
        X509_sign(x509, key, EVP_PKEY_is_a(key, "ED25519") ? nullptr : EVP_sha256());
        std::FILE* file = std::fopen(certificate_file().c_str(), "w");
        PEM_write_X509(file, x509);
        std::fclose(file);
        file = std::fopen(key_file().c_str(), "w");
        PEM_write_PKCS8PrivateKey(file, key, passphrase ? EVP_aes_256_cbc() : nullptr, passphrase, passphrase ? 6 : 0,
                                  nullptr, nullptr);
        std::fclose(file);
        X509_free(x509);
        EVP_PKEY_free(key);
    }
    Pair(const Pair&) = delete;
    Pair& operator=(const Pair&) = delete;
    ~Pair() { fs::remove_all(folder_); }

    std::string key_file() const { return folder_ / "key"; }
    std::string certificate_file() const { return folder_ / "certificate"; }
    PrivateKey key() const { return PrivateKey::open(key_file(), nullptr); }
    Certificate certificate() const { return Certificate::read_all(certificate_file()).front(); }

private:
    fs::path folder_;
};

std::vector<std::byte> module_bytes() {
    std::vector<std::byte> bytes(1000);
    for (size_t at = 0; at < bytes.size(); ++at)
        bytes[at] = static_cast<std::byte>(at * 7);
    return bytes;
}

std::vector<std::byte> signed_by(const Pair& pair, const std::string& hash = "sha256") {
    return attach(module_bytes(), make_signature(module_bytes(), pair.key(), pair.certificate(), hash));
}

// The code of what is refused; empty if nothing is.
std::string code_of(const std::function<void()>& work) {
    try {
        work();
    } catch (const klp::report::Refusal& refusal) {
        return refusal.findings().front().code;
    }
    return "";
}

std::string code_of(Bytes file, const std::vector<Certificate>& trusted) {
    return code_of([&] { verify(file, trusted, "x.ko"); });
}

// As a careless service signs: CMS_sign() with these flags.
std::vector<std::byte> message_with(const Pair& pair, unsigned flags) {
    const std::vector<std::byte> module = module_bytes();
    BIO* content = BIO_new_mem_buf(module.data(), static_cast<int>(module.size()));
    CMS_ContentInfo* cms =
        CMS_sign(pair.certificate().get(), pair.key().get(), nullptr, content, CMS_BINARY | CMS_NOCERTS | flags);
    unsigned char* der = nullptr;
    const int size = i2d_CMS_ContentInfo(cms, &der);
    const auto* first = reinterpret_cast<const std::byte*>(der);
    std::vector<std::byte> message(first, first + size);
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    BIO_free(content);
    return message;
}

} // namespace

TEST_CASE("signature: whose it is, and by which hash") {
    const Pair ours("ours"), other("other"), rsa("rsa", EVP_RSA_gen(2048));
    for (const char* hash : {"sha256", "sha512"}) {
        const Signature found = verify(signed_by(ours, hash), {other.certificate(), ours.certificate()}, "x.ko");
        CHECK(found.by.subject() == "CN=ours");
        CHECK(found.by.serial() == "4d");
        CHECK(found.by.key() == "EC 256");
        CHECK(found.hash == hash);
    }
    CHECK(verify(signed_by(rsa, "sha3-384"), {rsa.certificate()}, "x.ko").hash == "sha3-384");
    CHECK(code_of(signed_by(ours), {rsa.certificate()}) == "sign.unknown-key");
}

TEST_CASE("signature: any byte of the module, of what was signed or of what tells their sizes is noticed") {
    const Pair ours("ours");
    const std::vector<std::byte> good = signed_by(ours);
    REQUIRE(code_of(good, {ours.certificate()}).empty());
    // The message ends with the signature proper; what stands before that in it says how to check it, and may be said
    // in several ways. An ECDSA signature on P-256 has 68 bytes at the very least but for one in millions.
    const size_t end_of_module = module_bytes().size(), proper = good.size() - 40 - 60;
    for (size_t at = 0; at < good.size(); at = at + 1 == end_of_module ? proper : at + 1) {
        std::vector<std::byte> bad = good;
        bad[at] ^= std::byte{1};
        if (code_of(bad, {ours.certificate()}).empty())
            FAIL_CHECK("byte " << at << " of " << good.size() << " may be anything");
    }
}

TEST_CASE("signature: what is behind the module is taken apart, whatever its sizes say") {
    const std::vector<std::byte> module = module_bytes(), message(300, std::byte{5});
    const std::vector<std::byte> file = attach(module, message);
    // 12 bytes of struct module_signature, 28 of text.
    CHECK(file.size() == module.size() + message.size() + 40);
    const std::optional<SignedModule> parts = split(file);
    REQUIRE(parts);
    CHECK(std::ranges::equal(parts->content, module));
    CHECK(std::ranges::equal(parts->message, message));
    CHECK_FALSE(split(module));
    CHECK_FALSE(split({}));
    for (size_t size = 0; size < 40; ++size)
        CHECK_FALSE(split(Bytes(file).last(size)));
    CHECK_FALSE(split(Bytes(file).last(339))); // the message would begin before the file
    CHECK(split(Bytes(file).last(340))->content.empty());
    CHECK(code_of(module, {}) == "sign.missing");
    CHECK(code_of(file, {}) == "sign.broken");
}

TEST_CASE("signature: what the kernel refuses is refused: signed attributes, the module inside of it") {
    const Pair ours("ours");
    auto code = [&](unsigned flags) {
        return code_of(attach(module_bytes(), message_with(ours, flags)), {ours.certificate()});
    };
    CHECK(code(CMS_DETACHED | CMS_NOATTR) == "");
    CHECK(code(CMS_DETACHED) == "sign.form");
    CHECK(code(CMS_NOATTR) == "sign.form");
}

TEST_CASE("signature: from somebody else, in DER or PEM") {
    const Pair ours("ours");
    const std::vector<std::byte> message = message_with(ours, CMS_DETACHED | CMS_NOATTR);
    CHECK(read_signature(message, "command") == message);
    const std::string text = "-----BEGIN PKCS7-----\n";
    CHECK(code_of([&] { read_signature(std::as_bytes(std::span(text)), "command"); }) == "sign.form");
    CHECK(code_of([&] { read_signature({}, "command"); }) == "sign.form");
}

TEST_CASE("key: what is wrong with it is said") {
    const Pair ours("ours"), other("other"), closed("closed", EVP_EC_gen("P-256"), "secret");
    auto open = [](const std::string& name, const char* secret) {
        return code_of([&] { PrivateKey::open(name, secret); });
    };
    CHECK(open(ours.key_file(), nullptr) == "");
    CHECK(open(closed.key_file(), "secret") == "");
    CHECK(open(closed.key_file(), nullptr) == "sign.passphrase");
    CHECK(open(closed.key_file(), "") == "sign.passphrase");
    CHECK(open(closed.key_file(), "secreT") == "sign.passphrase");
    CHECK(open(ours.certificate_file(), nullptr) == "sign.key");
    CHECK(open(ours.key_file() + "-absent", nullptr) == "file.unreadable");
    CHECK(open(fs::path(ours.key_file()).parent_path(), nullptr) == "file.unreadable");
    CHECK(code_of([&] { Certificate::read_all(ours.key_file()); }) == "sign.certificate");
    CHECK(code_of([&] { check_pair(ours.key(), ours.certificate(), "c"); }) == "");
    CHECK(code_of([&] { check_pair(ours.key(), other.certificate(), "c"); }) == "sign.mismatch");
    const Pair edwards("edwards", EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    CHECK(code_of([&] { check_pair(edwards.key(), edwards.certificate(), "c"); }) == "sign.key");
}
