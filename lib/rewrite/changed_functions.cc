#include "rewrite/changed_functions.h"

#include "rewrite/lines.h"

#include <clang/AST/Attr.h>
#include <clang/AST/RecursiveASTVisitor.h>

#include <algorithm>

namespace klp::rewrite {

namespace {

class Callees : public clang::RecursiveASTVisitor<Callees> {
public:
    bool VisitCallExpr(clang::CallExpr* call) {
        if (const clang::FunctionDecl* callee = call->getDirectCallee(); callee && callee->getDeclName().isIdentifier())
            names.insert(callee->getName().str());
        return true;
    }
    std::set<std::string> names;
};

bool is_boot_code(const clang::FunctionDecl& function) {
    const auto* section = function.getAttr<clang::SectionAttr>();
    return section && section->getName().starts_with(".init");
}

} // namespace

std::map<std::string, Function> functions_of(const ParsedUnit& unit) {
    return functions_in(unit, unit.main_file());
}

std::map<std::string, Function> functions_in(const ParsedUnit& unit, const std::string& file) {
    std::map<std::string, Function> functions;
    for (clang::Decl* declaration : unit.context().getTranslationUnitDecl()->decls()) {
        auto* function = llvm::dyn_cast<clang::FunctionDecl>(declaration);
        if (!function || !function->doesThisDeclarationHaveABody() || !function->getDeclName().isIdentifier())
            continue;
        const Place begin = unit.place_of(function->getBeginLoc());
        if (begin.file != file)
            continue;
        Callees callees;
        callees.TraverseStmt(function->getBody());
        functions[function->getName().str()] = {begin.offset,
                                                unit.end_of(function->getBody()->getEndLoc()).offset,
                                                function->getStorageClass() == clang::SC_Static,
                                                is_boot_code(*function),
                                                !function->hasAttr<clang::NoInstrumentFunctionAttr>(),
                                                std::move(callees.names)};
    }
    return functions;
}

bool is_changed(const Function& function, const PatchedText& text, const std::set<Edit>& others) {
    if (std::ranges::any_of(
            others, [&](const Edit& edit) { return edit.offset >= function.begin && edit.offset <= function.end; }))
        return true;
    const Lines lines(text.text);
    const size_t first = lines.number_of(function.begin), last = lines.number_of(function.end);
    for (size_t line = first; line <= last; ++line)
        if (text.line_origins[line] == 0 ||
            (line > first && text.line_origins[line] != text.line_origins[line - 1] + 1))
            return true;
    return false;
}

} // namespace klp::rewrite
