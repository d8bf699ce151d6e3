// What only the report shows, gathered as the run gets on. Without --report nothing of it is looked at.
#pragma once

#include "pipeline.h"

#include "report/facts.h"

#include <map>
#include <string>
#include <vector>

namespace klp::build {

class Review {
public:
    explicit Review(const Options& options) : is_wanted_(!options.report.empty()), jobs_(options.jobs) {}

    void see_patch(const PatchedFiles& changes);
    // The objects that the patch changes: their images are inputs.
    void see_plan(const kernel::Plan& plan);
    // Of all units, or of those that were looked at first.
    void see_layouts(const std::vector<kernel::ObjectPair>& pairs);
    void see_references(const Module& linked, const Images& images);
    void see_module(const Livepatch& livepatch);

    const std::map<std::string, source::FileChange>& texts() const { return texts_; }
    const std::vector<report::LayoutTable>& layouts() const { return layouts_; }
    const std::vector<report::KernelSymbol>& symbols() const { return symbols_; }
    const std::vector<report::SectionSize>& sections() const { return sections_; }
    const std::vector<std::string>& owners() const { return owners_; }

private:
    bool is_wanted_;
    unsigned jobs_;
    std::map<std::string, source::FileChange> texts_; // by path
    std::vector<report::LayoutTable> layouts_;
    std::vector<report::KernelSymbol> symbols_;
    std::vector<report::SectionSize> sections_;
    std::vector<std::string> owners_; // sorted, unique
};

// The files that the run depends on, with the hash of each that can be read again: patches, images of the kernel and of
// the modules among `owners`, configuration and exports. Without a target only the patches.
std::vector<report::Input> list_inputs(const Options& options, const std::optional<kernel::Target>& target,
                                       const std::vector<std::string>& owners);

} // namespace klp::build
