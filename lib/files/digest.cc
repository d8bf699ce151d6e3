#include "files/digest.h"

#include "files/mapping.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <stdexcept>

namespace klp::files {

std::string sha256(std::span<const std::byte> bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
        throw std::runtime_error("libcrypto has no SHA-256");
    std::string text;
    for (unsigned at = 0; at < size; ++at)
        text += fmt::format("{:02x}", digest[at]);
    return text;
}

std::string sha256(std::string_view text) {
    return sha256(std::as_bytes(std::span(text)));
}

std::string sha256_of(const std::filesystem::path& path) {
    const Mapping content = Mapping::of(path);
    return sha256({content.data(), content.size()});
}

} // namespace klp::files
