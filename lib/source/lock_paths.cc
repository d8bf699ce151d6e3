#include "source/lock_paths.h"

#include <algorithm>
#include <array>

namespace klp::source {

namespace {

// What a lock is called where nothing is to be said of it.
constexpr std::array plain_names{std::string_view("lock"),  std::string_view("mutex"),    std::string_view("sem"),
                                 std::string_view("rwsem"), std::string_view("spinlock"), std::string_view("mtx"),
                                 std::string_view("lck"),   std::string_view("wait_lock")};

std::string_view kind_of(std::string_view what) {
    return what.substr(0, what.find(' '));
}

std::string_view last_member(std::string_view what) {
    const size_t at = what.find_last_of(".>");
    return at == what.npos ? std::string_view() : what.substr(at + 1);
}

} // namespace

bool is_perhaps_one_lock(std::string_view one, std::string_view other) {
    const std::string_view name = last_member(one);
    return !name.empty() && name == last_member(other) && kind_of(one) == kind_of(other) &&
           std::ranges::find(plain_names, name) == plain_names.end();
}

} // namespace klp::source
