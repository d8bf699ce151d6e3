#include "sense/layout_tables.h"

#include "report/line_diff.h"
#include "sense/code.h"
#include "sense/fields.h"
#include "sense/layouts.h"

#include <fmt/format.h>

namespace klp::sense {

namespace {

using report::LayoutCell;
using report::LayoutRow;
using report::LayoutTable;

// A line of one side: a field, or padding.
struct Line {
    std::string key; // the member's name
    LayoutCell cell;
    std::string type;
};

std::string place(const Field& field) {
    return field.is_bit_field ? fmt::format("{}:{}", field.at / 8, field.at % 8) : fmt::format("{}", field.at / 8);
}

void add_padding(uint64_t from, uint64_t to, std::vector<Line>& lines) {
    if (to < from + 8)
        return; // what is left of bit-fields
    const std::string text = fmt::format("({} bytes of padding)", (to - from) / 8);
    lines.push_back({text, {fmt::format("{}", (from + 7) / 8), text}, ""});
}

// The members with the padding between and behind them.
std::vector<Line> lines_of(const Shapes& shapes, TypeId id) {
    std::vector<Line> lines;
    uint64_t end = 0;
    const std::vector<Field> fields = fields_of(shapes, id);
    for (const Field& field : fields) {
        add_padding(end, field.at, lines);
        const std::string type = describe(shapes, field);
        lines.push_back({field.name, {place(field), fmt::format("{} {}", type, field.name)}, type});
        end = std::max(end, field.end());
    }
    if (!fields.empty())
        add_padding(end, shapes.size(id) * 8, lines);
    else
        lines.push_back({"", {"0", shapes.spelling(id)}, shapes.spelling(id)});
    return lines;
}

char sign_of(const Line& before, const Line& after) {
    if (before.type != after.type)
        return '!';
    return before.cell == after.cell ? ' ' : '>';
}

std::vector<std::string> keys_of(const std::vector<Line>& lines) {
    std::vector<std::string> keys;
    for (const Line& line : lines)
        keys.push_back(line.key);
    return keys;
}

std::vector<LayoutRow> rows_of(const std::vector<Line>& before, const std::vector<Line>& after) {
    std::vector<LayoutRow> rows;
    for (const report::Edit& edit : report::compare_lines(keys_of(before), keys_of(after)))
        switch (edit.sign) {
        case '-':
            rows.push_back({'-', before[edit.before].cell, {}});
            break;
        case '+':
            rows.push_back({'+', {}, after[edit.after].cell});
            break;
        default:
            rows.push_back(
                {sign_of(before[edit.before], after[edit.after]), before[edit.before].cell, after[edit.after].cell});
        }
    return rows;
}

// What a typedef of a type without a name, or an array, is in the end.
TypeId body_of(const Shapes& shapes, TypeId id) {
    const TypeId element = shapes.element(id);
    return is_aggregate(shapes.type(element)) && shapes.size(element) == shapes.size(id) ? element : id;
}

} // namespace

std::vector<LayoutTable> layout_tables(const elf::Object& original, const elf::Object& patched) {
    std::vector<LayoutTable> tables;
    if (!has_difference(original, patched))
        return tables;
    const std::optional<Types> old_types = read_types(original), new_types = read_types(patched);
    if (!old_types || !new_types)
        return tables;
    Shapes before(*old_types), after(*new_types);
    for (const LayoutChange& change : compare_layouts(before, after).changes) {
        const TypeId was = body_of(before, change.original), is = body_of(after, change.patched);
        tables.push_back({change.name, fmt::format("{}:{}", change.file, change.line), before.size(was), after.size(is),
                          rows_of(lines_of(before, was), lines_of(after, is))});
    }
    return tables;
}

} // namespace klp::sense
