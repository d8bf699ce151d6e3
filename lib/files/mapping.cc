#include "files/mapping.h"

#include "files/descriptor.h"
#include "files/files.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <utility>

namespace klp::files {

Mapping::Mapping(std::vector<std::byte> bytes) : owned_(std::move(bytes)), data_(owned_.data()), size_(owned_.size()) {}

Mapping::Mapping(Mapping&& other) noexcept
    : owned_(std::move(other.owned_)), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)),
      is_mapped_(std::exchange(other.is_mapped_, false)) {}

Mapping::~Mapping() {
    if (is_mapped_)
        munmap(data_, size_);
}

Mapping Mapping::of(const std::filesystem::path& path) {
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status{};
    if (file < 0 || fstat(file, &status) != 0)
        refuse_unread(path, errno);
    if (!S_ISREG(status.st_mode))
        refuse_unread(path, S_ISDIR(status.st_mode) ? EISDIR : ENODEV); // what mmap() says of a pipe
    const auto size = static_cast<size_t>(status.st_size);
    if (size == 0)
        return Mapping(std::vector<std::byte>{});
    void* const data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    if (data == MAP_FAILED)
        refuse_unread(path, errno);
    return {data, size};
}

} // namespace klp::files
