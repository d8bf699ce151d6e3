#include "kept_functions.h"

#include "source/kept_functions.h"

#include <algorithm>

namespace klp::build {

std::vector<report::Finding> without_kept_functions(const ChangedTexts& texts, std::vector<report::Finding> findings) {
    std::erase_if(findings, [&](const report::Finding& it) {
        return (it.code == "sense.callback-removed" || it.code == "diff.function-removed") &&
               source::does_the_same(texts.before, texts.after, it.function);
    });
    return findings;
}

} // namespace klp::build
