// Steps of an object's life that a patch moves from one function to another. An object that has passed one of them
// under the old code and comes to the other under the new takes the step twice or never; the other way round it is when
// the patch is disabled, and for tasks that have not gone over yet.
#pragma once

#include <string>
#include <vector>

namespace klp::source {

struct ObjectTexts; // object_texts.h

struct MovedStep {
    enum class Kind {
        readied_by_maker, // `to` makes `what` ready when it makes the object; `from` did before it used that
        readied_by_user,  // `to` does so when it comes to use it; `from` did when it made the object
        readied,          // neither makes the object
        given_back,       // `to` gives back `what`
        taken,            // `to` takes a reference to it
        removed           // `to` takes it out of a list, tree or table
    };
    Kind kind = Kind::readied;
    std::string from, to; // functions: the one that no longer does it, and the one that now does
    std::string what;     // "->close_work"
    std::string by;       // the function that `to` calls: "INIT_DELAYED_WORK"
};

// `texts`: of all files that a patch changes. It is no move where one of the two functions calls the other,
// a third calls both, or nobody comes to the one but by way of the other; where the object is the function's own; and
// of what runs once only (__init). A function that is new or gone counts as a part of those that call it. Linear in the
// texts, but for the functions that changed.
std::vector<MovedStep> compare_steps(const ObjectTexts& texts);

} // namespace klp::source
