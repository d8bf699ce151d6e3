#include "convert/convert.h"

namespace klp::convert {

Result convert(const elf::Object& module) {
    return rewrite(module, read_references(module));
}

} // namespace klp::convert
