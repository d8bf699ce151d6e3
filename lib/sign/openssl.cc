#include "sign/openssl.h"

#include "report/finding.h"

#include <fmt/format.h>
#include <openssl/err.h>

#include <limits>

namespace klp::sign {

Bio reader_of(std::span<const std::byte> bytes) {
    if (bytes.size() > std::numeric_limits<int>::max())
        throw report::Refusal("sign.too-large", "a file with keys or signatures", "it has more than two gibibytes");
    return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

std::string text_of(BIO* memory) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory, &data);
    return size > 0 ? std::string(data, static_cast<size_t>(size)) : std::string();
}

std::string to_hex(std::span<const unsigned char> bytes) {
    std::string text;
    for (const unsigned char byte : bytes)
        text += fmt::format("{:02x}", byte);
    return text;
}

std::string take_complaint() {
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    const char* reason = ERR_reason_error_string(code);
    return reason ? reason : "";
}

} // namespace klp::sign
