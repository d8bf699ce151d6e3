#include "rewrite/lifetimes.h"

#include "rewrite/freeing.h"
#include "rewrite/object_paths.h"

#include <clang/AST/Attr.h>
#include <clang/AST/ParentMapContext.h>
#include <clang/AST/RecursiveASTVisitor.h>
#include <clang/AST/Stmt.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace klp::rewrite {

namespace {

// What kfree_rcu() and its like (include/linux/rcupdate.h) are macros around, which hold the object in a variable.
constexpr std::string_view variable_of_kfree_rcu = "___p";

// The functions behind the macros have underscores in front (_kmalloc_noprof() of 7.x).
bool is_allocator(llvm::StringRef name) {
    name = name.ltrim('_');
    return name.starts_with("kmalloc") || name.starts_with("kzalloc") || name.starts_with("kvmalloc") ||
           name.starts_with("kvzalloc") || name.starts_with("kmem_cache_alloc") ||
           name.starts_with("kmem_cache_zalloc") || name.starts_with("vzalloc") || name.starts_with("vmalloc");
}

// Boot code cannot be patched, and is over.
bool stays(const clang::FunctionDecl& function) {
    const auto* section = function.getAttr<clang::SectionAttr>();
    return !section || !(section->getName().starts_with(".init") || section->getName().starts_with(".exit"));
}

class Visitor : public clang::RecursiveASTVisitor<Visitor> {
public:
    Visitor(const ParsedUnit& unit, const clang::RecordDecl& record) : unit_(unit), record_(record) {
        for (clang::Decl* declaration : unit.context().getTranslationUnitDecl()->decls())
            if (auto* function = llvm::dyn_cast<clang::FunctionDecl>(declaration);
                function && function->doesThisDeclarationHaveABody() && stays(*function) &&
                unit.place_of(function->getLocation()).file == unit.main_file()) {
                function_ = function;
                TraverseStmt(function->getBody());
            }
    }

    bool VisitCallExpr(clang::CallExpr* call) {
        const clang::FunctionDecl* callee = call->getDirectCallee();
        if (!callee || !callee->getDeclName().isIdentifier())
            return true;
        if (const std::optional<FreeingCall> freeing = freeing_call(*call); freeing && freeing->is_several) {
            frees_of_several_.push_back({call, function_, freeing->what});
        } else if (freeing && !is_of_kfree_rcu(*freeing->what)) {
            const clang::Expr& pointer = *freeing->what;
            if (const clang::ValueDecl* array = array_of(pointer); array && !objects_at(pointer, record_, "p").empty())
                frees_of_arrays_.push_back({{call, function_, &pointer}, array->getCanonicalDecl()});
            add_end(*call, pointer, result.frees);
            note_ended(without_casts(pointer).getType());
            if (const auto* keeper = llvm::dyn_cast<clang::MemberExpr>(&without_casts(pointer));
                keeper && keeper->getType()->isVoidPointerType())
                frees_without_type_.push_back({call, function_, &pointer, keeper->getMemberDecl()->getNameAsString()});
        }
        if (callee->getName().ends_with("memset") && call->getNumArgs() > 0)
            add_end(*call, *call->getArg(0), result.resets);
        return true;
    }

    // `q->slots[i]` is one of those that `kfree(q->slots)` frees.
    bool VisitArraySubscriptExpr(clang::ArraySubscriptExpr* element) {
        if (has_inside(element->getType(), record_))
            if (const clang::ValueDecl* array = array_of(*element->getBase()))
                indexed_.insert(array->getCanonicalDecl());
        return true;
    }

    bool VisitCastExpr(clang::CastExpr* cast) {
        if (!cast->getType()->isVoidPointerType() || !cast->getSubExpr()->getType()->isPointerType())
            return true;
        const clang::RecordDecl* pointee = cast->getSubExpr()->getType()->getPointeeType()->getAsRecordDecl();
        if (const std::string keeper = pointee ? keeper_of(*cast) : ""; !keeper.empty())
            kept_without_type_[keeper].insert(llvm::cast<clang::RecordDecl>(pointee->getCanonicalDecl()));
        return true;
    }

    bool VisitVarDecl(clang::VarDecl* variable) {
        if (!variable->hasInit())
            return true;
        if (std::string_view(variable->getName()) == variable_of_kfree_rcu && variable->getLocation().isMacroID()) {
            const clang::DynTypedNodeList parents = unit_.context().getParents(*variable);
            if (!parents.empty() && parents[0].get<clang::DeclStmt>()) {
                add_end(*parents[0].get<clang::DeclStmt>(), *variable->getInit(), result.frees);
                note_ended(variable->getType());
            }
        }
        return true;
    }

    bool VisitBinaryOperator(clang::BinaryOperator* assignment) {
        note_element(*assignment);
        if (assignment->getOpcode() != clang::BO_Assign || !allocates(assignment->getRHS()))
            return true;
        const std::optional<std::string> target = unit_.text_of(assignment->getLHS()->getSourceRange());
        if (target)
            for (const std::string& object : objects_at(*assignment->getLHS(), record_, *target))
                if (std::optional<LifetimeSite> site = site_of(*assignment, *assignment->getLHS(), object);
                    site && !site->opening)
                    add(std::move(*site), result.allocations);
        note_holders(assignment->getLHS()->getType(), result.made);
        return true;
    }

    // Where an object's address is kept without its type, `kfree(cb->data)` may be its end. Freeing what nothing is
    // kept beside does no harm.
    Lifetimes run() {
        for (const UntypedFree& free : frees_without_type_)
            for (const clang::RecordDecl* outer : kept_without_type_[free.keeper]) {
                function_ = free.function;
                add_untyped_end(*free.call, *free.pointer, *outer);
            }
        for (const auto& [free, array] : frees_of_arrays_)
            if (indexed_.contains(array))
                frees_of_several_.push_back(free);
        for (const FreeOfSeveral& free : frees_of_several_)
            if (leads_to_objects(*free.what)) {
                function_ = free.function;
                add_problem(*free.call, "several objects are freed there at once, and beside each of them something is "
                                        "kept");
            }
        return std::move(result);
    }

private:
    struct UntypedFree {
        const clang::CallExpr* call;
        const clang::FunctionDecl* function;
        const clang::Expr* pointer;
        std::string keeper; // name of the member that is freed
    };
    struct FreeOfSeveral {
        const clang::CallExpr* call;
        const clang::FunctionDecl* function;
        const clang::Expr* what;
    };
    Lifetimes result;

    static bool is_of_kfree_rcu(const clang::Expr& pointer) {
        const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(&without_casts(pointer));
        return name && name->getDecl()->getDeclName().isIdentifier() &&
               std::string_view(name->getDecl()->getName()) == variable_of_kfree_rcu;
    }

    void note_holders(clang::QualType pointer, std::set<std::string>& holders) const {
        const clang::RecordDecl* pointee =
            pointer->isPointerType() ? pointer->getPointeeType()->getAsRecordDecl() : nullptr;
        if (pointee)
            holders.merge(holders_in(*pointee, record_));
    }

    void note_ended(clang::QualType pointer) { note_holders(pointer, result.ended); }

    // The variable or member that an array is: `f->slots`.
    static const clang::ValueDecl* array_of(const clang::Expr& expression) {
        const clang::Expr* array = expression.IgnoreParenCasts();
        if (const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(array))
            return name->getDecl();
        const auto* member = llvm::dyn_cast<clang::MemberExpr>(array);
        return member ? member->getMemberDecl() : nullptr;
    }

    // `gone[count++] = p;` puts an object among those that are freed later.
    void note_element(const clang::BinaryOperator& assignment) {
        const auto* element = llvm::dyn_cast<clang::ArraySubscriptExpr>(assignment.getLHS()->IgnoreParens());
        if (!element || assignment.getOpcode() != clang::BO_Assign ||
            objects_at(*assignment.getRHS(), record_, "p").empty())
            return;
        if (const clang::ValueDecl* array = array_of(*element->getBase()))
            arrays_.insert(array->getCanonicalDecl());
    }

    // An array with objects, or a pointer to those of all processors.
    bool leads_to_objects(const clang::Expr& what) const {
        const clang::ValueDecl* array = array_of(what);
        return !objects_at(what, record_, "p").empty() || (array && arrays_.contains(array->getCanonicalDecl()));
    }

    // The name of the member that an expression is stored in; empty if it is none.
    std::string keeper_of(const clang::Expr& expression) const {
        const clang::DynTypedNodeList parents = unit_.context().getParents(expression);
        const auto* parent = parents.empty() ? nullptr : parents[0].get<clang::Stmt>();
        if (const auto* assignment = llvm::dyn_cast_or_null<clang::BinaryOperator>(parent)) {
            const auto* target = llvm::dyn_cast<clang::MemberExpr>(assignment->getLHS()->IgnoreParens());
            return target && assignment->getOpcode() == clang::BO_Assign ? target->getMemberDecl()->getNameAsString()
                                                                         : "";
        }
        const auto* list = llvm::dyn_cast_or_null<clang::InitListExpr>(parent);
        const clang::RecordDecl* record = list ? list->getType()->getAsRecordDecl() : nullptr;
        if (!record)
            return "";
        unsigned at = 0;
        for (const clang::FieldDecl* field : record->fields())
            if (at < list->getNumInits() && list->getInit(at++) == &expression)
                return field->getNameAsString();
        return "";
    }

    void add_untyped_end(const clang::Stmt& statement, const clang::Expr& pointer, const clang::RecordDecl& outer) {
        const std::vector<std::string> paths = paths_to(outer, record_);
        const std::optional<std::string> text = unit_.text_of(without_casts(pointer).getSourceRange());
        if (paths.empty() || !text || may_do_something(*text))
            return;
        const clang::QualType type = unit_.context().getRecordType(&outer);
        for (const std::string& path : paths)
            if (std::optional<LifetimeSite> site = site_of(
                    statement, pointer,
                    path.empty() ? *text : fmt::format("&(({} *){})->{}", type.getAsString(), *text, path.substr(1))))
                add(std::move(*site), result.frees);
        result.ended.merge(holders_in(outer, record_));
    }

    // What macros make of it (alloc_hooks(), kzalloc_obj()) is a block's value: its last expression, or what the
    // variable there is given in the block: `({ void *_res; if (profiling) _res = kmalloc(n); else _res = kmalloc(n);
    // _res; })`.
    static bool block_allocates(const clang::StmtExpr& block) {
        const auto* last =
            block.getSubStmt()->body_empty() ? nullptr : llvm::dyn_cast<clang::Expr>(block.getSubStmt()->body_back());
        if (!last)
            return false;
        const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(last->IgnoreParenCasts());
        const auto* variable = name ? llvm::dyn_cast<clang::VarDecl>(name->getDecl()) : nullptr;
        if (!variable)
            return allocates(last);
        return (variable->getInit() && allocates(variable->getInit())) ||
               gives_allocated(*block.getSubStmt(), *variable);
    }

    static bool gives_allocated(const clang::Stmt& statement, const clang::VarDecl& variable) {
        if (const auto* assignment = llvm::dyn_cast<clang::BinaryOperator>(&statement);
            assignment && assignment->getOpcode() == clang::BO_Assign) {
            const auto* target = llvm::dyn_cast<clang::DeclRefExpr>(assignment->getLHS()->IgnoreParens());
            if (target && target->getDecl() == &variable)
                return allocates(assignment->getRHS());
        }
        return std::ranges::any_of(
            statement.children(), [&](const clang::Stmt* child) { return child && gives_allocated(*child, variable); });
    }

    static bool allocates(const clang::Expr* value) {
        value = value->IgnoreParenCasts();
        if (const auto* block = llvm::dyn_cast<clang::StmtExpr>(value))
            return block_allocates(*block);
        const auto* call = llvm::dyn_cast<clang::CallExpr>(value);
        const clang::FunctionDecl* callee = call ? call->getDirectCallee() : nullptr;
        return callee && callee->getDeclName().isIdentifier() && is_allocator(callee->getName());
    }

    void add_end(const clang::Stmt& statement, const clang::Expr& pointer, std::vector<LifetimeSite>& ends) {
        const std::vector<std::string> some = objects_at(pointer, record_, "p");
        if (some.empty())
            return;
        std::optional<std::string> text = unit_.text_of(without_casts(pointer).getSourceRange());
        if (!text) // a macro's, with the parentheses that it has around itself
            text = unit_.text_of(pointer.getSourceRange());
        if (!text || may_do_something(*text)) {
            add_problem(statement, "what ends there has no name");
            return;
        }
        for (const std::string& object : objects_at(pointer, record_, *text)) {
            if (std::optional<LifetimeSite> site = site_of(statement, pointer, object))
                add(std::move(*site), ends);
            else
                add_problem(statement, "the statement that ends it is part of a macro");
        }
    }

    // Written a second time, it would happen twice.
    static bool may_do_something(const std::string& text) {
        if (text.find("++") != std::string::npos || text.find("--") != std::string::npos)
            return true;
        for (size_t at = text.find('='); at != std::string::npos; at = text.find('=', at + 1))
            return true;
        return false;
    }

    // The statement around, as the author wrote it: what macros made is passed over.
    std::optional<LifetimeSite> site_of(const clang::Stmt& inner, const clang::Expr& pointer, std::string object) {
        clang::DynTypedNode node = clang::DynTypedNode::create(inner);
        LifetimeSite site;
        while (true) {
            const clang::Stmt* child = node.get<clang::Stmt>();
            const clang::DynTypedNodeList parents = unit_.context().getParents(node);
            if (parents.empty())
                return std::nullopt;
            const auto* parent = parents[0].get<clang::Stmt>();
            if (parent && child && is_written(*parent) && is_block_of(*parent, *child, site)) {
                place(*child, site);
                break;
            }
            node = parents[0];
        }
        site.function = function_;
        site.object = std::move(object);
        if (const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(&without_casts(pointer)))
            site.variable = llvm::dyn_cast<clang::VarDecl>(name->getDecl());
        return site;
    }

    static bool is_written(const clang::Stmt& statement) {
        return statement.getBeginLoc().isFileID() ||
               llvm::isa<clang::IfStmt, clang::WhileStmt, clang::ForStmt>(statement);
    }

    bool is_block_of(const clang::Stmt& parent, const clang::Stmt& child, LifetimeSite& site) const {
        if (const auto* block = llvm::dyn_cast<clang::CompoundStmt>(&parent))
            return block->getLBracLoc().isFileID();
        if (llvm::isa<clang::LabelStmt, clang::SwitchCase>(parent))
            return true;
        clang::SourceLocation opening;
        if (const auto* condition = llvm::dyn_cast<clang::IfStmt>(&parent)) {
            if (condition->getThen() == &child)
                opening = condition->getRParenLoc();
            else if (condition->getElse() == &child)
                opening = condition->getElseLoc();
        } else if (const auto* loop = llvm::dyn_cast<clang::WhileStmt>(&parent); loop && loop->getBody() == &child) {
            opening = loop->getRParenLoc();
        } else if (const auto* count = llvm::dyn_cast<clang::ForStmt>(&parent); count && count->getBody() == &child) {
            // `list_for_each_entry(...)` is a macro: its closing parenthesis ends where it expands to.
            opening = count->getRParenLoc().isMacroID()
                          ? unit_.sources().getExpansionRange(count->getRParenLoc()).getEnd()
                          : count->getRParenLoc();
        }
        if (opening.isInvalid() || opening.isMacroID())
            return false;
        site.opening = unit_.end_of(opening);
        return true;
    }

    void place(const clang::Stmt& statement, LifetimeSite& site) const {
        site.begin = unit_.place_of(statement.getBeginLoc());
        const std::string_view text = unit_.text_of(site.begin.file);
        const clang::SourceLocation last = statement.getEndLoc();
        const Place end = unit_.end_of(last.isMacroID() ? unit_.sources().getExpansionRange(last).getEnd() : last);
        const size_t semicolon = text.find(';', end.offset - 1);
        site.end = {end.file, semicolon == std::string_view::npos ? end.offset : semicolon + 1};
        const size_t line = text.rfind('\n', site.begin.offset) + 1;
        site.indent = std::string(text.substr(line, text.find_first_not_of(" \t", line) - line));
    }

    void add(LifetimeSite site, std::vector<LifetimeSite>& sites) {
        if (seen_.insert({site.begin.offset, site.object}).second)
            sites.push_back(std::move(site));
    }

    void add_problem(const clang::Stmt& statement, const char* what) {
        const clang::PresumedLoc place =
            unit_.sources().getPresumedLoc(unit_.sources().getFileLoc(statement.getBeginLoc()));
        result.problems.push_back(fmt::format("{}(), line {}: {}", function_->getName().str(), place.getLine(), what));
    }

    const ParsedUnit& unit_;
    const clang::RecordDecl& record_;
    const clang::FunctionDecl* function_ = nullptr;
    std::set<std::pair<size_t, std::string>> seen_;
    std::map<std::string, std::set<const clang::RecordDecl*>> kept_without_type_; // by the member's name
    std::vector<UntypedFree> frees_without_type_;
    std::vector<FreeOfSeveral> frees_of_several_;
    std::vector<std::pair<FreeOfSeveral, const clang::Decl*>> frees_of_arrays_; // if the variable or member is one
    std::set<const clang::Decl*> arrays_;                                       // that objects are put into
    std::set<const clang::Decl*> indexed_;                                      // that have objects by number
};

} // namespace

Lifetimes find_lifetimes(const ParsedUnit& unit, const clang::RecordDecl& record) {
    return Visitor(unit, record).run();
}

void add_before(const LifetimeSite& site, const std::string& statement, FileEdits& edits) {
    std::set<Edit>& file = edits[site.begin.file];
    file.insert({site.begin.offset, 0, fmt::format("{}\n{}", statement, site.indent)});
    if (!site.opening)
        return;
    const std::string outer = site.indent.substr(0, site.indent.empty() ? 0 : site.indent.size() - 1);
    file.insert({site.opening->offset, 0, " {"});
    file.insert({site.end.offset, 0, fmt::format("\n{}}}", outer)});
}

void add_behind(const LifetimeSite& site, const std::string& statement, FileEdits& edits) {
    edits[site.end.file].insert({site.end.offset, 0, fmt::format("\n{}{}", site.indent, statement)});
}

} // namespace klp::rewrite
