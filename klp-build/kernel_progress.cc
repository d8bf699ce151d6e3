#include "kernel_progress.h"

#include <memory>
#include <mutex>

namespace klp::build {

kernel::Progress shown_by(report::Progress& progress) {
    constexpr uint64_t megabyte = 1000 * 1000;
    const auto one_at_a_time = std::make_shared<std::mutex>();
    return {.line =
                [&progress, one_at_a_time](const std::string& text) {
                    const std::lock_guard guard(*one_at_a_time);
                    progress.line("    " + text);
                },
            .bytes =
                [&progress, one_at_a_time](uint64_t arrived, uint64_t of_all) {
                    const std::lock_guard guard(*one_at_a_time);
                    progress.part(arrived / megabyte, of_all / megabyte, "MB");
                }};
}

} // namespace klp::build
