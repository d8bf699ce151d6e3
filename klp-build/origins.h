// What proof of origin means for a patch: a unit that is not the kernel's own is refused, and so is what a unit's copy
// of code takes over unproven where nothing but proof will do.
#pragma once

#include "pipeline.h"

namespace klp::build {

// How much of a unit the image vouches for.
ProofSummary summarize(const ProvenPair& pair);

// Throws report::Refusal "origin.foreign-unit" or "origin.contradiction" for an original that the kernel was not built
// from, as far as the image tells.
void require_origin(const kernel::Target& target, const proof::Image& owner, const ProvenPair& pair);

// What in the difference rests on names alone, or on something else than the kernel runs. Throws report::Refusal for
// what is not what the kernel runs and, with --require-proof, for what is only unproven.
std::vector<report::Finding> check_proof(const Options& options, const ProvenPair& pair, const diff::Diff& diff);

} // namespace klp::build
