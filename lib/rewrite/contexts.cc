#include "rewrite/contexts.h"

#include <clang/AST/RecursiveASTVisitor.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace klp::rewrite {

namespace {

// ___GFP_DIRECT_RECLAIM, where it is made of an enumerator (include/linux/gfp_types.h since 6.10).
std::optional<uint64_t> direct_reclaim(const clang::ASTContext& context) {
    const auto found = context.getTranslationUnitDecl()->lookup(
        clang::DeclarationName(&context.Idents.get("___GFP_DIRECT_RECLAIM_BIT")));
    const auto* bit = found.empty() ? nullptr : llvm::dyn_cast<clang::EnumConstantDecl>(found.front());
    return bit ? std::optional(uint64_t(1) << (bit->getInitVal().getZExtValue() & 63)) : std::nullopt;
}

} // namespace

class CallFinder : public clang::RecursiveASTVisitor<CallFinder> {
public:
    CallFinder(const ParsedUnit& unit, Contexts& contexts)
        : unit_(unit), contexts_(contexts), direct_reclaim_(direct_reclaim(unit.context())) {
        TraverseDecl(unit.context().getTranslationUnitDecl());
    }

    bool TraverseFunctionDecl(clang::FunctionDecl* function) {
        const clang::FunctionDecl* outer = std::exchange(caller_, function);
        const bool goes_on = RecursiveASTVisitor::TraverseFunctionDecl(function);
        caller_ = outer;
        return goes_on;
    }

    bool TraverseCallExpr(clang::CallExpr* call) {
        if (const clang::FunctionDecl* callee = call->getDirectCallee()) {
            contexts_.calls_[callee->getCanonicalDecl()].push_back({caller_, unit_.place_of(call->getBeginLoc())});
            if (caller_ && waits_for_memory(*call, *callee))
                contexts_.reclaims_[caller_->getCanonicalDecl()].push_back(unit_.place_of(call->getBeginLoc()));
        } else
            TraverseStmt(call->getCallee());
        for (clang::Expr* argument : call->arguments())
            TraverseStmt(argument);
        return true;
    }

    bool VisitDeclRefExpr(clang::DeclRefExpr* name) {
        if (const auto* function = llvm::dyn_cast<clang::FunctionDecl>(name->getDecl()))
            contexts_.pointed_to_.insert(function->getCanonicalDecl());
        return true;
    }

private:
    bool waits_for_memory(const clang::CallExpr& call, const clang::FunctionDecl& callee) const {
        if (!direct_reclaim_)
            return false;
        for (unsigned at = 0; at < std::min(call.getNumArgs(), callee.getNumParams()); ++at) {
            clang::Expr::EvalResult flags;
            if (callee.getParamDecl(at)->getType().getAsString() == "gfp_t" &&
                call.getArg(at)->EvaluateAsInt(flags, unit_.context()) &&
                (flags.Val.getInt().getExtValue() & static_cast<int64_t>(*direct_reclaim_)) != 0)
                return true;
        }
        return false;
    }

    const ParsedUnit& unit_;
    Contexts& contexts_;
    std::optional<uint64_t> direct_reclaim_;
    const clang::FunctionDecl* caller_ = nullptr;
};

Contexts::Contexts(const ParsedUnit& unit) : unit_(unit) {
    CallFinder(unit, *this);
}

Context Contexts::at(const clang::FunctionDecl& function, const Place& place) const {
    std::set<const clang::FunctionDecl*> under_way;
    return at(function, place, under_way);
}

bool Contexts::sleeps_by_calls(const clang::FunctionDecl& function, std::string_view body, const Place& begin) const {
    const auto found = reclaims_.find(function.getCanonicalDecl());
    return found != reclaims_.end() && std::ranges::any_of(found->second, [&](const Place& call) {
               return call.file == begin.file && call.offset >= begin.offset &&
                      is_free_at(body, call.offset - begin.offset);
           });
}

Context Contexts::at(const clang::FunctionDecl& function, const Place& place,
                     std::set<const clang::FunctionDecl*>& under_way) const {
    const clang::SourceRange range = function.getBody()->getSourceRange();
    const Place begin = unit_.place_of(range.getBegin()), end = unit_.end_of(range.getEnd());
    if (place.file != begin.file || place.offset < begin.offset)
        return Context::atomic;
    const std::string_view body = unit_.text_of(begin.file).substr(begin.offset, end.offset - begin.offset);
    const size_t offset = place.offset - begin.offset;
    const bool is_free = is_free_at(body, offset);
    if (context_at(body, offset) == Context::may_sleep || (is_free && sleeps_by_calls(function, body, begin)))
        return Context::may_sleep;
    const clang::FunctionDecl* known = function.getCanonicalDecl();
    const auto calls = calls_.find(known);
    if (!is_free || function.isExternallyVisible() || pointed_to_.contains(known) || calls == calls_.end() ||
        !under_way.insert(known).second)
        return Context::atomic;
    const bool may = std::ranges::all_of(calls->second, [&](const Call& call) {
        return call.caller && at(*call.caller, call.place, under_way) == Context::may_sleep;
    });
    under_way.erase(known);
    return may ? Context::may_sleep : Context::atomic;
}

} // namespace klp::rewrite
