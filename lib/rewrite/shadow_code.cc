#include "rewrite/shadow_code.h"

#include <llvm/Support/xxhash.h>

#include <algorithm>
#include <cctype>
#include <fmt/format.h>

namespace klp::rewrite {

namespace {

std::string upper(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

std::string id_name(const Shadow& shadow) {
    return upper(structure_name(shadow)) + "_ID";
}

std::string default_name(const Shadow& shadow) {
    return structure_name(shadow) + "_default";
}

bool has_constructor(const Shadow& shadow) {
    return !shadow.initialisers.empty() || !shadow.values.empty();
}

// A sentence as a comment of at most 80 columns.
std::string comment(const std::string& text) {
    constexpr size_t width = 76;
    std::string lines = "/*\n", line = " *";
    for (size_t begin = 0; begin < text.size();) {
        const size_t end = std::min(text.find(' ', begin), text.size());
        if (line.size() + 1 + end - begin > width) {
            lines += line + "\n";
            line = " *";
        }
        line += fmt::format(" {}", text.substr(begin, end - begin));
        begin = end + 1;
    }
    return lines + line + "\n */\n";
}

std::string defaults(const Shadow& shadow) {
    const std::string head = fmt::format("/* What an object without a shadow variable counts as. */\n"
                                         "static const struct {} {}",
                                         structure_name(shadow), default_name(shadow));
    if (shadow.values.empty())
        return head + ";\n";
    std::string members;
    for (const auto& [member, value] : shadow.values)
        members += fmt::format("\t.{} = {},\n", member, value);
    return fmt::format("{} = {{\n{}}};\n", head, members);
}

std::string get_head(const Shadow& shadow, std::string_view storage) {
    return fmt::format("{}const struct {} *{}(const {} *object)", storage, structure_name(shadow), getter(shadow),
                       shadow.record);
}

std::string allocate_head(const Shadow& shadow, std::string_view storage) {
    return fmt::format("{}struct {} *{}({} *object,\n\tgfp_t flags)", storage, structure_name(shadow),
                       allocator(shadow), shadow.record);
}

std::string release_head(const Shadow& shadow, std::string_view storage) {
    return fmt::format("{}void {}({} *object)", storage, releaser(shadow), shadow.record);
}

std::string read_code(const Shadow& shadow, std::string_view storage) {
    return fmt::format("\n{}\n"
                       "{{\n"
                       "\tconst struct {} *found = klp_shadow_get((void *)object, {});\n\n"
                       "\treturn found ? found : &{};\n"
                       "}}\n",
                       get_head(shadow, storage), structure_name(shadow), id_name(shadow), default_name(shadow));
}

std::string constructor(const Shadow& shadow) {
    std::string statements;
    if (!shadow.values.empty())
        statements += fmt::format("\t*new = {};\n", default_name(shadow));
    for (const std::string& statement : shadow.initialisers)
        statements += fmt::format("\t{}\n", statement);
    return fmt::format("\nstatic int {0}_ctor(void *object, void *data, void *unused)\n"
                       "{{\n"
                       "\tstruct {0} *new = data;\n\n"
                       "{1}"
                       "\treturn 0;\n"
                       "}}\n",
                       structure_name(shadow), statements);
}

std::string allocate_code(const Shadow& shadow, std::string_view storage) {
    const std::string name = structure_name(shadow);
    return fmt::format("\n{}{}\n"
                       "{{\n"
                       "\tstatic struct {} lost;\n"
                       "\tstruct {} *found;\n\n"
                       "\tfound = klp_shadow_get_or_alloc(object, {}, sizeof(*found), flags,\n"
                       "\t\t\t\t\t{}, NULL);\n"
                       "\tif (found)\n"
                       "\t\treturn found;\n"
                       "\tlost = {};\n"
                       "\treturn &lost;\n"
                       "}}\n",
                       comment("Without memory for it, what is written is lost, and the object goes on with the "
                               "defaults."),
                       allocate_head(shadow, fmt::format("{}noinline ", storage)), name, name, id_name(shadow),
                       has_constructor(shadow) ? name + "_ctor" : "NULL", default_name(shadow));
}

std::string release_code(const Shadow& shadow, std::string_view storage) {
    return fmt::format(
        "\n{}{}\n"
        "{{\n"
        "\tklp_shadow_free(object, {}, NULL);\n"
        "}}\n",
        comment("For an object that goes, and for a new one: a task that still ran the old code may have "
                "freed an object at that address."),
        release_head(shadow, storage), id_name(shadow));
}

} // namespace

std::string structure_name(const Shadow& shadow) {
    return "klp_" + shadow.name;
}

std::string getter(const Shadow& shadow) {
    return structure_name(shadow) + "_get";
}

std::string allocator(const Shadow& shadow) {
    return structure_name(shadow) + "_get_or_alloc";
}

std::string releaser(const Shadow& shadow) {
    return structure_name(shadow) + "_free";
}

uint32_t id_of(const Shadow& shadow) {
    return static_cast<uint32_t>(llvm::xxh3_64bits(shadow.origin));
}

std::string shadow_structure(const Shadow& shadow) {
    return fmt::format("{}#define {}\t0x{:08x}UL\n\n"
                       "struct {} {{\n{}}};\n",
                       comment(fmt::format("What the fix adds to {}. Objects that exist have no room for it, so it is "
                                           "kept beside each of them, in a shadow variable.",
                                           shadow.record)),
                       id_name(shadow), id_of(shadow), structure_name(shadow), shadow.declarations);
}

std::string shadow_prototypes(const Shadow& shadow) {
    std::string code;
    if (shadow.is_read)
        code += get_head(shadow, "") + ";\n";
    if (shadow.is_written)
        code += allocate_head(shadow, "") + ";\n";
    if (shadow.is_freed)
        code += release_head(shadow, "") + ";\n";
    return code;
}

std::string shadow_functions(const Shadow& shadow, std::string_view storage) {
    std::string code = defaults(shadow);
    if (shadow.is_read)
        code += read_code(shadow, storage);
    if (shadow.is_written)
        code += (has_constructor(shadow) ? constructor(shadow) : "") + allocate_code(shadow, storage);
    if (shadow.is_freed)
        code += release_code(shadow, storage);
    return code;
}

std::string release_all(const Shadow& shadow) {
    return fmt::format("\tklp_shadow_free_all({}, NULL);\n", id_name(shadow));
}

} // namespace klp::rewrite
