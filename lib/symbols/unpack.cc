#include "symbols/unpack.h"

#include "report/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <lz4.h>
#include <lzma.h>
#include <memory>
#include <zlib.h>
#include <zstd.h>

namespace klp::symbols {

namespace {

// The unpacked data, grown block by block up to the limit.
class Output {
public:
    Output(const std::string& name, size_t limit) : name_(name), limit_(limit) {}

    // Room for at least one more byte; the caller reports with use() how much of it was filled.
    std::span<std::byte> room(size_t wanted = size_t(1) << 18) {
        if (used_ >= limit_)
            throw report::Refusal("unpack.too-large", name_,
                                  fmt::format("the unpacked data is larger than {} bytes", limit_),
                                  "this is no kernel image or module");
        if (bytes_.size() < used_ + wanted)
            bytes_.resize(std::max(bytes_.size() * 2, used_ + wanted));
        return std::span(bytes_).subspan(used_);
    }
    void use(size_t size) { used_ += size; }
    std::vector<std::byte> take() {
        bytes_.resize(used_);
        return std::move(bytes_);
    }

private:
    const std::string& name_;
    size_t limit_;
    size_t used_ = 0;
    std::vector<std::byte> bytes_;
};

[[noreturn]] void damaged(const std::string& name, Packing packing, std::string_view why) {
    throw report::Refusal("unpack.damaged", name,
                          fmt::format("the {} data cannot be unpacked: {}", to_string(packing), why),
                          "the file is damaged or cut short; copy it again");
}

void unpack_gzip(elf::Bytes data, const std::string& name, Output& output) {
    z_stream stream = {};
    if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK)
        damaged(name, Packing::gzip, "no memory");
    std::unique_ptr<z_stream, int (*)(z_stream*)> closer(&stream, inflateEnd);
    int status = Z_OK;
    while (status != Z_STREAM_END) {
        if (stream.avail_in == 0) {
            size_t step = std::min<size_t>(data.size(), 1u << 30);
            stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(data.data()));
            stream.avail_in = static_cast<uInt>(step);
            data = data.subspan(step);
        }
        std::span<std::byte> room = output.room();
        uInt available = static_cast<uInt>(std::min<size_t>(room.size(), 1u << 30));
        stream.next_out = reinterpret_cast<Bytef*>(room.data());
        stream.avail_out = available;
        status = inflate(&stream, Z_NO_FLUSH);
        output.use(available - stream.avail_out);
        if (status != Z_OK && status != Z_STREAM_END)
            damaged(name, Packing::gzip, stream.msg ? stream.msg : "it ends early");
    }
}

void unpack_xz(elf::Bytes data, const std::string& name, Output& output) {
    lzma_stream stream = LZMA_STREAM_INIT;
    if (lzma_stream_decoder(&stream, UINT64_C(256) << 20, 0) != LZMA_OK)
        damaged(name, Packing::xz, "no memory");
    std::unique_ptr<lzma_stream, void (*)(lzma_stream*)> closer(&stream, lzma_end);
    stream.next_in = reinterpret_cast<const uint8_t*>(data.data());
    stream.avail_in = data.size();
    lzma_ret status = LZMA_OK;
    while (status != LZMA_STREAM_END) {
        std::span<std::byte> room = output.room();
        stream.next_out = reinterpret_cast<uint8_t*>(room.data());
        stream.avail_out = room.size();
        status = lzma_code(&stream, LZMA_RUN);
        output.use(room.size() - stream.avail_out);
        if (status != LZMA_OK && status != LZMA_STREAM_END)
            damaged(name, Packing::xz,
                    status == LZMA_BUF_ERROR ? "it ends early" : fmt::format("liblzma says {}", int(status)));
    }
}

void unpack_zstd(elf::Bytes data, const std::string& name, Output& output) {
    std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream*)> stream(ZSTD_createDStream(), ZSTD_freeDStream);
    if (!stream)
        damaged(name, Packing::zstd, "no memory");
    ZSTD_DCtx_setParameter(stream.get(), ZSTD_d_windowLogMax, 27);
    ZSTD_inBuffer input = {data.data(), data.size(), 0};
    size_t left = 1;
    while (left != 0) {
        std::span<std::byte> room = output.room();
        ZSTD_outBuffer out = {room.data(), room.size(), 0};
        size_t before = input.pos;
        left = ZSTD_decompressStream(stream.get(), &out, &input);
        if (ZSTD_isError(left))
            damaged(name, Packing::zstd, ZSTD_getErrorName(left));
        output.use(out.pos);
        if (left != 0 && out.pos == 0 && input.pos == before)
            damaged(name, Packing::zstd, "it ends early");
    }
}

// The kernel's images use the old frame format, `lz4 -l` (scripts/Makefile.lib): a magic number, then blocks of up to
// 8 MiB unpacked, each with its packed size before it. The end is where the input or the sequence of sound blocks ends.
void unpack_lz4(elf::Bytes data, const std::string& name, Output& output) {
    constexpr size_t block_size = size_t(8) << 20;
    data = data.subspan(4);
    bool any = false;
    while (data.size() > 4) {
        uint32_t packed = 0;
        for (unsigned at = 0; at < 4; ++at)
            packed |= std::to_integer<uint32_t>(data[at]) << (8 * at);
        if (packed == 0 || packed > data.size() - 4) {
            if (any)
                return;
            damaged(name, Packing::lz4, "a block reaches beyond the end");
        }
        std::span<std::byte> room = output.room(block_size);
        int size =
            LZ4_decompress_safe(reinterpret_cast<const char*>(data.data() + 4), reinterpret_cast<char*>(room.data()),
                                static_cast<int>(packed), static_cast<int>(block_size));
        if (size < 0)
            damaged(name, Packing::lz4, "a block is broken");
        output.use(static_cast<size_t>(size));
        any = true;
        data = data.subspan(4 + size_t(packed));
        if (static_cast<size_t>(size) < block_size)
            return;
    }
    if (!any)
        damaged(name, Packing::lz4, "it holds no block");
}

} // namespace

std::optional<Packing> packing_of(elf::Bytes data) {
    struct Magic {
        std::array<unsigned char, 6> bytes;
        size_t size;
        Packing packing;
    };
    static constexpr Magic magics[] = {{{0x1f, 0x8b}, 2, Packing::gzip},
                                       {{0xfd, '7', 'z', 'X', 'Z', 0}, 6, Packing::xz},
                                       {{0x28, 0xb5, 0x2f, 0xfd}, 4, Packing::zstd},
                                       {{0x02, 0x21, 0x4c, 0x18}, 4, Packing::lz4}};
    for (const Magic& magic : magics)
        if (data.size() >= magic.size && std::memcmp(data.data(), magic.bytes.data(), magic.size) == 0)
            return magic.packing;
    return std::nullopt;
}

std::string_view to_string(Packing packing) {
    switch (packing) {
    case Packing::gzip:
        return "gzip";
    case Packing::xz:
        return "xz";
    case Packing::zstd:
        return "zstd";
    case Packing::lz4:
        return "lz4";
    }
    return "unknown";
}

std::vector<std::byte> unpack(elf::Bytes data, Packing packing, const std::string& name, size_t limit) {
    if (packing_of(data) != packing)
        damaged(name, packing, "its first bytes are wrong");
    Output output(name, limit);
    switch (packing) {
    case Packing::gzip:
        unpack_gzip(data, name, output);
        break;
    case Packing::xz:
        unpack_xz(data, name, output);
        break;
    case Packing::zstd:
        unpack_zstd(data, name, output);
        break;
    case Packing::lz4:
        unpack_lz4(data, name, output);
        break;
    }
    return output.take();
}

} // namespace klp::symbols
