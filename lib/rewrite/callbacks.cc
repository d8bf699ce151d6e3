#include "rewrite/callbacks.h"

#include <cctype>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace klp::rewrite {

namespace {

// "fs/ramfs/inode.c" -> "fs_ramfs_inode": of several files each has names of its own.
std::string stem(const std::string& file) {
    std::string name = file.substr(0, file.rfind('.'));
    for (char& c : name)
        if (!std::isalnum(static_cast<unsigned char>(c)))
            c = '_';
    return name;
}

std::string setter(const std::string& file) {
    return fmt::format("klp_{}_set", stem(file));
}

std::string undoer(const std::string& file) {
    return fmt::format("klp_{}_undo", stem(file));
}

std::string or_zero(const std::string& value) {
    return value.empty() ? "0" : value;
}

std::string set_value(const ChangedValue& value, size_t number) {
    if (!value.is_number)
        return fmt::format("\tklp_old_{0} = {1};\n\t{1} = {2};\n", number, value.place, or_zero(value.after));
    return fmt::format("\tif ({1} == {2}) {{\n\t\t{1} = {3};\n\t\tklp_is_set_{0} = true;\n\t}}\n", number, value.place,
                       or_zero(value.before), or_zero(value.after));
}

std::string restore_value(const ChangedValue& value, size_t number) {
    if (!value.is_number)
        return fmt::format("\tif ({1} == {2})\n\t\t{1} = klp_old_{0};\n", number, value.place, or_zero(value.after));
    return fmt::format("\tif (klp_is_set_{0} && {1} == {3})\n\t\t{1} = {2};\n\tklp_is_set_{0} = false;\n", number,
                       value.place, or_zero(value.before), or_zero(value.after));
}

// The skeleton of what an __init function would have done.
std::string step_code(const BootStep& step) {
    std::string lines, objects;
    for (const std::string& line : step.lines)
        lines += fmt::format(" *{}{}\n", line.empty() || line.starts_with('\t') ? "" : " ", line);
    if (!step.objects.empty())
        objects = fmt::format(" * for {}.\n", fmt::join(step.objects, ", "));
    return fmt::format("\n/*\n * {0}() has run. What it would have done now is left to do{1}\n{2} *\n{3} */\n"
                       "static void klp_{0}(void)\n{{\n}}\n\n"
                       "/* What takes that back when the patch is disabled. */\n"
                       "static void klp_undo_{0}(void)\n{{\n}}\n",
                       step.function, objects.empty() ? "." : "", objects, lines);
}

bool has_to_set(const FileCallbacks& wanted) {
    return !wanted.values.empty() || !wanted.steps.empty();
}

std::string set_code(const std::string& file, const FileCallbacks& wanted, const char* storage) {
    std::string kept, statements;
    for (size_t at = 0; at < wanted.values.size(); ++at) {
        const ChangedValue& value = wanted.values[at];
        kept += value.is_number ? fmt::format("static bool klp_is_set_{};\n", at)
                                : fmt::format("static typeof({}) klp_old_{};\n", value.place, at);
        statements += set_value(value, at);
    }
    std::string steps;
    for (const BootStep& step : wanted.steps) {
        steps += step_code(step);
        statements += fmt::format("\tklp_{}();\n", step.function);
    }
    if (wanted.values.empty())
        return fmt::format("{}\n{}void {}(void)\n{{\n{}}}\n", steps, storage, setter(file), statements);
    return fmt::format("\n/*\n"
                       " * What the fix initialises otherwise: the running kernel has it already. A value\n"
                       " * that somebody else has set meanwhile stays.\n"
                       " */\n"
                       "{}{}\n{}void {}(void)\n{{\n{}}}\n",
                       kept, steps, storage, setter(file), statements);
}

std::string undo_code(const std::string& file, const FileCallbacks& wanted, const char* storage) {
    std::string statements;
    for (size_t at = wanted.steps.size(); at-- > 0;)
        statements += fmt::format("\tklp_undo_{}();\n", wanted.steps[at].function);
    for (size_t at = wanted.values.size(); at-- > 0;)
        statements += restore_value(wanted.values[at], at);
    for (const Shadow& shadow : wanted.shadows)
        statements += release_all(shadow);
    return fmt::format("\n{}void {}(void)\n{{\n{}}}\n", storage, undoer(file), statements);
}

} // namespace

std::map<std::string, std::string> callback_code(const std::map<std::string, FileCallbacks>& files) {
    std::map<std::string, std::string> code;
    std::string prototypes, set_calls, undo_calls;
    const std::string& first = files.begin()->first;
    const char* const storage = files.size() == 1 ? "static " : "";
    for (const auto& [file, wanted] : files) {
        const std::string set_prototype = fmt::format("void {}(void);\n", setter(file));
        const std::string undo_prototype = fmt::format("void {}(void);\n", undoer(file));
        const std::string own = (has_to_set(wanted) ? set_prototype : "") + undo_prototype;
        if (files.size() > 1)
            (file == first ? prototypes : code[file]) += "\n" + own;
        if (files.size() > 1 && file != first)
            prototypes += own;
        if (has_to_set(wanted)) {
            code[file] += set_code(file, wanted, storage);
            set_calls += fmt::format("\t{}();\n", setter(file));
        }
        code[file] += undo_code(file, wanted, storage);
        undo_calls += fmt::format("\t{}();\n", undoer(file));
    }
    code[first] = prototypes + code[first];
    if (!set_calls.empty())
        code[first] += fmt::format("\nstatic int klp_pre_patch(struct klp_object *patched)\n{{\n{}\treturn 0;\n}}\n"
                                   "KLP_PRE_PATCH_CALLBACK(klp_pre_patch);\n",
                                   set_calls);
    code[first] += fmt::format("\nstatic void klp_post_unpatch(struct klp_object *patched)\n{{\n{}}}\n"
                               "KLP_POST_UNPATCH_CALLBACK(klp_post_unpatch);\n",
                               undo_calls);
    return code;
}

} // namespace klp::rewrite
