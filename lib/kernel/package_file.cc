#include "kernel/package_file.h"

#include "files/files.h"
#include "report/finding.h"

#include <archive.h>
#include <archive_entry.h>

#include <array>
#include <memory>
#include <string_view>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view deb_start = "!<arch>\ndebian-binary"; // deb(5)
constexpr std::string_view rpm_start = "\xed\xab\xee\xdb";       // rpm's lead

struct Closer {
    void operator()(archive* it) const { archive_read_free(it); }
};
using Reader = std::unique_ptr<archive, Closer>;

struct WriterCloser {
    void operator()(archive* it) const { archive_write_free(it); }
};
using Writer = std::unique_ptr<archive, WriterCloser>;

constexpr size_t block = 1 << 16;

[[noreturn]] void refuse(const fs::path& file, archive* archive) {
    const char* reason = archive_error_string(archive);
    const std::string text = reason != nullptr ? reason : "it is damaged";
    files::refuse_full_disk(text, file.string());
    throw report::Refusal("target.unpack", file.string(), "it cannot be unpacked: " + text,
                          "is it whole? fetch it again");
}

Reader open_file(const fs::path& file, void (*formats)(archive*)) {
    Reader reader(archive_read_new());
    archive_read_support_filter_all(reader.get());
    formats(reader.get());
    if (archive_read_open_filename(reader.get(), file.c_str(), block) != ARCHIVE_OK)
        refuse(file, reader.get());
    return reader;
}

// The next entry; nullptr at the end.
archive_entry* next(archive* reader, const fs::path& file) {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(reader, &entry);
    if (status == ARCHIVE_EOF)
        return nullptr;
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
        refuse(file, reader);
    return entry;
}

// What an archive inside of another one is read through.
struct Inner {
    archive* outer;
    std::array<char, block> buffer;
};
la_ssize_t read_inner(archive* reader, void* data, const void** at) {
    auto* inner = static_cast<Inner*>(data);
    *at = inner->buffer.data();
    const la_ssize_t count = archive_read_data(inner->outer, inner->buffer.data(), inner->buffer.size());
    if (count < 0)
        archive_set_error(reader, archive_errno(inner->outer), "%s", archive_error_string(inner->outer));
    return count;
}

// "./usr/lib/x" and "/usr/lib/x" are "usr/lib/x".
std::string plain_path(const char* path) {
    return path == nullptr ? "" : fs::path(std::string("/") + path).lexically_normal().relative_path().string();
}

void copy_data(archive* from, archive* to, const fs::path& file) {
    const void* data = nullptr;
    size_t size = 0;
    la_int64_t offset = 0;
    for (;;) {
        const int status = archive_read_data_block(from, &data, &size, &offset);
        if (status == ARCHIVE_EOF)
            return;
        if (status != ARCHIVE_OK)
            refuse(file, from);
        if (archive_write_data_block(to, data, size, offset) < 0)
            refuse(file, to);
    }
}

void extract(archive* reader, const fs::path& file, const fs::path& folder,
             const std::function<bool(const std::string&)>& wanted) {
    const Writer writer(archive_write_disk_new());
    archive_write_disk_set_options(writer.get(), ARCHIVE_EXTRACT_SECURE_NODOTDOT | ARCHIVE_EXTRACT_SECURE_SYMLINKS);
    while (archive_entry* entry = next(reader, file)) {
        const std::string path = plain_path(archive_entry_pathname(entry));
        const bool is_link = archive_entry_filetype(entry) == AE_IFLNK;
        if (path.empty() || path.starts_with("..") || !(archive_entry_filetype(entry) == AE_IFREG || is_link) ||
            archive_entry_hardlink(entry) != nullptr || !wanted(path))
            continue;
        archive_entry_set_pathname(entry, (folder / path).c_str());
        if (!is_link)
            archive_entry_set_perm(entry, (archive_entry_perm(entry) & 0755) | 0600);
        if (archive_write_header(writer.get(), entry) != ARCHIVE_OK)
            refuse(file, writer.get());
        copy_data(reader, writer.get(), file);
        if (archive_write_finish_entry(writer.get()) != ARCHIVE_OK)
            refuse(file, writer.get());
    }
}

void unpack_deb(const fs::path& file, const fs::path& folder, const std::function<bool(const std::string&)>& wanted) {
    const Reader outer = open_file(file, [](archive* it) { archive_read_support_format_ar(it); });
    while (archive_entry* entry = next(outer.get(), file)) {
        if (!std::string_view(archive_entry_pathname(entry)).starts_with("data.tar"))
            continue;
        const Reader reader(archive_read_new());
        archive_read_support_filter_all(reader.get());
        archive_read_support_format_tar(reader.get());
        const auto inner = std::make_unique<Inner>(Inner{outer.get(), {}});
        if (archive_read_open(reader.get(), inner.get(), nullptr, read_inner, nullptr) != ARCHIVE_OK)
            refuse(file, reader.get());
        extract(reader.get(), file, folder, wanted);
        return;
    }
    throw report::Refusal("target.unpack", file.string(), "there is nothing in this package",
                          "is it whole? fetch it again");
}

} // namespace

bool is_package(const fs::path& file) {
    const std::string start = files::read_start(file, deb_start.size());
    return start == deb_start || start.starts_with(rpm_start);
}

void unpack_package(const fs::path& file, const fs::path& folder,
                    const std::function<bool(const std::string&)>& wanted) {
    const fs::path place = fs::canonical(folder);
    if (files::read_start(file, deb_start.size()) == deb_start)
        return unpack_deb(file, place, wanted);
    const Reader reader = open_file(file, [](archive* it) { archive_read_support_format_cpio(it); });
    extract(reader.get(), file, place, wanted);
}

std::string read_compressed(const fs::path& file) {
    const Reader reader = open_file(file, [](archive* it) { archive_read_support_format_raw(it); });
    std::string content;
    if (next(reader.get(), file) == nullptr)
        return content;
    std::array<char, block> buffer;
    for (;;) {
        const la_ssize_t count = archive_read_data(reader.get(), buffer.data(), buffer.size());
        if (count < 0)
            refuse(file, reader.get());
        if (count == 0)
            return content;
        content.append(buffer.data(), static_cast<size_t>(count));
    }
}

} // namespace klp::kernel
