// A new member of a structure becomes a shadow variable: the edits of one structure, in all units that use it.
#pragma once

#include "report/finding.h"
#include "rewrite/edits.h"
#include "rewrite/new_members.h"
#include "rewrite/parsed_unit.h"
#include "rewrite/shadow_code.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace klp::rewrite {

// What one unit knows of the structure.
struct RecordInUnit {
    const ParsedUnit* unit = nullptr;
    std::string owner;
    ExtendedRecord record;
};

struct ShadowPlan {
    Shadow shadow;
    FileEdits edits;                // all but the accessors
    Place definition;               // behind that of the structure
    std::vector<std::string> users; // files that need the accessors, sorted, the first one holds them; absolute
    std::optional<Place> early_end; // the first place before the definition where an object is freed
    std::string summary;            // for the author
    std::vector<report::Finding> questions;
    std::vector<std::string> remarks;
};

// `views` are of one structure and not empty. `root`: what paths of the patched tree begin with.
ShadowPlan plan_shadow(const std::vector<RecordInUnit>& views, const std::string& root);

} // namespace klp::rewrite
