// Signing: with a key of a file or token, or by somebody else's command.
#pragma once

#include "options.h"

#include "kernel/target.h"
#include "report/facts.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace klp::build {

bool is_signed(const Options& options);

// Are key and certificate there, and do they belong together? Throws what sign::PrivateKey::open(),
// Certificate::read_all() and check_pair() do. Nothing is looked at unless modules are to be signed.
void check_signing(const Options& options);

// Can this kernel check such a signature? Throws report::Refusal "sign.no-signatures", "sign.hash", "sign.key".
void check_signing_for(const Options& options, const kernel::Target& target);

struct SignedBytes {
    std::vector<std::byte> file;
    report::Signature signature;
};
// The module with a signature, which was checked by the certificate. A command gets the path of `file`, which holds the
// module. Throws "sign.command" besides what the functions of lib/sign do.
SignedBytes sign_module(const Options& options, const kernel::Target& target, std::span<const std::byte> module,
                        const std::filesystem::path& file);

} // namespace klp::build
