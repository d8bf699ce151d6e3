// Proof of origin of each unit's original object, and what a patch may make of it.
#include "origins.h"

#include "host/parallel.h"
#include "report/errors.h"
#include "report/finding.h"

#include <fmt/format.h>

#include <algorithm>

namespace klp::build {

namespace {

using proof::OriginStatus;
using report::Finding;
using report::Severity;

constexpr const char* own_source = "give the source, configuration and compiler that the running kernel was built from";

// A unit that only the patch brings is compared with an empty one: all of it is new.
elf::Object open_original(const kernel::ObjectPair& pair, const elf::Object& patched) {
    if (!pair.original.empty())
        return elf::Object::open(pair.original, pair.unit.source);
    return elf::Object::from_bytes("(new file)", elf::Builder::like(patched).bytes());
}

// A place as people know it: the address and what is there.
std::string describe(const proof::Image& image, const proof::FieldTarget& reference) {
    if (!reference.location)
        return std::string(reference.undefined_name);
    if (image.is_module())
        return fmt::format("{:#x} of module {}", *reference.location, image.object());
    const symbols::KernelSymbol* symbol = image.symbols().covering(*reference.location);
    return symbol ? fmt::format("{:#x} ({}+{:#x})", *reference.location, symbol->name,
                                *reference.location - symbol->address)
                  : fmt::format("{:#x}", *reference.location);
}

// The function that a section of its own holds.
std::string function_of(const elf::Object& unit, uint32_t section) {
    auto found = std::ranges::find_if(unit.symbols(), [&](const elf::Symbol& symbol) {
        return section != 0 && symbol.section == section && symbol.place == elf::Place::section && symbol.is_function();
    });
    return found == unit.symbols().end() ? std::string() : std::string(found->name);
}

Finding describe(const ProvenPair& pair, const proof::Image& owner, const proof::Contradiction& contradiction) {
    std::string_view name = pair.original.symbol(contradiction.symbol).name;
    std::string message =
        contradiction.is_misnamed
            ? fmt::format("where it refers to {}, the code of {} refers to {}, which is something else", name,
                          owner.object(), describe(owner, contradiction.first))
            : fmt::format(
                  "the code of {} that it was compiled to refers to {} at two places, {} and {}: one of them is "
                  "something else",
                  owner.object(), name, describe(owner, contradiction.first), describe(owner, contradiction.second));
    return {"origin.contradiction", Severity::error,
            pair.unit.source,       function_of(pair.original, contradiction.section),
            std::move(message),     own_source};
}

// Found by name where the image's content says nothing of it.
Finding describe_unproven(const ProvenPair& pair, const diff::KernelReference& reference, bool is_refused) {
    const symbols::Resolution& found = reference.resolution;
    std::string message = fmt::format("it refers to {} of {}, of which the kernel's image shows no use by this unit: "
                                      "it was found by its name alone, {}",
                                      reference.name, found.object,
                                      found.is_global ? "the only global one"
                                                      : "and the source may mean another one that is no longer there");
    const Severity kind = found.is_global ? Severity::note : Severity::warning;
    return {"origin.reference-unproven",
            is_refused ? Severity::error : kind,
            pair.unit.source,
            reference.function,
            std::move(message),
            is_refused
                ? "have the patch use what the unit's original code refers to or what the kernel exports; or look "
                  "the symbol up in the kernel, and leave out --require-proof"
                : "look the symbol up in the kernel's image; --require-proof refuses it"};
}

Finding describe_different(const ProvenPair& pair, const std::string& function, std::string_view name) {
    return {"origin.data-different",
            Severity::error,
            pair.unit.source,
            function,
            fmt::format("{}, which it reads, holds something else in the image of {} than in this source", name,
                        pair.unit.owner),
            own_source};
}

Finding describe_function(const Options& options, const ProvenPair& pair, const proof::FunctionOrigin& function) {
    const std::string name(pair.original.symbol(function.symbol).name);
    Finding finding{"origin.unproven",
                    Severity::error,
                    pair.unit.source,
                    name,
                    fmt::format("the image of {} does not hold this function as it was compiled", pair.unit.owner),
                    "check that source, configuration and compiler are the kernel's own"};
    if (function.status == OriginStatus::unreadable) {
        finding.severity = options.require_proof ? Severity::error : Severity::warning;
        finding.message = "no image of this machine can be asked yet whether this is the function that the kernel runs";
        finding.hint = "make sure that source, configuration and compiler are the kernel's own";
        finding.hint += options.require_proof ? ", and leave out --require-proof" : "";
    }
    // Other bytes under its name are not what the kernel runs. Of several that are the same, it is one.
    if (function.status == OriginStatus::ambiguous) {
        finding.severity = options.require_proof ? Severity::error : Severity::warning;
        finding.message = fmt::format("{} holds this function more than once, and nothing tells which is this unit's",
                                      pair.unit.owner);
        finding.hint = "patch a function that calls it instead";
    }
    return finding;
}

} // namespace

ProofSummary summarize(const ProvenPair& pair) {
    const proof::UnitOrigin& origin = pair.origin;
    ProofSummary summary;
    summary.functions = origin.functions.size();
    summary.proven = origin.count(OriginStatus::proven);
    summary.overridden = origin.count(OriginStatus::overridden);
    summary.not_looked_for = origin.not_looked_for;
    summary.data = origin.data.size();
    for (const proof::FunctionOrigin& function : origin.functions)
        if (function.status != OriginStatus::proven && function.status != OriginStatus::overridden)
            summary.unproven.emplace_back(pair.original.symbol(function.symbol).name);
    for (const proof::DataOrigin& data : origin.data)
        if (!data.is_same)
            summary.different_data.emplace_back(pair.original.symbol(data.symbol).name);
    return summary;
}

void require_origin(const kernel::Target& target, const proof::Image& owner, const ProvenPair& pair) {
    const proof::UnitOrigin& origin = pair.origin;
    // A unit of which the image holds next to nothing is another unit: wrong source, configuration or compiler.
    size_t foreign = origin.count(OriginStatus::different) + origin.count(OriginStatus::missing);
    if (foreign * 2 > origin.functions.size()) {
        auto first = std::ranges::find_if(origin.functions, [](const proof::FunctionOrigin& function) {
            return function.status == OriginStatus::different || function.status == OriginStatus::missing;
        });
        throw report::Refusal(
            {"origin.foreign-unit", Severity::error, pair.unit.source,
             std::string(pair.original.symbol(first->symbol).name),
             fmt::format("{} of its {} functions are not in {} of {}: it was not built from this source, with this "
                         "configuration and compiler",
                         foreign, origin.functions.size(), pair.unit.owner, target.release),
             own_source});
    }
    std::vector<Finding> findings;
    for (const proof::Contradiction& contradiction : origin.contradictions)
        findings.push_back(describe(pair, owner, contradiction));
    if (!findings.empty())
        throw report::Refusal(std::move(findings));
}

std::vector<Finding> check_proof(const Options& options, const ProvenPair& pair, const diff::Diff& diff) {
    std::vector<Finding> findings;
    for (const diff::Item& item : diff.items) {
        const proof::FunctionOrigin* function = item.original ? pair.origin.find(item.original) : nullptr;
        const proof::DataOrigin* data = item.original ? pair.origin.find_data(item.original) : nullptr;
        // Every function that is to be replaced must be the one that the kernel runs.
        if (function && item.change == diff::Change::changed && function->status != OriginStatus::proven)
            findings.push_back(describe_function(options, pair, *function));
        if (data && !data->is_same)
            findings.push_back(describe_different(pair, item.because.empty() ? "" : item.because.front(), item.name));
    }
    for (const diff::KernelReference& reference : diff.references) {
        if (reference.resolution.has_other_content)
            findings.push_back(describe_different(pair, reference.function, reference.name));
        if (!reference.resolution.is_proven)
            findings.push_back(describe_unproven(pair, reference, options.require_proof));
    }
    if (report::has_error(findings)) {
        std::erase_if(findings, [](const Finding& finding) { return finding.severity != Severity::error; });
        throw report::Refusal(std::move(findings));
    }
    return findings;
}

std::vector<ProvenPair> prove_origins(const Options& options, const kernel::Target& target,
                                      const std::vector<kernel::ObjectPair>& pairs, const Images& images) {
    std::vector<std::optional<ProvenPair>> results(pairs.size());
    host::parallel_for(pairs.size(), options.jobs, [&](size_t at) {
        const kernel::ObjectPair& pair = pairs[at];
        elf::Object patched = elf::Object::open(pair.patched, pair.unit.source);
        elf::Object original = open_original(pair, patched);
        const proof::Image& owner = images.of(pair.unit.owner);
        proof::UnitOrigin origin = proof::prove_origin(original, owner);
        results[at].emplace(ProvenPair{pair.unit, std::move(original), std::move(patched), std::move(origin)});
        require_origin(target, owner, *results[at]);
    });
    std::vector<ProvenPair> proven;
    for (std::optional<ProvenPair>& result : results)
        proven.push_back(std::move(*result));
    return proven;
}

} // namespace klp::build
