#include "files/digest.h"

#include "files/mapping.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <stdexcept>

namespace klp::files {

namespace {

std::string digest(std::span<const std::byte> bytes, const EVP_MD* algorithm) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, algorithm, nullptr) != 1)
        throw std::runtime_error(fmt::format("libcrypto has no {}", EVP_MD_get0_name(algorithm)));
    std::string text;
    for (unsigned at = 0; at < size; ++at)
        text += fmt::format("{:02x}", digest[at]);
    return text;
}

} // namespace

std::string sha256(std::span<const std::byte> bytes) {
    return digest(bytes, EVP_sha256());
}

std::string sha256(std::string_view text) {
    return sha256(std::as_bytes(std::span(text)));
}

std::string sha1(std::string_view text) {
    return digest(std::as_bytes(std::span(text)), EVP_sha1());
}

std::string sha256_of(const std::filesystem::path& path) {
    const Mapping content = Mapping::of(path);
    return sha256({content.data(), content.size()});
}

std::string sha1_of(const std::filesystem::path& path) {
    const Mapping content = Mapping::of(path);
    return digest({content.data(), content.size()}, EVP_sha1());
}

} // namespace klp::files
