#include "diff/names.h"

#include "arch/special_sections.h"

#include <algorithm>
#include <array>
#include <elf.h>

namespace klp::diff {

namespace {

bool is_number(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::string_view without_digits_at_end(std::string_view text) {
    while (!text.empty() && text.back() >= '0' && text.back() <= '9')
        text.remove_suffix(1);
    return text;
}

// "__COUNTER_LINE_" becomes "_".
void drop_counter_and_line(std::string& name) {
    auto digits_from = [&](size_t at) {
        while (at < name.size() && name[at] >= '0' && name[at] <= '9')
            ++at;
        return at;
    };
    for (size_t at = name.rfind("__"); at != std::string::npos && at != 0; at = name.rfind("__", at - 1)) {
        const size_t counter = digits_from(at + 2);
        const size_t line = counter < name.size() && name[counter] == '_' ? digits_from(counter + 1) : counter;
        if (counter > at + 2 && line > counter + 1 && line < name.size() && name[line] == '_') {
            name.erase(at, line - at);
            return;
        }
    }
}

} // namespace

bool is_initcall_name(std::string_view name) {
    return name.starts_with("__initstub__kmod_") || name.starts_with("__initcall__kmod_");
}

bool is_btf_id_name(std::string_view name) {
    return name.starts_with("__BTF_ID__");
}

std::string stem(std::string_view name) {
    std::string result;
    result.reserve(name.size());
    for (size_t at = 0; at <= name.size();) {
        size_t dot = std::min(name.find('.', at), name.size());
        std::string_view part = name.substr(at, dot - at);
        bool is_llvm = part == "llvm" && at != 0;
        if (!is_llvm && (at == 0 || !is_number(part))) {
            if (at != 0)
                result += '.';
            result += part;
        }
        at = dot + 1;
    }
    if (result.starts_with("__UNIQUE_ID_") || is_btf_id_name(result))
        result.resize(without_digits_at_end(result).size());
    if (is_initcall_name(result))
        drop_counter_and_line(result);
    return result;
}

std::string_view without_llvm_hash(std::string_view name) {
    constexpr std::string_view mark = ".llvm.";
    size_t at = name.rfind(mark);
    bool has_hash = at != std::string_view::npos && at != 0 && is_number(name.substr(at + mark.size()));
    return has_hash ? name.substr(0, at) : name;
}

bool is_numbered(std::string_view name) {
    if (name.starts_with("__UNIQUE_ID_") && !name.empty() && name.back() >= '0' && name.back() <= '9')
        return true;
    size_t dot = name.rfind('.');
    return dot != std::string_view::npos && dot != 0 && is_number(name.substr(dot + 1));
}

bool is_static_local_name(std::string_view name) {
    return name == ".compoundliteral" || without_llvm_hash(name).find('.', 1) != std::string_view::npos;
}

std::string_view cold_parent(std::string_view name) {
    size_t at = name.rfind(".cold");
    if (at == std::string_view::npos || at == 0)
        return {};
    std::string_view rest = name.substr(at + 5);
    bool is_cold = rest.empty() || (rest.front() == '.' && is_number(rest.substr(1)));
    return is_cold ? name.substr(0, at) : std::string_view{};
}

std::string_view source_name(std::string_view name) {
    return name.substr(0, std::min(name.find('.', 1), name.size()));
}

bool is_clone(std::string_view name) {
    return std::ranges::any_of(std::array{".isra", ".constprop", ".part", ".cold"},
                               [&](std::string_view kind) { return name.find(kind) != std::string_view::npos; });
}

bool is_made_constructor(std::string_view name) {
    return name.starts_with("_sub_I_") || name.starts_with("_sub_D_") || name.ends_with(".module_ctor") ||
           name.ends_with(".module_dtor");
}

bool is_source_name(std::string_view text) {
    constexpr std::array endings{std::string_view(".c"), std::string_view(".h"), std::string_view(".S"),
                                 std::string_view(".inc")};
    return text.find('%') == std::string_view::npos &&
           std::ranges::any_of(endings, [&](std::string_view ending) { return text.ends_with(ending); });
}

namespace {

// GCC: NAME.N; Clang: FUNCTION.NAME or FUNCTION.NAME.N. `whole` is without the number.
std::string_view last_part(std::string_view whole) {
    const size_t dot = whole.rfind('.');
    return dot == std::string_view::npos ? whole : whole.substr(dot + 1);
}

// A message that was printed: in linux/once_lite.h, linux/mmdebug.h and linux/rcupdate.h. What else is put with them is
// state (___done of DO_ONCE(), linux/once.h, whose static key is the kernel's).
bool is_mark_of_message(std::string_view whole) {
    constexpr std::array marks{std::string_view("__already_done"), std::string_view("__warned"),
                               std::string_view("__print_once")};
    return std::ranges::find(marks, last_part(whole)) != marks.end();
}

} // namespace

Identity identity_of(std::string_view name, const elf::Section& section) {
    constexpr std::array made{"__func__", "__FUNCTION__", "__PRETTY_FUNCTION__", "CSWTCH", "switch.table", "__const"};
    const std::string_view where = section.name;
    if ((where.starts_with(".data..once") || where.starts_with(".data.once")) && is_mark_of_message(stem(name)))
        return Identity::left_alone;
    // The format of a trace_printk(), to which the code beside it holds the only pointer: the loader changes the
    // pointer itself (kernel/trace/trace_printk.c, hold_module_trace_bprintk_format()).
    if (where == "__trace_printk_fmt")
        return Identity::by_content;
    if (where == "__dyndbg" || where == "__verbose")
        return Identity::left_alone; // a descriptor holds its line; the format is passed beside it
    if (where.starts_with(".data..Lubsan") || where.starts_with(".data.rel.local..L") ||
        where.starts_with(".rodata..L") || where.starts_with(".data.rel.ro..L") ||
        where.starts_with(".data.rel.ro.local..L"))
        return Identity::by_content;
    std::string whole = stem(name);
    // "__unnamed_1": Clang's name for a nameless variable that is not private to the file (KASAN's table).
    if (whole.starts_with("__unnamed_"))
        return Identity::by_content;
    if (!arch::is_read_only(section))
        return Identity::kept;
    if (whole.starts_with("__UNIQUE_ID_") || whole.starts_with("switch.table.") || whole.starts_with("__const."))
        return Identity::by_content;
    const std::string_view last = last_part(whole);
    const bool may_be_local = is_numbered(name) || whole.find('.') != std::string::npos;
    // Clang's names of strings. An author may call a variable "str", which the compilers make "str.0" and "f.str".
    if (whole == ".str" || (last == "str" && (section.flags & SHF_MERGE)))
        return Identity::by_content;
    const bool is_made = std::ranges::find(made, last) != made.end() && (may_be_local || last.starts_with("__"));
    return is_made ? Identity::by_content : Identity::kept;
}

bool is_prefix_name(std::string_view name) {
    return name.starts_with("__pfx_") || name.starts_with("__cfi_");
}

} // namespace klp::diff
