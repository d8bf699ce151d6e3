// A file's bytes without reading all of them: images of kernels are large, and few of their pages are looked at.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

namespace klp::files {

// The bytes of a regular file, mapped, or bytes from memory. They may be written to (libelf wants that, though it has
// no need for what we ask of it); the file stays as it is. Moves keep the bytes where they are.
class Mapping {
public:
    // Throws report::Refusal "file.unreadable".
    static Mapping of(const std::filesystem::path& path);
    explicit Mapping(std::vector<std::byte> bytes);
    Mapping(Mapping&& other) noexcept;
    Mapping& operator=(Mapping&&) = delete;
    ~Mapping();

    std::byte* data() const { return data_; }
    size_t size() const { return size_; }

private:
    Mapping(void* data, size_t size) : data_(static_cast<std::byte*>(data)), size_(size), is_mapped_(true) {}

    std::vector<std::byte> owned_;
    std::byte* data_ = nullptr;
    size_t size_ = 0;
    bool is_mapped_ = false;
};

} // namespace klp::files
