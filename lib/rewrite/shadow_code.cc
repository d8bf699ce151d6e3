#include "rewrite/shadow_code.h"

#include "rewrite/entry_macros.h"

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
    return !shadow.initialisers.empty() || !shadow.values.empty() || shadow.knows_object || !shadow.cancels.empty();
}

// Those that have to be kept from running when the patch goes are on a list.
std::string list_name(const Shadow& shadow) {
    return structure_name(shadow) + "_all";
}

std::string destructor_name(const Shadow& shadow) {
    return shadow.cancels.empty() ? "NULL" : structure_name(shadow) + "_dtor";
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
    return fmt::format("{}struct {} *{}(const {} *object,\n\tgfp_t flags)", storage, structure_name(shadow),
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
    std::string variables, statements;
    for (const std::string& name : shadow.object_names)
        variables += fmt::format("\t{} *{} = object;\n", shadow.record, name);
    if (!shadow.values.empty())
        statements += fmt::format("\t*new = {};\n", default_name(shadow));
    if (shadow.knows_object)
        statements += "\tnew->object = object;\n";
    for (const std::string& statement : shadow.initialisers)
        statements += fmt::format("\t{}\n", statement);
    if (!shadow.cancels.empty())
        statements += fmt::format("\tlist_add(&new->klp_entry, &{});\n", list_name(shadow));
    return fmt::format("\nstatic int {0}_ctor(void *object, void *data, void *unused)\n"
                       "{{\n"
                       "\tstruct {0} *new = data;\n{1}\n"
                       "{2}"
                       "\treturn 0;\n"
                       "}}\n",
                       structure_name(shadow), variables, statements);
}

// Both run under the lock of all shadow variables, and so have the list to themselves.
std::string destructor(const Shadow& shadow) {
    return fmt::format("\nstatic void {0}_dtor(void *object, void *data)\n"
                       "{{\n"
                       "\tstruct {0} *old = data;\n\n"
                       "\tlist_del(&old->klp_entry);\n"
                       "}}\n",
                       structure_name(shadow));
}

std::string left_name(const Shadow& shadow) {
    return shadow.owned.empty() ? "NULL" : structure_name(shadow) + "_left";
}

// Where an object goes, the fix itself frees what belongs to it.
std::string left_code(const Shadow& shadow) {
    std::string statements;
    for (const std::string& statement : shadow.owned)
        statements += fmt::format("\t{}\n", statement);
    return fmt::format("\n{1}static void {0}(void *object, void *data)\n"
                       "{{\n"
                       "\tstruct {2} *old = data;\n\n"
                       "{3}"
                       "}}\n",
                       left_name(shadow), comment("Of an object that is there when the patch is disabled."),
                       structure_name(shadow), statements);
}

std::string without_memory(const Shadow& shadow) {
    if (!shadow.must_exist)
        return fmt::format("\tlost = {};\n\treturn &lost;\n", default_name(shadow));
    const std::string name = structure_name(shadow);
    const std::string make_ready =
        has_constructor(shadow)
            ? fmt::format("\tif (!xchg(&is_ready, 1))\n\t\t{}_ctor((void *)object, &lost, NULL);\n", name)
            : "";
    return fmt::format("\tWARN_ONCE(1, \"no memory for struct {}\\n\");\n{}\treturn &lost;\n", name, make_ready);
}

std::string allocate_code(const Shadow& shadow, std::string_view storage) {
    const std::string name = structure_name(shadow);
    return fmt::format(
        "\n{}{}\n"
        "{{\n"
        "\tstatic struct {} lost;\n"
        "{}"
        "\tstruct {} *found;\n\n"
        "\tfound = klp_shadow_get_or_alloc((void *)object, {},\n"
        "\t\t\t\t\tsizeof(*found), flags, {}, NULL);\n"
        "\tif (found)\n"
        "\t\treturn found;\n"
        "{}"
        "}}\n",
        comment(shadow.must_exist
                    ? "If there is no memory at all, not even what is set aside, objects share one."
                    : "Without memory for it, what is written is lost, and the object goes on with the defaults."),
        allocate_head(shadow, fmt::format("{}noinline ", storage)), name,
        shadow.must_exist && has_constructor(shadow) ? "\tstatic int is_ready;\n" : "", name, id_name(shadow),
        has_constructor(shadow) ? name + "_ctor" : "NULL", without_memory(shadow));
}

bool must_stop(const Shadow& shadow) {
    return !shadow.waits.empty() || !shadow.cancels.empty();
}

std::string stopper(const Shadow& shadow) {
    return structure_name(shadow) + "_stop";
}

std::string stop_code(const Shadow& shadow) {
    std::string statements, cancels;
    for (const std::string& statement : shadow.waits)
        statements += fmt::format("\t{}\n", statement);
    for (const std::string& statement : shadow.cancels)
        cancels += fmt::format("\t\t{}\n", statement);
    if (!cancels.empty())
        statements = fmt::format("\tstruct {} *each;\n\n{}\tlist_for_each_entry(each, &{}, klp_entry) {{\n{}\t}}\n",
                                 structure_name(shadow), statements, list_name(shadow), cancels);
    return fmt::format("\n{}static void {}(void)\n{{\n{}}}\n",
                       comment("What the fix has begun must not run when its code is gone."), stopper(shadow),
                       statements);
}

std::string release_code(const Shadow& shadow, std::string_view storage) {
    return fmt::format(
        "\n{}{}\n"
        "{{\n"
        "\tklp_shadow_free(object, {}, {});\n"
        "}}\n",
        comment("For an object that goes, and for a new one: a task that still ran the old code may have "
                "freed an object at that address."),
        release_head(shadow, storage), id_name(shadow), destructor_name(shadow));
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
    std::string own = shadow.knows_object ? fmt::format("\t{} *object;\n", shadow.record) : "";
    own += shadow.cancels.empty() ? "" : "\tstruct list_head klp_entry;\n";
    std::string code = fmt::format("{}#define {}\t0x{:08x}UL\n\n"
                                   "struct {} {{\n{}{}}};\n",
                                   comment(fmt::format("What the fix adds to {}. Objects that exist have no room for "
                                                       "it, so it is kept beside each of them, in a shadow variable.",
                                                       shadow.record)),
                                   id_name(shadow), id_of(shadow), structure_name(shadow), own, shadow.declarations);
    if (shadow.has_loop || shadow.has_safe_loop)
        code += "\n/* From one such object to the next, as list_for_each_entry() does. */\n";
    code += shadow.has_loop ? each_macro(structure_name(shadow)) : "";
    code += shadow.has_safe_loop ? each_safe_macro(structure_name(shadow)) : "";
    return code;
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
    for (const std::string& prototype : shadow.prototypes)
        code += fmt::format("\n{};\n", prototype);
    if (!shadow.cancels.empty())
        code += fmt::format("\nstatic LIST_HEAD({});\n", list_name(shadow));
    if (shadow.is_read)
        code += read_code(shadow, storage);
    if (shadow.is_written)
        code += (has_constructor(shadow) ? constructor(shadow) : "") + allocate_code(shadow, storage);
    if (!shadow.cancels.empty())
        code += destructor(shadow);
    if (shadow.is_freed)
        code += release_code(shadow, storage);
    if (must_stop(shadow))
        code += stop_code(shadow);
    if (!shadow.owned.empty())
        code += left_code(shadow);
    return code;
}

std::string release_prototype(const Shadow& shadow, std::string_view storage) {
    return release_head(shadow, storage);
}

std::string release_all(const Shadow& shadow) {
    return (must_stop(shadow) ? fmt::format("\t{}();\n", stopper(shadow)) : "") +
           fmt::format("\tklp_shadow_free_all({}, {});\n", id_name(shadow), left_name(shadow));
}

} // namespace klp::rewrite
