// Any bytes as a signed module, and as a signature that somebody's command wrote: a refusal, whatever they say.
#include "report/finding.h"
#include "require.h"
#include "sign/module_signature.h"

#include <cstdint>
#include <span>

using namespace klp;

namespace {

template <typename Work>
bool is_refused(const Work& work) {
    try {
        work();
    } catch (const report::Refusal& refusal) {
        fuzz::require(!refusal.findings().empty());
        return true;
    }
    return false;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const sign::Bytes bytes = std::as_bytes(std::span(data, size));
    if (const std::optional<sign::SignedModule> parts = sign::split(bytes)) {
        const std::vector<std::byte> again = sign::attach(parts->content, parts->message);
        fuzz::require(again == std::vector<std::byte>(bytes.begin(), bytes.end()));
    }
    // Nobody is trusted.
    fuzz::require(is_refused([&] { sign::verify(bytes, {}, "fuzz.ko"); }));
    is_refused([&] { sign::read_signature(bytes, "fuzz"); });
    return 0;
}
