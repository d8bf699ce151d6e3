// Private to this room: an open file, closed at the end of its scope.
#pragma once

#include <unistd.h>

namespace klp::files {

class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd_ >= 0)
            close(fd_);
    }
    operator int() const { return fd_; }

private:
    int fd_;
};

} // namespace klp::files
