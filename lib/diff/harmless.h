// Differences that are none for who runs the code: numbers of lines, where it is certain that they are. The build keeps
// lines where it can (lib/source/line_keeping.h); this is for what it cannot keep, and for objects that others
// compiled.
#pragma once

#include "arch/debug_lines.h"
#include "diff/meaning.h"

#include <optional>
#include <set>
#include <string>

namespace klp::diff {

// One unit and what is known about it: the hasher is that of the comparison.
struct LineSide {
    const Unit& unit;
    MeaningHasher& hasher;
    arch::DebugLines lines;
    LineSide(const Unit& of, MeaningHasher& with) : unit(of), hasher(with), lines(of.object()) {}
};

// What the two functions differ in, if all of it is harmless; nothing if anything else differs. Harmless are
// - the line in an entry of __bug_table (arch/special_sections.h, SpecialSection::blind);
// - line and column of a sanitizer's struct source_location (lib/ubsan.h);
// - the lines in KASAN's description of a stack frame (mm/kasan/report_generic.c, print_decoded_frame_descr());
// - a constant that is passed to a function that takes a line as that argument (line_arguments.h), and where there is
//   debug data, is the line of the code that passes it.
// Linear in the functions' size.
std::optional<std::set<std::string>> harmless_differences(LineSide& original, uint32_t before, LineSide& patched,
                                                          uint32_t after);

} // namespace klp::diff
