// Tables that go with the functions which read them: the patch brings a copy of its own.
#pragma once

#include "elf/object.h"
#include "sense/types.h"

#include <vector>

namespace klp::sense {

// Whether every one of `variables` is read-only, known to `unit` only, and its address in none of the unit's variables:
// then nobody finds it but the unit's functions.
//     static const struct quirk quirks[] = { ... };                          yes
//     static const struct info new_chip = { ... };
//     static const struct pci_device_id ids[] = { { .driver_data = (unsigned long)&new_chip } };   no
bool are_private_tables(const elf::Object& unit, const std::vector<const Variable*>& variables);

} // namespace klp::sense
