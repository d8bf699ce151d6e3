#include "rewrite/object_paths.h"

#include <clang/AST/ASTContext.h>
#include <fmt/format.h>

#include <algorithm>

namespace klp::rewrite {

namespace {

bool is_same(const clang::RecordDecl& a, const clang::RecordDecl& b) {
    return a.getCanonicalDecl() == b.getCanonicalDecl();
}

void find_paths(const clang::RecordDecl& outer, const clang::RecordDecl& record, const std::string& path,
                std::vector<std::string>& paths) {
    if (is_same(outer, record)) {
        paths.push_back(path);
        return;
    }
    const clang::RecordDecl* definition = outer.getDefinition();
    if (!definition)
        return;
    for (const clang::FieldDecl* field : definition->fields())
        if (const clang::RecordDecl* inner = field->getType()->getAsRecordDecl())
            find_paths(*inner, record, field->getName().empty() ? path : path + "." + field->getName().str(), paths);
}

} // namespace

const clang::Expr& without_casts(const clang::Expr& pointer) {
    const clang::Expr* inner = pointer.IgnoreParenImpCasts();
    while (const auto* cast = llvm::dyn_cast<clang::CStyleCastExpr>(inner)) {
        const clang::QualType type = cast->getType();
        if (type->isPointerType() && type->getPointeeType()->isRecordType())
            break;
        inner = cast->getSubExpr()->IgnoreParenImpCasts();
    }
    return *inner;
}

std::vector<std::string> paths_to(const clang::RecordDecl& outer, const clang::RecordDecl& record) {
    std::vector<std::string> paths;
    find_paths(outer, record, "", paths);
    return paths;
}

std::vector<std::string> objects_at(const clang::Expr& pointer, const clang::RecordDecl& record,
                                    const std::string& text) {
    const clang::QualType type = without_casts(pointer).getType();
    const clang::RecordDecl* pointee = type->isPointerType() ? type->getPointeeType()->getAsRecordDecl() : nullptr;
    std::vector<std::string> objects;
    if (!pointee)
        return objects;
    for (const std::string& path : paths_to(*pointee, record))
        objects.push_back(path.empty() ? text : fmt::format("&{}->{}", text, path.substr(1)));
    return objects;
}

bool has_inside(clang::QualType type, const clang::RecordDecl& record) {
    const clang::RecordDecl* outer = type->getBaseElementTypeUnsafe()->getAsRecordDecl();
    if (!outer)
        return false;
    if (is_same(*outer, record))
        return true;
    const clang::RecordDecl* definition = outer->getDefinition();
    return definition && std::ranges::any_of(definition->fields(), [&](const clang::FieldDecl* field) {
               return has_inside(field->getType(), record);
           });
}

std::set<std::string> holders_in(const clang::RecordDecl& outer, const clang::RecordDecl& record) {
    std::set<std::string> holders;
    const clang::RecordDecl* definition = outer.getDefinition();
    if (!definition || is_same(outer, record) || paths_to(outer, record).empty())
        return holders;
    holders.insert(spelling_of(outer));
    for (const clang::FieldDecl* field : definition->fields())
        if (const clang::RecordDecl* inner = field->getType()->getAsRecordDecl())
            holders.merge(holders_in(*inner, record));
    return holders;
}

std::string spelling_of(const clang::RecordDecl& record) {
    return record.getASTContext().getRecordType(&record).getAsString();
}

} // namespace klp::rewrite
