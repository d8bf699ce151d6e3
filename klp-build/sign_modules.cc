#include "sign_modules.h"

#include "host/process.h"
#include "report/finding.h"
#include "sign/module_signature.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

namespace klp::build {

namespace {

// As the kernel's own build has it.
const char* secret() {
    return std::getenv("KBUILD_SIGN_PIN");
}

sign::Certificate certificate_of(const Options& options) {
    return sign::Certificate::read_all(options.sign_certificate).front();
}

const std::string& hash_for(const Options& options, const kernel::Target& target) {
    return options.sign_hash.empty() ? target.config.value("MODULE_SIG_HASH") : options.sign_hash;
}

// The option of the kernel's configuration that brings a hash.
std::string option_of_hash(const std::string& hash) {
    if (hash == "sha1")
        return "CRYPTO_SHA1";
    if (hash.starts_with("sha3-"))
        return "CRYPTO_SHA3";
    return hash == "sha224" || hash == "sha256" ? "CRYPTO_SHA256" : "CRYPTO_SHA512";
}

void check_hash(const std::string& hash, const kernel::Target& target) {
    const std::string option = option_of_hash(hash);
    const bool is_known = std::ranges::find(sign::known_hashes(), hash) != sign::known_hashes().end();
    if (is_known && target.config.is_set(option))
        return;
    throw report::Refusal(
        "sign.hash", target.name,
        fmt::format("the kernel has no {}{} to check signatures with", hash,
                    is_known ? " (CONFIG_" + option + ")" : ""),
        fmt::format("--sign-hash {} is what its own modules have", target.config.value("MODULE_SIG_HASH")));
}

void check_key(const sign::Certificate& certificate, const kernel::Target& target) {
    if (certificate.key().starts_with("EC ") && !target.config.is_set("CRYPTO_ECDSA"))
        throw report::Refusal("sign.key", target.name,
                              "the kernel does not check signatures by elliptic curves (CONFIG_CRYPTO_ECDSA)",
                              "sign with a key of RSA");
}

std::vector<std::byte> ask_command(const std::string& words, const std::filesystem::path& file) {
    // All of our environment: a signing service may go by any variable, and nothing of a module's code comes from here.
    const host::Outcome outcome = host::run(
        {.argv = {"sh", "-c", words + " \"$@\"", "sh", file.string()}, .environment = host::own_environment()});
    if (outcome.status != 0)
        throw report::Refusal(
            "sign.command", words,
            fmt::format("it ended with status {}:\n{}", outcome.status,
                        host::last_lines(outcome.errors.empty() ? outcome.output : outcome.errors, 20)),
            "it is called with the module's path as its last argument, and writes the detached signature to its "
            "standard output");
    return sign::read_signature(std::as_bytes(std::span(outcome.output)), words);
}

} // namespace

bool is_signed(const Options& options) {
    return !options.sign_certificate.empty();
}

void check_signing(const Options& options) {
    if (!is_signed(options))
        return;
    const sign::Certificate certificate = certificate_of(options);
    if (options.sign_command.empty())
        sign::check_pair(sign::PrivateKey::open(options.sign_key, secret()), certificate,
                         options.sign_certificate.string());
}

void check_signing_for(const Options& options, const kernel::Target& target) {
    if (!is_signed(options))
        return;
    if (!target.config.is_set("MODULE_SIG"))
        throw report::Refusal("sign.no-signatures", target.name, "the kernel was built without CONFIG_MODULE_SIG",
                              "leave the signature out: this kernel checks none");
    check_key(certificate_of(options), target);
    if (options.sign_command.empty())
        check_hash(hash_for(options, target), target);
}

SignedBytes sign_module(const Options& options, const kernel::Target& target, std::span<const std::byte> module,
                        const std::filesystem::path& file) {
    const sign::Certificate certificate = certificate_of(options);
    const std::vector<std::byte> message =
        options.sign_command.empty() ? sign::make_signature(module, sign::PrivateKey::open(options.sign_key, secret()),
                                                            certificate, hash_for(options, target))
                                     : ask_command(options.sign_command, file);
    SignedBytes made{sign::attach(module, message), {}};
    // Whoever has signed, and what: nobody gets a module of which this is not known to be right.
    const sign::Signature found = sign::verify(
        made.file, {certificate}, options.sign_command.empty() ? file.filename().string() : options.sign_command);
    check_hash(found.hash, target);
    made.signature = {certificate.subject(), certificate.key_id(), certificate.serial(),
                      certificate.key(),     found.hash,           certificate.is_valid_now()};
    return made;
}

} // namespace klp::build
