#include "kernel/make_rule.h"

namespace klp::kernel {

std::vector<std::string> read_make_rule(std::string_view text) {
    std::vector<std::string> files;
    std::string word;
    bool is_behind_colon = false;
    const auto finish = [&] {
        if (is_behind_colon && !word.empty())
            files.push_back(word);
        is_behind_colon = is_behind_colon || (!word.empty() && word.back() == ':');
        word.clear();
    };
    for (size_t i = 0; i < text.size(); ++i) {
        const bool is_blank = text[i] == ' ' || text[i] == '\n' || text[i] == '\t';
        if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] != '\n')
            word += text[++i];
        else if (is_blank || text[i] == '\\')
            finish();
        else
            word += text[i];
    }
    finish();
    return files;
}

} // namespace klp::kernel
