#include "rewrite/edits.h"

#include <clang/Rewrite/Core/RewriteBuffer.h>
#include <llvm/Support/raw_ostream.h>

namespace klp::rewrite {

std::string edited(std::string_view text, const std::set<Edit>& edits) {
    clang::RewriteBuffer buffer;
    buffer.Initialize(text);
    for (const Edit& edit : edits)
        if (edit.length == 0)
            buffer.InsertTextAfter(static_cast<unsigned>(edit.offset), edit.text);
        else
            buffer.ReplaceText(static_cast<unsigned>(edit.offset), static_cast<unsigned>(edit.length), edit.text);
    std::string result;
    llvm::raw_string_ostream out(result);
    buffer.write(out);
    return result;
}

} // namespace klp::rewrite
