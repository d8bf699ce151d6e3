#include "source/preprocess.h"

#include "source/clang_arguments.h"

#include <clang/Basic/Diagnostic.h>
#include <clang/Frontend/CompilerInstance.h>
#include <clang/Frontend/CompilerInvocation.h>
#include <clang/Frontend/FrontendActions.h>
#include <clang/Lex/PPCallbacks.h>
#include <clang/Lex/Preprocessor.h>
#include <llvm/ADT/DenseMap.h>
#include <llvm/Support/xxhash.h>

#include <filesystem>

namespace klp::source {

namespace {

using Kind = ReadToken::Kind;

Kind kind_of_token(clang::tok::TokenKind kind) {
    switch (kind) {
    case clang::tok::identifier:
        return Kind::identifier;
    case clang::tok::l_brace:
        return Kind::open_brace;
    case clang::tok::r_brace:
        return Kind::close_brace;
    case clang::tok::l_paren:
        return Kind::open_parenthesis;
    case clang::tok::r_paren:
        return Kind::close_parenthesis;
    case clang::tok::l_square:
        return Kind::open_bracket;
    case clang::tok::semi:
        return Kind::semicolon;
    case clang::tok::comma:
        return Kind::comma;
    case clang::tok::equal:
        return Kind::equals;
    case clang::tok::star:
        return Kind::star;
    case clang::tok::period:
    case clang::tok::arrow:
        return Kind::member;
    case clang::tok::kw_struct:
    case clang::tok::kw_union:
        return Kind::keyword_struct;
    case clang::tok::kw_enum:
        return Kind::keyword_enum;
    case clang::tok::kw_typedef:
        return Kind::keyword_typedef;
    case clang::tok::kw_static:
        return Kind::keyword_static;
    case clang::tok::kw_extern:
        return Kind::keyword_extern;
    case clang::tok::kw_inline:
        return Kind::keyword_inline;
    case clang::tok::kw___attribute:
        return Kind::keyword_attribute;
    case clang::tok::kw_asm:
        return Kind::keyword_asm;
    case clang::tok::kw_typeof:
    case clang::tok::kw__Alignas:
        return Kind::keyword_typeof;
    case clang::tok::kw__Static_assert:
    case clang::tok::kw_static_assert:
        return Kind::keyword_static_assert;
    default:
        return Kind::other;
    }
}

// Lines that say where text comes from are no part of it (line_keeping.h).
uint64_t number_of_lines(llvm::StringRef text) {
    uint64_t number = 0;
    while (!text.empty()) {
        const auto [line, rest] = text.split('\n');
        if (!line.starts_with("#line"))
            number = number * 31 + llvm::xxh3_64bits(line);
        text = rest;
    }
    return number;
}

class LeftOutParts : public clang::PPCallbacks {
public:
    LeftOutParts(const clang::SourceManager& sources, const std::set<std::string, std::less<>>& watched,
                 uint64_t& left_out)
        : sources_(sources), watched_(watched), left_out_(left_out) {}

    void SourceRangeSkipped(clang::SourceRange range, clang::SourceLocation) override {
        const auto [file, begin] = sources_.getDecomposedLoc(range.getBegin());
        const auto entry = sources_.getFileEntryRefForID(file);
        if (!entry || !watched_.contains(std::filesystem::path(entry->getName().str()).filename().string()))
            return;
        const llvm::StringRef text = sources_.getBufferData(file);
        left_out_ = left_out_ * 31 + number_of_lines(text.slice(begin, sources_.getFileOffset(range.getEnd())));
    }

private:
    const clang::SourceManager& sources_;
    const std::set<std::string, std::less<>>& watched_;
    uint64_t& left_out_;
};

using Texts = std::unordered_map<uint64_t, std::string>;

// Spellings as numbers; each identifier is looked at once. Notes the texts of identifiers and numbers, if that is
// wanted: only they can be parts of a name.
class Spellings {
public:
    Spellings(const clang::Preprocessor& reader, Texts* texts) : reader_(reader), texts_(texts) {}

    ReadToken read(const clang::Token& token) {
        const Kind kind = kind_of_token(token.getKind());
        if (const clang::IdentifierInfo* word = token.getIdentifierInfo()) {
            uint64_t& number = numbers_[word];
            if (number == 0) {
                number = llvm::xxh3_64bits(word->getName());
                note(number, word->getName());
            }
            return {kind, number};
        }
        if (!token.isLiteral())
            return {kind, token.getKind()};
        buffer_.clear();
        const llvm::StringRef text = reader_.getSpelling(token, buffer_);
        const uint64_t number = llvm::xxh3_64bits(text);
        if (token.is(clang::tok::numeric_constant))
            note(number, text);
        return {kind, number};
    }

private:
    void note(uint64_t number, llvm::StringRef text) {
        if (texts_)
            texts_->try_emplace(number, text);
    }

    const clang::Preprocessor& reader_;
    Texts* texts_;
    llvm::DenseMap<const clang::IdentifierInfo*, uint64_t> numbers_;
    llvm::SmallString<64> buffer_;
};

class ReadTokens : public clang::PreprocessorFrontendAction {
public:
    ReadTokens(const std::set<std::string, std::less<>>& watched, ReadUnit& unit, Texts* texts = nullptr)
        : watched_(watched), unit_(unit), texts_(texts) {}

protected:
    virtual void watch(clang::Preprocessor&, Spellings&) {}

private:
    void ExecuteAction() override {
        clang::Preprocessor& reader = getCompilerInstance().getPreprocessor();
        Spellings spellings(reader, texts_);
        reader.addPPCallbacks(std::make_unique<LeftOutParts>(reader.getSourceManager(), watched_, unit_.left_out));
        reader.IgnorePragmas();
        watch(reader, spellings);
        reader.EnterMainSourceFile();
        clang::Token token;
        for (reader.Lex(token); token.isNot(clang::tok::eof); reader.Lex(token))
            unit_.tokens.push_back(spellings.read(token));
    }

    const std::set<std::string, std::less<>>& watched_;
    ReadUnit& unit_;
    Texts* texts_;
};

class MacroDefinitions : public clang::PPCallbacks {
public:
    MacroDefinitions(Spellings& spellings, UnexpandedUnit& unit) : spellings_(spellings), unit_(unit) {}

    void MacroDefined(const clang::Token& name, const clang::MacroDirective* directive) override {
        const clang::MacroInfo& macro = *directive->getMacroInfo();
        MacroDefinition& definition = add(name);
        definition.takes_arguments = macro.isFunctionLike();
        for (const clang::Token& token : macro.tokens()) {
            definition.pastes |= token.is(clang::tok::hashhash);
            unit_.bodies.push_back(spellings_.read(token));
        }
        definition.body_end = unit_.bodies.size();
    }

    void MacroUndefined(const clang::Token& name, const clang::MacroDefinition&,
                        const clang::MacroDirective*) override {
        add(name).is_removal = true;
    }

private:
    MacroDefinition& add(const clang::Token& name) {
        MacroDefinition& definition = unit_.macros.emplace_back();
        definition.name = spellings_.read(name).spelling;
        definition.place = unit_.tokens.size();
        definition.body_begin = definition.body_end = unit_.bodies.size();
        return definition;
    }

    Spellings& spellings_;
    UnexpandedUnit& unit_;
};

class ReadUnexpanded : public ReadTokens {
public:
    ReadUnexpanded(const std::set<std::string, std::less<>>& watched, UnexpandedUnit& unit)
        : ReadTokens(watched, unit, &unit.words), unit_(unit) {}

private:
    void watch(clang::Preprocessor& reader, Spellings& spellings) override {
        reader.addPPCallbacks(std::make_unique<MacroDefinitions>(spellings, unit_));
        reader.SetMacroExpansionOnlyInDirectives();
    }

    UnexpandedUnit& unit_;
};

// As the compiler shortens __FILE__.
void add_prefix_maps(const CompileCommand& command, std::vector<std::string>& arguments) {
    for (const std::string& word : command.argv)
        if (word.starts_with("-fmacro-prefix-map="))
            arguments.insert(arguments.end() - 1, word);
}

// False where the unit cannot be read.
bool run(clang::FrontendAction& action, const CompileCommand& command) {
    std::vector<std::string> arguments = clang_arguments(command);
    add_prefix_maps(command, arguments);
    std::vector<const char*> words;
    for (const std::string& argument : arguments)
        words.push_back(argument.c_str());

    clang::CompilerInstance compiler;
    compiler.createDiagnostics(new clang::IgnoringDiagConsumer, true);
    if (!clang::CompilerInvocation::CreateFromArgs(compiler.getInvocation(), words, compiler.getDiagnostics()))
        return false;
    compiler.getFileSystemOpts().WorkingDir = command.directory;
    return compiler.ExecuteAction(action) && !compiler.getDiagnostics().hasErrorOccurred();
}

} // namespace

uint64_t spelling_of(std::string_view text) {
    return llvm::xxh3_64bits(text);
}

std::optional<ReadUnit> UnitReader::read(const CompileCommand& command) const {
    ReadUnit unit;
    ReadTokens action(watched_, unit);
    return run(action, command) ? std::optional(std::move(unit)) : std::nullopt;
}

std::optional<UnexpandedUnit> UnitReader::read_unexpanded(const CompileCommand& command) const {
    UnexpandedUnit unit;
    ReadUnexpanded action(watched_, unit);
    return run(action, command) ? std::optional(std::move(unit)) : std::nullopt;
}

} // namespace klp::source
