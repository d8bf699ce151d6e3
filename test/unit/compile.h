// Small C sources compiled and linked at test time, so that tests look at what a real compiler and linker emit.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace klp::test {

// A directory that lives as long as the test case.
class ScratchDirectory {
public:
    ScratchDirectory()
    {
        std::string name = (std::filesystem::temp_directory_path() / "klp-test-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ScratchDirectory(const ScratchDirectory&) = delete;
    ScratchDirectory& operator=(const ScratchDirectory&) = delete;
    ~ScratchDirectory() { std::filesystem::remove_all(path_); }

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path write(const std::string& name, const std::string& text) const
    {
        std::ofstream(path_ / name) << text;
        return path_ / name;
    }

private:
    std::filesystem::path path_;
};

// Runs a command line and fails the test case if that fails.
inline void run(const std::string& command)
{
    CAPTURE(command);
    REQUIRE(std::system(command.c_str()) == 0);
}

inline constexpr const char* kernel_flags =
    "-O2 -g0 -fno-pie -fno-pic -mcmodel=kernel -mno-sse -fno-asynchronous-unwind-tables -fcf-protection=none "
    "-fno-stack-protector -ffreestanding -fno-common";

// Compiles `source` as a kernel unit, with a section per function and variable, or as the kernel itself is compiled.
inline std::filesystem::path compile_unit(const ScratchDirectory& scratch, const std::string& name,
                                          const std::string& source, const std::string& extra = {})
{
    std::filesystem::path input = scratch.write(name + ".c", source);
    std::filesystem::path output = scratch.path() / (name + ".o");
    run("gcc " + std::string(kernel_flags) + " " + extra + " -c " + input.string() + " -o " + output.string());
    return output;
}

} // namespace klp::test
