#include "symbols/kernel_files.h"

#include "elf/modinfo.h"
#include "files/files.h"
#include "report/finding.h"
#include "symbols/boot_image.h"
#include "symbols/unpack.h"

#include <fmt/format.h>

namespace klp::symbols {

struct KernelFiles::Loaded {
    elf::Object image;
    SymbolTable table;
};

bool is_module_file(const std::filesystem::path& path) {
    std::string name = path.filename().string();
    for (std::string_view suffix : {".ko", ".ko.xz", ".ko.gz", ".ko.zst"})
        if (name.ends_with(suffix))
            return true;
    return false;
}

namespace {

std::optional<std::filesystem::path> any_module_file(const std::filesystem::path& folder) {
    std::error_code error;
    for (const std::filesystem::directory_entry& entry : std::filesystem::recursive_directory_iterator(folder, error))
        if (is_module_file(entry.path()))
            return entry.path();
    return std::nullopt;
}

} // namespace

bool has_module_files(const std::filesystem::path& folder) {
    return any_module_file(folder).has_value();
}

elf::Object open_module(const std::filesystem::path& path) {
    std::string name = path.filename().string();
    if (name.ends_with(".ko") || name.ends_with(".o") || name.ends_with(".debug"))
        return elf::Object::open(path);
    return elf::Object::from_bytes(path.string(), read_module(path));
}

std::vector<std::byte> read_module(const std::filesystem::path& path) {
    std::vector<std::byte> bytes = files::read_bytes(path);
    if (std::optional<Packing> packing = packing_of(bytes))
        bytes = unpack(bytes, *packing, path.string());
    return bytes;
}

namespace {

// Those of the folder, but for those that are named.
ModuleFiles find_modules(const KernelPaths& paths) {
    ModuleFiles files = paths.module_files;
    if (paths.modules.empty())
        return files;
    std::error_code error;
    auto options = std::filesystem::directory_options::skip_permission_denied;
    std::filesystem::recursive_directory_iterator iterator(paths.modules, options, error);
    if (error)
        throw report::Refusal("file.unreadable", paths.modules.string(),
                              fmt::format("cannot read the folder: {}", error.message()),
                              "give the folder with the kernel's modules, for example /lib/modules/RELEASE");
    for (; iterator != std::filesystem::recursive_directory_iterator(); iterator.increment(error)) {
        if (error)
            break;
        if (is_module_file(iterator->path()))
            files.emplace(module_name_of(iterator->path().string()), iterator->path());
    }
    return files;
}

Exports read_exports(const std::filesystem::path& symvers) {
    std::vector<std::byte> bytes = files::read_bytes(symvers);
    std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return read_symvers(text, symvers.string());
}

} // namespace

KernelFiles::KernelFiles(KernelPaths paths, std::launch launch)
    : paths_(std::move(paths)), module_files_(std::async(launch, [this] { return find_modules(paths_); })),
      exports_(std::async(launch, [this] { return read_exports(paths_.symvers); })) {}

KernelFiles::~KernelFiles() = default;

std::optional<std::filesystem::path> KernelFiles::find_module(std::string_view object) const {
    for (const std::filesystem::path& path : paths_.oot_modules)
        if (module_name_of(path.string()) == object)
            return path;
    const ModuleFiles& files = module_files_.get();
    const auto found = files.find(object);
    return found == files.end() ? std::nullopt : std::optional(found->second);
}

const KernelFiles::Loaded* KernelFiles::load(std::string_view object) const {
    if (auto found = loaded_.find(object); found != loaded_.end())
        return found->second.get();
    std::string name(object);
    std::unique_ptr<Loaded>& slot = loaded_[name];
    if (object == "vmlinux") {
        if (!paths_.vmlinux.empty()) {
            KernelImage image = open_kernel_image(paths_.vmlinux);
            slot = std::make_unique<Loaded>(Loaded{std::move(image.file), std::move(image.symbols)});
        } else if (!paths_.vmlinuz.empty()) {
            elf::Object image = open_boot_image(paths_.vmlinuz); // or the ELF image unpacked from one
            SymbolTable table = read_kallsyms(image);
            slot = std::make_unique<Loaded>(Loaded{std::move(image), std::move(table)});
        }
        return slot.get();
    }
    std::optional<std::filesystem::path> path = find_module(object);
    if (!path)
        return nullptr;
    elf::Object image = open_module(*path);
    SymbolTable table = read_elf_symbols(image, name);
    slot = std::make_unique<Loaded>(Loaded{std::move(image), std::move(table)});
    return slot.get();
}

const SymbolTable* KernelFiles::table(std::string_view object) const {
    const Loaded* loaded = load(object);
    return loaded ? &loaded->table : nullptr;
}

const elf::Object* KernelFiles::image(std::string_view object) const {
    const Loaded* loaded = load(object);
    return loaded ? &loaded->image : nullptr;
}

const Exports* KernelFiles::exports() const {
    return paths_.symvers.empty() ? nullptr : &exports_.get();
}

// Every module of one build carries the same string (include/linux/vermagic.h); those from outside are of another
// build.
std::string_view KernelFiles::vermagic() const {
    if (!vermagic_) {
        // A look into every folder takes longer than all else that is asked of a module's build.
        const std::optional<std::filesystem::path> module = paths_.module_files.empty()
                                                                ? any_module_file(paths_.modules)
                                                                : std::optional(paths_.module_files.begin()->second);
        vermagic_.emplace();
        if (module)
            vermagic_ = elf::read_modinfo(open_module(*module)).value("vermagic");
    }
    return *vermagic_;
}

} // namespace klp::symbols
