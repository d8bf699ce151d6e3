// The signature at the end of a module: a detached CMS message (RFC 5652) over all that stands before it, then struct
// module_signature (include/linux/module_signature.h), then a line of text.
#pragma once

#include "sign/certificate.h"
#include "sign/private_key.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace klp::sign {

using Bytes = std::span<const std::byte>;

// Hashes that a kernel may know (crypto/asymmetric_keys/pkcs7_parser.c), as CONFIG_MODULE_SIG_HASH has them.
const std::vector<std::string>& known_hashes();

// Whether the key is the certificate's, of a kind that kernels know, RSA or EC. Throws report::Refusal "sign.mismatch",
// "sign.key".
void check_pair(const PrivateKey& key, const Certificate& certificate, const std::string& where);

// A CMS message in DER as the kernel wants it: without certificates and signed attributes, the signer told by issuer
// and serial number. Throws "sign.failed" with OpenSSL's reason.
std::vector<std::byte> make_signature(Bytes module, const PrivateKey& key, const Certificate& certificate,
                                      const std::string& hash);

// A message in DER or PEM, in DER. Throws "sign.form" if it is none; `where` says whose it is.
std::vector<std::byte> read_signature(Bytes text, const std::string& where);

// The module with the message behind it.
std::vector<std::byte> attach(Bytes module, Bytes message);

struct SignedModule {
    Bytes content;
    Bytes message;
};
// The parts of a file; nothing if it has no signature, or one whose sizes do not fit it.
std::optional<SignedModule> split(Bytes file);

struct Signature {
    Certificate by;
    std::string hash; // "sha256"
};
// Whose signature it is, of those who are trusted. Throws report::Refusal, for each thing that a kernel refuses
// (kernel/module/signing.c, crypto/asymmetric_keys/pkcs7_verify.c): "sign.missing", "sign.form", "sign.unknown-key",
// "sign.broken" for a module or signature that was changed; `where` names the file.
Signature verify(Bytes file, const std::vector<Certificate>& trusted, const std::string& where);

} // namespace klp::sign
