#include "report/quoted.h"

#include <fmt/format.h>

namespace klp::report {

std::string quoted(std::string_view text) {
    std::string result = "\"";
    for (char c : text) {
        switch (c) {
        case '\n':
            result += "\\n";
            break;
        case '\t':
            result += "\\t";
            break;
        case '"':
        case '\\':
            result += '\\';
            result += c;
            break;
        default:
            if (c >= ' ' && c <= '~')
                result += c;
            else
                result += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
        }
    }
    return result + '"';
}

} // namespace klp::report
