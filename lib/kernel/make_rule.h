// The dependency files that compilers write (-MMD, -M).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace klp::kernel {

// The files behind the colon of the rule "a.o: b.c \<newline> c.h", in their order, backslashed characters unescaped.
std::vector<std::string> read_make_rule(std::string_view text);

} // namespace klp::kernel
