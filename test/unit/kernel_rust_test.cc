// A kernel with parts in Rust, of which C alone is compiled.
#include "compile.h"
#include "files/files.h"
#include "host/process.h"
#include "kernel/kbuild.h"
#include "kernel/rust.h"
#include "kernel/rust_readers.h"
#include "report/finding.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace klp::kernel;
namespace fs = std::filesystem;
namespace files = klp::files;

namespace {

constexpr const char* header = "include/linux/limits.h";

// A tree with a header, its patched version, and what Rust sees of it.
class Trees {
public:
    Trees(const std::string& before, const std::string& after) {
        for (const fs::path& tree : {source(), patched()}) {
            write(tree / "rust/bindings/bindings_helper.h", "#include <linux/limits.h>\n"
                                                            "const int RUST_CONST_HELPER_DEPTH = DEPTH;\n");
            write(tree / "rust/kernel/lib.rs", "use crate::bindings; fn f() -> i32 { bindings::DEPTH }\n");
            write(tree / "rust/helpers/helpers.c", "#include <linux/limits.h>\n");
            write(tree / header, tree == source() ? before : after);
        }
        files_[header] = {.before = before, .after = after, .origin = header, .line_origins = {}, .mode = {}};
        target_.config = Config("CONFIG_RUST=y\n");
        target_.source = target_.kernel_source = source();
        target_.build = place_.path();
        unit_.source = "rust/helpers/helpers.c";
        unit_.object = "rust/helpers/helpers.o";
        unit_.compile = {"gcc",        "-I" + (source() / "include").string(), "-c", "-o",
                         unit_.object, (source() / unit_.source).string()};
    }

    std::string refusal(bool has_rust = true, bool has_unit = true) {
        if (!has_rust)
            target_.config = Config("");
        try {
            refuse_rust_readers(target_, has_unit ? std::vector{unit_} : std::vector<BuildUnit>(), files_, patched());
        } catch (const klp::report::Refusal& refusal) {
            CHECK(refusal.findings().front().code == "plan.rust-sees-header");
            return refusal.findings().front().message;
        }
        return "";
    }

private:
    static void write(const fs::path& path, const std::string& text) {
        files::make_folder(path.parent_path());
        files::write(path, text);
    }
    fs::path source() const { return place_.path() / "source"; }
    fs::path patched() const { return place_.path() / "patched"; }

    klp::test::ScratchDirectory place_;
    Target target_;
    BuildUnit unit_;
    std::map<std::string, klp::source::FileChange> files_;
};

constexpr const char* before = "#define DEPTH 4\n#define WIDTH 5\nstatic inline int depth(void) { return DEPTH; }\n";

std::string output(const std::vector<std::string>& argv) {
    const klp::host::Outcome outcome = klp::host::run({.argv = argv});
    return outcome.output + outcome.errors;
}

} // namespace

TEST_CASE("what Rust code was compiled with is not changed under it") {
    CHECK(Trees(before, "#define DEPTH 8\n#define WIDTH 5\nstatic inline int depth(void) { return DEPTH; }\n")
              .refusal()
              .find("DEPTH") != std::string::npos);
    CHECK(Trees(before, "#define DEPTH 4\n#define WIDTH 9\nstatic inline int depth(void) { return 3; }\n")
              .refusal()
              .empty());
}

TEST_CASE("two constants that changed their values with one another are two that changed") {
    CHECK(Trees("#define DEPTH 4\n#define WIDTH 5\n", "#define WIDTH 4\n#define DEPTH 5\n").refusal().find("DEPTH") !=
          std::string::npos);
}

TEST_CASE("without Rust no header is of interest, and with it none of what cannot be told") {
    const char* after = "#define DEPTH 8\n";
    CHECK(Trees(before, after).refusal(false).empty());
    CHECK(Trees(before, before).refusal(true, false).find("could not be found out") != std::string::npos);
}

TEST_CASE("kbuild is told of the Rust compiler that the kernel was built with") {
    const klp::test::ScratchDirectory place;
    const fs::path folder = place.path() / "rust";
    write_rust_answers(Config("CONFIG_RUST=y\nCONFIG_RUSTC_VERSION_TEXT=\"rustc 1.85.1 (it's 4eb)\"\n"
                              "CONFIG_RUSTC_LLVM_VERSION=190107\n"),
                       folder);
    // As scripts/rust_is_available.sh, rustc-version.sh and rustc-llvm-version.sh ask.
    CHECK(output({folder / "rustc", "--version"}) == "rustc 1.85.1 (it's 4eb)\n");
    CHECK(output({folder / "rustc", "--version", "--verbose"}) == "rustc 1.85.1 (it's 4eb)\nLLVM version: 19.1.7\n");
    CHECK(output({folder / "rustc", "--print", "sysroot"}) == folder.string() + "\n");
    CHECK(fs::exists(folder / "lib/rustlib/src/rust/library/core/src/lib.rs"));
    CHECK(output({folder / "bindgen", "scripts/rust_is_available_bindgen_libclang.h"}) == "clang version 19.1.7\n");
    CHECK(output({folder / "bindgen", "--version"}).starts_with("bindgen "));
}

TEST_CASE("nothing in Rust is made, and LLVM's tools have the compiler's number") {
    Kbuild kbuild;
    kbuild.build = "/entry/build";
    kbuild.compiler.name = "clang-22";
    kbuild.compiler.has_llvm_tools = true;
    kbuild.rust = Kbuild::Rust::answers;
    const std::vector<std::string> words = make_command(kbuild, {"modules_prepare"}, 1).argv;
    for (const char* word : {"RUSTC=/entry/rust/rustc", "BINDGEN=/entry/rust/bindgen", "CONFIG_RUST=", "LLVM=-22"})
        CHECK(std::ranges::find(words, word) != words.end());
    kbuild.rust = Kbuild::Rust::none;
    kbuild.compiler.name = "clang";
    const std::vector<std::string> without = make_command(kbuild, {"modules_prepare"}, 1).argv;
    for (const char* word : {"RUSTC=false", "LLVM=1"})
        CHECK(std::ranges::find(without, word) != without.end());
}
