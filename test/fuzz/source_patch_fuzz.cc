// Any bytes as a patch and as the file that it meets: a refusal or a result that holds together.
#include "require.h"
#include "source/changes.h"
#include "source/line_keeping.h"
#include "source/patch.h"

#include <algorithm>
#include <cstdint>

using namespace klp::source;

namespace {

size_t count_lines(const std::string& text) {
    const auto ends = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
    return ends + (!text.empty() && text.back() != '\n');
}

void check(const FileChange& change) {
    klp::fuzz::require(change.line_origins.size() == count_lines(change.after.value_or("")));
    if (!change.after)
        return;
    const std::string kept = keep_line_numbers(*change.after, change.line_origins, change.origin);
    klp::fuzz::require(kept.size() >= change.after->size());
    if (change.before)
        is_token_equal(*change.before, *change.after);
}

} // namespace

// The file is what stands before the first zero byte, the patch what stands behind it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const size_t split = std::min(input.find('\0'), input.size());
    const std::string file(input.substr(0, split));
    const std::string_view text = input.substr(std::min(split + 1, input.size()));
    const FileReader reader = [&](const std::string& path) {
        return path.size() % 5 == 0 ? std::nullopt : std::optional(file);
    };
    try {
        const PatchText patch = parse_patch("fuzz.patch", text);
        const std::vector<PatchText> series = {patch, reversed(patch)};
        for (size_t length = 1; length <= series.size(); ++length)
            for (const auto& [path, change] : apply_patches(std::span(series).first(length), reader).files)
                check(change);
    } catch (const klp::report::Refusal& refusal) {
        klp::fuzz::require(!refusal.findings().empty());
    }
    return 0;
}
