#include "arch/dwarf_guard.h"

#include "report/finding.h"

#include <llvm/Support/CrashRecoveryContext.h>
#include <llvm/Support/ErrorHandling.h>

#include <cstdlib>
#include <exception>
#include <mutex>

namespace klp::arch {

void read_debug_data(std::string_view file, llvm::function_ref<void()> read) {
    static std::once_flag once;
    std::call_once(once, [] {
        llvm::CrashRecoveryContext::Enable();
        // Says nothing on its own: the caller hears of it.
        llvm::install_fatal_error_handler([](void*, const char*, bool) { std::abort(); });
    });
    std::exception_ptr thrown; // LLVM is not to be unwound through
    llvm::CrashRecoveryContext context;
    const bool is_whole = context.RunSafely([&] {
        try {
            read();
        } catch (...) {
            thrown = std::current_exception();
        }
    });
    if (thrown)
        std::rethrow_exception(thrown);
    if (!is_whole)
        throw report::Refusal("elf.damaged-debug-data", std::string(file), "its debug data is damaged",
                              "compile it or copy it again, or take its debug data away (objcopy --strip-debug)");
}

} // namespace klp::arch
