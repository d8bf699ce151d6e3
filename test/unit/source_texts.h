// Two versions of a source, and what a comparison of them finds.
#pragma once

#include "source/object_texts.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace klp::test {

template <typename Compare>
auto compare_texts(Compare compare, const std::string& before, const std::string& after) {
    const source::FunctionTexts was = source::split_functions(before), is = source::split_functions(after);
    return compare(source::object_texts(was, is));
}

inline std::vector<source::ObjectChange> object_changes(const std::string& before, const std::string& after) {
    return compare_texts(source::compare_objects, before, after);
}

inline source::ObjectChange only_object_change(const std::string& before, const std::string& after) {
    const std::vector<source::ObjectChange> found = object_changes(before, after);
    REQUIRE(found.size() == 1);
    return found.front();
}

} // namespace klp::test
