// Watching packages arrive.
#include "compile.h"
#include "files/files.h"
#include "kernel/arrival.h"

#include <doctest/doctest.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>

using namespace klp;
using namespace klp::kernel;

namespace {

// What was told, and waiting for it.
class Told {
public:
    Progress progress() {
        return {.line = {}, .bytes = [this](uint64_t arrived, uint64_t of_all) {
                    const std::lock_guard guard(mutex_);
                    last_ = {arrived, of_all};
                    changed_.notify_all();
                }};
    }
    void await(uint64_t arrived, uint64_t of_all) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return last_ == std::pair(arrived, of_all); });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::pair<uint64_t, uint64_t> last_;
};

} // namespace

TEST_CASE("what arrives is told, and counts once wherever it goes") {
    const test::ScratchDirectory folder;
    Told told;
    const ArrivalWatch watch(folder.path(), 1000, told.progress());
    told.await(0, 1000);
    files::make_folder(folder.path() / "partial");
    files::write(folder.path() / "partial/a.deb", std::string(300, 'x'));
    files::write(folder.path() / "lock", std::string(50, 'x'));
    told.await(300, 1000);
    files::write(folder.path() / "a.deb", std::string(400, 'x'));
    files::remove_tree(folder.path() / "partial/a.deb");
    told.await(400, 1000);
    files::remove_tree(folder.path() / "a.deb");
    files::write(folder.path() / "b.deb", std::string(200, 'x'));
    told.await(600, 1000);
    files::write(folder.path() / "c.deb", std::string(5000, 'x'));
    told.await(1000, 1000);
}
