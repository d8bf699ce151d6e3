#include "source/allocations.h"

#include "source/tokens.h"

#include <map>
#include <set>

namespace klp::source {

namespace {

class Search {
public:
    Search(std::string_view text, std::string_view tag) : tag_(tag), lines_(text) {
        for (const Token& token : tokens_of(text))
            if (token.kind != Token::Kind::comment && !token.is_in_directive) {
                words_.push_back(spelling(text, token));
                places_.push_back(token.begin);
            }
    }

    std::vector<Allocation> run() {
        note_caches();
        for (size_t at = 0; at + 1 < words_.size(); ++at) {
            note_variable(at);
            if (words_[at + 1] == "(" && is_allocator(words_[at]) && (is_size_in_call(at + 1) || is_cache(at + 2)))
                found_.push_back({lines_.line_of(places_[at]), words_[at]});
        }
        return std::move(found_);
    }

private:
    const std::string& word(size_t at) const {
        static const std::string none;
        return at < words_.size() ? words_[at] : none;
    }

    static bool is_allocator(std::string_view name) { return name.find("alloc") != name.npos || makes_cache(name); }
    static bool makes_cache(std::string_view name) {
        return name.starts_with("kmem_cache_create") || name == "KMEM_CACHE" || name == "KMEM_CACHE_USERCOPY";
    }

    // `struct a *p`: from here on p is a pointer to it. `struct b *p` makes it one to something else.
    void note_variable(size_t at) {
        if (words_[at] == "struct" && word(at + 2) == "*" && word(at + 3) != "*")
            pointers_[word(at + 3)] = word(at + 1) == tag_;
    }

    // `slab = KMEM_CACHE(TAG, ...)`, which often stands behind the code that takes objects from it.
    void note_caches() {
        for (size_t at = 2; at + 1 < words_.size(); ++at)
            if (words_[at + 1] == "(" && words_[at - 1] == "=" && makes_cache(words_[at]) && is_size_in_call(at + 1))
                caches_.insert(words_[at - 2]);
    }

    // kmem_cache_zalloc(slab, GFP_KERNEL)
    bool is_cache(size_t at) const { return caches_.contains(word(at)) && word(at + 1) == ","; }

    bool is_pointer(const std::string& name) const {
        auto found = pointers_.find(name);
        return found != pointers_.end() && found->second;
    }

    bool is_size_in_call(size_t bracket) const {
        if (words_[bracket - 1].starts_with("KMEM_CACHE"))
            return word(bracket + 1) == tag_;
        const std::string& behind = word(bracket + 3);
        if (word(bracket + 1) == "struct" && word(bracket + 2) == tag_ && (behind == ")" || behind == ","))
            return true; // alloc_percpu() takes the type, as does kmalloc_obj() since Linux 7.0
        if (word(bracket + 1) == "*" && is_pointer(word(bracket + 2)) && words_[bracket - 1].find("_obj") != tag_.npos)
            return true; // kmalloc_obj(*p), kmalloc_objs(*p, 5)
        size_t depth = 0;
        for (size_t at = bracket; at < words_.size(); ++at) {
            depth += words_[at] == "(";
            depth -= words_[at] == ")";
            if (depth == 0)
                break;
            if (is_size(at))
                return true;
        }
        return false;
    }

    bool is_size(size_t at) const {
        if (word(at + 1) != "(")
            return false;
        if (words_[at] == "sizeof")
            return (word(at + 2) == "struct" && word(at + 3) == tag_ && word(at + 4) == ")") ||
                   (word(at + 2) == "*" && is_pointer(word(at + 3)) && word(at + 4) == ")");
        return words_[at].starts_with("struct_size") && is_pointer(word(at + 2));
    }

    std::string_view tag_;
    LineCounter lines_;
    std::vector<std::string> words_;
    std::vector<size_t> places_;
    std::map<std::string, bool> pointers_;
    std::set<std::string> caches_; // variables
    std::vector<Allocation> found_;
};

} // namespace

std::vector<Allocation> allocations_of(std::string_view text, std::string_view tag) {
    if (tag.empty() || text.find(tag) == text.npos)
        return {};
    return Search(text, tag).run();
}

bool may_make_objects(std::string_view text, std::string_view tag) {
    if (!allocations_of(text, tag).empty())
        return true;
    std::vector<std::string> words; // of macros, too
    for (const Token& token : tokens_of(text))
        if (token.kind != Token::Kind::comment)
            words.push_back(spelling(text, token));
    for (size_t at = 2; at + 3 < words.size(); ++at)
        if (words[at] == "struct" && words[at + 1] == tag &&
            ((words[at + 2] == "*" && words[at + 3] == ")") || words[at - 2] == "sizeof"))
            return true;
    return false;
}

} // namespace klp::source
