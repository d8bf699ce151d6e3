#include "symbols/boot_image.h"

#include "files/files.h"
#include "report/finding.h"
#include "symbols/kernel_files.h"
#include "symbols/unpack.h"

#include <fmt/format.h>

#include <cstring>

namespace klp::symbols {

namespace {

// struct setup_header, Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header".
constexpr size_t setup_sectors_at = 0x1f1;
constexpr size_t magic_at = 0x202;
constexpr size_t version_at = 0x206;
constexpr size_t payload_offset_at = 0x248;
constexpr size_t payload_length_at = 0x24c;
constexpr size_t header_end = 0x250;
constexpr unsigned first_version_with_payload = 0x0208;
constexpr size_t sector = 512;

uint32_t little_endian(elf::Bytes data, size_t at, unsigned width) {
    uint32_t value = 0;
    for (unsigned byte = 0; byte < width; ++byte)
        value |= std::to_integer<uint32_t>(data[at + byte]) << (8 * byte);
    return value;
}

bool starts_with(elf::Bytes data, size_t at, std::string_view magic) {
    return data.size() >= at + magic.size() && std::memcmp(data.data() + at, magic.data(), magic.size()) == 0;
}

elf::Bytes payload_of(elf::Bytes image, const std::string& name) {
    if (image.size() < header_end || !starts_with(image, magic_at, "HdrS") ||
        little_endian(image, version_at, 2) < first_version_with_payload)
        throw report::Refusal("boot.unknown-format", name, "the file is neither a bzImage nor an ELF image",
                              "give the vmlinuz that the distribution installs in /boot, or a vmlinux");
    size_t setup = little_endian(image, setup_sectors_at, 1);
    size_t start = ((setup == 0 ? 4 : setup) + 1) * sector + little_endian(image, payload_offset_at, 4);
    size_t length = little_endian(image, payload_length_at, 4);
    if (start > image.size() || length > image.size() - start)
        throw report::Refusal("boot.damaged", name, "the packed kernel reaches beyond the end of the file",
                              "the file is cut short; copy it again");
    return image.subspan(start, length);
}

} // namespace

elf::Object unpack_boot_image(std::vector<std::byte> image, const std::string& name) {
    if (starts_with(image, 0, "\177ELF"))
        return elf::Object::from_bytes(name, std::move(image));
    elf::Bytes payload = payload_of(image, name);
    if (starts_with(payload, 0, "\177ELF"))
        return elf::Object::from_bytes(name, {payload.begin(), payload.end()});
    std::optional<Packing> packing = packing_of(payload);
    if (!packing)
        throw report::Refusal("boot.unknown-format", name,
                              "the kernel inside is packed in a way that is not known here",
                              "gzip, xz, zstd and lz4 are; give the vmlinux of the debug package instead");
    return elf::Object::from_bytes(name, unpack(payload, *packing, name));
}

elf::Object open_boot_image(const std::filesystem::path& path) {
    return unpack_boot_image(files::read_bytes(path), path.string());
}

bool is_boot_image(const std::filesystem::path& path) {
    const std::string start = files::read_start(path, magic_at + 4);
    const elf::Bytes bytes = std::as_bytes(std::span(start));
    return starts_with(bytes, magic_at, "HdrS") && !starts_with(bytes, 0, "\177ELF");
}

KernelImage open_kernel_image(const std::filesystem::path& path) {
    if (!is_boot_image(path)) {
        elf::Object file = elf::Object::open(path);
        SymbolTable symbols = read_elf_symbols(file, "vmlinux");
        return {std::move(file), std::move(symbols)};
    }
    elf::Object file = open_boot_image(path);
    SymbolTable symbols = read_kallsyms(file);
    return {std::move(file), std::move(symbols)};
}

} // namespace klp::symbols
