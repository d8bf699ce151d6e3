// Numbers under which things are kept: in an idr, an xarray, a bitmap or an array.
#include "source/local_values.h"
#include "source/object_texts.h"
#include "source/shapes_of_numbers.h"

#include <algorithm>
#include <array>

namespace klp::source {

namespace {

// include/linux/{idr,xarray,radix-tree}.h: which argument is the container, and which the number.
struct Row {
    std::string_view name;
    size_t container, number;
};
constexpr std::array rows{
    Row{"idr_find", 0, 1},          Row{"idr_remove", 0, 1},        Row{"idr_replace", 0, 2},
    Row{"xa_load", 0, 1},           Row{"xa_store", 0, 1},          Row{"xa_erase", 0, 1},
    Row{"xa_insert", 0, 1},         Row{"xa_cmpxchg", 0, 1},        Row{"xa_store_irq", 0, 1},
    Row{"xa_erase_irq", 0, 1},      Row{"xa_store_bh", 0, 1},       Row{"xa_erase_bh", 0, 1},
    Row{"radix_tree_lookup", 0, 1}, Row{"radix_tree_insert", 0, 1}, Row{"radix_tree_delete", 0, 1},
    Row{"ida_free", 0, 1}};

struct Number {
    std::string shape; // as it is written
    std::string value; // the shape with the values of local variables
    std::string text;
    bool is_element = false; // of an array, which may be anything
    bool is_stored = false;  // the element is
};
using Numbers = std::map<std::string, std::vector<Number>>; // by container: "->backing_files_map"

class Reader {
public:
    Reader(Words words) : words_(words), values_(words) {}

    Numbers run() {
        for (size_t at = 0; at + 1 < words_.size(); ++at) {
            if (words_[at + 1] == "(")
                read_call(at);
            else if (words_[at + 1] == "[" && at > 0 && words_[at - 1] == "->" && is_identifier(words_[at]))
                read_element(at);
        }
        return std::move(numbers_);
    }

private:
    void read_call(size_t at) {
        const auto row = std::ranges::find(rows, words_[at], &Row::name);
        const bool is_bit = words_[at].ends_with("_bit");
        if (row == rows.end() && !is_bit)
            return;
        const size_t container = is_bit ? 1 : row->container, number = is_bit ? 0 : row->number;
        const auto arguments = arguments_of(words_, at + 1);
        if (!arguments || arguments->size() <= std::max(container, number))
            return;
        add(object_of((*arguments)[container]), (*arguments)[number], {});
    }
    void read_element(size_t at) {
        const auto index = arguments_in(at + 1);
        if (index.empty())
            return;
        const size_t behind = at + 2 + index.size() + 1;
        Number number;
        number.is_element = true;
        number.is_stored = behind < words_.size() && words_[behind] == "=";
        add("->" + std::string(words_[at]), index, number);
    }
    Words arguments_in(size_t bracket) const {
        size_t depth = 0, end = bracket;
        for (; end < words_.size(); ++end) {
            depth += words_[end] == "[";
            depth -= words_[end] == "]";
            if (depth == 0)
                break;
        }
        return Words(words_).subspan(bracket + 1, end - bracket - 1);
    }
    void add(std::string container, Words expression, Number number) {
        if (!container.starts_with("->"))
            return; // a variable may be the function's own
        number.shape = shape_of_number(expression);
        number.value = shape_of_number(values_.resolved(expression));
        number.text = written(expression);
        numbers_[std::move(container)].push_back(std::move(number));
    }

    Words words_;
    LocalValues values_;
    Numbers numbers_;
};

// A number that only one side has: neither written so there, nor with a variable that holds it.
const Number* only_in(const std::vector<Number>& side, const std::vector<Number>& other) {
    const auto is_only = [&](const Number& one, auto shape) {
        return std::ranges::count(side, one.*shape, shape) > std::ranges::count(other, one.*shape, shape);
    };
    for (const Number& one : side)
        if (is_only(one, &Number::shape) && is_only(one, &Number::value))
            return &one;
    return nullptr;
}

struct Shift {
    std::string function;
    Number was, is;
};

bool is_one_shift(const Shift& one, const Shift& other) {
    if (one.was.shape != other.was.shape || one.is.shape != other.is.shape || one.function == other.function)
        return false;
    return !one.is.is_element || one.is.is_stored != other.is.is_stored;
}

} // namespace

std::vector<ObjectChange> compare_keys(const ObjectTexts& texts) {
    std::map<std::string, std::vector<Shift>> shifts; // by container
    for (const std::string& function : texts.changed) {
        const Numbers before = Reader(texts.before.at(function)).run(), after = Reader(texts.after.at(function)).run();
        for (const auto& [container, numbers] : after) {
            const auto old = before.find(container);
            if (old == before.end() || old->second.size() != numbers.size())
                continue;
            const Number *was = only_in(old->second, numbers), *is = only_in(numbers, old->second);
            if (was && is && is_another_number(was->shape, is->shape))
                shifts[container].push_back({function, *was, *is});
        }
    }
    std::vector<ObjectChange> found;
    for (const auto& [container, all] : shifts)
        for (const Shift& one : all) {
            const auto other = std::ranges::find_if(all, [&](const Shift& it) { return is_one_shift(one, it); });
            if (other == all.end())
                continue;
            found.push_back(
                {ObjectChange::Kind::key, one.function, other->function, container, one.was.text, one.is.text});
            break;
        }
    return found;
}

} // namespace klp::source
