// The steps of an object's life that a function's text takes with it: each is to be taken once.
#pragma once

#include "source/object_texts.h"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace klp::source {

struct Step {
    enum class Does : uint8_t {
        readies,    // INIT_WORK(&p->work, f), timer_setup(), mutex_init()
        gives_back, // kfree(p->name), sock_put(p->sk), destroy_workqueue(p->wq)
        takes,      // sock_hold(p->sk)
        removes     // list_del(&p->list), rb_erase(&p->node, root), idr_remove(&all, id)
    };
    Does does = Does::readies;
    std::string_view by;         // the function that is called
    std::string family;          // equal for functions that do the same: "memory" of kfree() and kvfree(), "sock"
    std::string object;          // "->close_work", "vvs"
    std::set<std::string> names; // that lead there: its own, and of a variable the member that it was read from
    std::string base_type;       // "vsock_sock" of p->trans, where that is known
    std::string type;            // of a variable alone: what it points to
    std::string base;            // the variable that it begins with
    bool is_own = false;         // of what the function itself has made, or looked up, or of the file's variable
    bool is_of_file = false;     // of a variable that is no function's own
};

// In the order of the text. `rest`: the tokens outside of functions, which name the file's variables.
std::vector<Step> steps_of(Words words, const std::string& rest);

// Whether two steps may be the same one of one kind of object: by what leads there, and by the types as far as the
// texts show them.
bool is_same_step(const Step& one, const Step& other);

} // namespace klp::source
