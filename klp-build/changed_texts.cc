#include "changed_texts.h"

namespace klp::build {

namespace {

void add(source::FunctionTexts& all, const std::optional<std::string>& text, const std::string& path,
         std::map<std::string, std::string>& file_of) {
    if (!text)
        return;
    const source::FunctionTexts split = source::split_functions(*text);
    all.rest += split.rest;
    for (const auto& [name, body] : split.functions) {
        all.functions[name] += body;
        file_of.emplace(name, path);
    }
}

} // namespace

ChangedTexts changed_texts(const PatchedFiles& changes) {
    ChangedTexts texts;
    for (const source::ChangedFile& file : changes.files) {
        const auto change = changes.applied.files.find(file.path);
        if (!source::is_c(file.kind) || file.is_token_equal || change == changes.applied.files.end())
            continue;
        add(texts.before, change->second.before, file.path, texts.file_of);
        add(texts.after, change->second.after, file.path, texts.file_of);
    }
    return texts;
}

} // namespace klp::build
