// A target kernel as files: the parts of its packages, or of a build tree.
#pragma once

#include "symbols/kernel_view.h"

#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace klp::symbols {

using ModuleFiles = std::map<std::string, std::filesystem::path, std::less<>>; // by the kernel's names

struct KernelPaths {
    std::filesystem::path vmlinux; // ELF with symbols; goes before vmlinuz
    std::filesystem::path vmlinuz; // the image that boots
    std::filesystem::path modules; // a folder that holds .ko, .ko.xz, .ko.gz or .ko.zst files at any depth
    ModuleFiles module_files;      // go before `modules`
    std::vector<std::filesystem::path> oot_modules; // built outside of the kernel's tree; go before both
    std::filesystem::path symvers;                  // Module.symvers
};

// Not thread-safe: the answers are read when first asked for. All questions throw report::Refusal where a file that was
// named cannot be read ("file.unreadable" and what elf::Object::open, read_elf_symbols and read_symvers throw).
class KernelFiles : public KernelView {
public:
    // Everything is read at first use; with std::launch::async, what the kernel exports and which modules it has is
    // read from now on, beside all else.
    explicit KernelFiles(KernelPaths paths, std::launch launch = std::launch::deferred);
    KernelFiles(const KernelFiles&) = delete;
    KernelFiles& operator=(const KernelFiles&) = delete;
    ~KernelFiles() override;

    const SymbolTable* table(std::string_view object) const override;
    const elf::Object* image(std::string_view object) const override;
    const Exports* exports() const override;
    std::string_view vermagic() const override;
    bool knows_modules() const override { return !paths_.modules.empty() || !paths_.module_files.empty(); }

private:
    struct Loaded;
    const Loaded* load(std::string_view object) const;
    std::optional<std::filesystem::path> find_module(std::string_view object) const;

    KernelPaths paths_;
    std::shared_future<ModuleFiles> module_files_;
    std::shared_future<Exports> exports_;
    mutable std::map<std::string, std::unique_ptr<Loaded>, std::less<>> loaded_;
    mutable std::optional<std::string> vermagic_;
};

// Is this the name of a module's file: .ko, .ko.xz, .ko.gz or .ko.zst?
bool is_module_file(const std::filesystem::path& path);

// Is there such a file in the folder, or below it? Files that have only debug data (Fedora's .ko.debug) do not count.
bool has_module_files(const std::filesystem::path& folder);

// A module's file, unpacked if need be (.xz, .gz, .zst, by content). Throws as elf::Object::open and unpack() do.
elf::Object open_module(const std::filesystem::path& path);
// The same as bytes, with what stands behind the ELF file: a signature.
std::vector<std::byte> read_module(const std::filesystem::path& path);

} // namespace klp::symbols
