#include "diff/hash.h"

#include <llvm/ADT/ArrayRef.h>
#include <llvm/Support/xxhash.h>

namespace klp::diff {

Hash Hasher::result() const {
    const llvm::ArrayRef<uint8_t> bytes(reinterpret_cast<const uint8_t*>(buffer_.data()), buffer_.size());
    const llvm::XXH128_hash_t hash = llvm::xxh3_128bits(bytes);
    return {hash.low64, hash.high64};
}

} // namespace klp::diff
