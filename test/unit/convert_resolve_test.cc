#include "convert/resolve.h"
#include "elf/livepatch_abi.h"
#include "fake_kernel.h"
#include "livepatch_modules.h"

#include <cstring>
#include <doctest/doctest.h>

using namespace klp;
using test::FakeKernel;
using test::ModuleMaker;

namespace {

// vmlinux: unique, twice (two files), exported; module usbcore: debug, kick; module other: shared.
FakeKernel kernel() {
    FakeKernel fake;
    fake.add("vmlinux", {{"unique", 0x100}, {"twice", 0x200, "a.c"}, {"twice", 0x300, "b.c"}, {"exported", 0x400}});
    fake.add("usbcore", {{"debug", 0x10}, {"kick", 0x20}, {"dep_exported", 0x30}});
    fake.add("other", {{"unique", 0x10}});
    fake.exported.add("exported", {"vmlinux", "", 0, false});
    fake.exported.add("dep_exported", {"usbcore", "", 0, false});
    return fake;
}

std::string in_words(const convert::Resolved& resolved) {
    std::string text;
    for (const convert::LivepatchReference& reference : resolved.references)
        text += reference.owner + ":" + reference.object + "." + reference.name + "," +
                std::to_string(reference.sympos) + " ";
    return text;
}

std::string resolve(const ModuleMaker& maker, const std::vector<std::string>& objects = {},
                    const std::vector<std::string>& choices = {}) {
    std::vector<convert::Choice> parsed;
    try {
        for (const std::string& choice : choices)
            parsed.push_back(convert::parse_choice(choice));
        return in_words(convert::resolve_references(maker.object(), kernel(), objects, parsed));
    } catch (const report::Refusal& refusal) {
        std::string codes;
        for (const report::Finding& finding : refusal.findings())
            codes += finding.code + " ";
        return codes;
    }
}

ModuleMaker referring_to(const char* name, uint8_t binding = STB_GLOBAL) {
    ModuleMaker maker;
    maker.relocate(maker.text, 0, maker.undefined(name, binding));
    return maker;
}

void annotate(ModuleMaker& maker, const char* owner, uint32_t symbol, uint64_t sympos, const char* object) {
    std::vector<std::byte> entry(elf::annotation_size);
    std::memcpy(entry.data() + 8, &sympos, 8);
    std::memcpy(entry.data() + 16, object, std::strlen(object));
    uint32_t section = maker.section(std::string(elf::annotation_prefix) + owner, SHF_ALLOC, entry);
    maker.relocate(section, 0, symbol, R_X86_64_64, 0);
}

} // namespace

TEST_CASE("an unexported symbol that is there once becomes a livepatch symbol, an exported one stays") {
    CHECK(resolve(referring_to("unique")) == "vmlinux:vmlinux.unique,0 ");
    CHECK(resolve(referring_to("unique", STB_WEAK)) == "vmlinux:vmlinux.unique,0 ");
    CHECK(resolve(referring_to("exported")) == "");
    CHECK(resolve(referring_to("kick"), {"usbcore"}) == "usbcore:usbcore.kick,0 ");
}

TEST_CASE("a module's export is imported only by a module that depends on it") {
    CHECK(resolve(referring_to("dep_exported"), {"usbcore"}) == "usbcore:usbcore.dep_exported,0 ");
    ModuleMaker depending({"livepatch=Y", "depends=abc,usbcore"});
    depending.relocate(depending.text, 0, depending.undefined("dep_exported", STB_GLOBAL));
    CHECK(resolve(depending, {"usbcore"}) == "");
}

TEST_CASE("unknown names are refused, unless they are weak") {
    CHECK(resolve(referring_to("nowhere")) == "convert.unknown-symbol ");
    CHECK(resolve(referring_to("nowhere", STB_WEAK)) == "");
    CHECK(resolve(referring_to("kick")) == "convert.unknown-symbol ");
}

TEST_CASE("ambiguous names are refused with their candidates") {
    CHECK(resolve(referring_to("unique"), {"other"}) == "convert.ambiguous-symbol ");
    std::string message;
    try {
        convert::resolve_references(referring_to("twice").object(), kernel(), {}, {});
    } catch (const report::Refusal& refusal) {
        message = refusal.findings().front().message;
    }
    CHECK(message == "there are 2 of that name: vmlinux,1 at 0x200 (a.c); vmlinux,2 at 0x300 (b.c)");
}

TEST_CASE("the user's choice decides, and is checked") {
    CHECK(resolve(referring_to("twice"), {}, {"twice=vmlinux,2"}) == "vmlinux:vmlinux.twice,2 ");
    CHECK(resolve(referring_to("twice"), {}, {"twice=vmlinux,3"}) == "convert.wrong-choice ");
    CHECK(resolve(referring_to("twice"), {}, {"twice=vmlinux"}) == "convert.wrong-choice ");
    // A unique symbol's position is 0, whatever was asked for: klp-verify wants it so.
    CHECK(resolve(referring_to("unique"), {}, {"unique=vmlinux,1"}) == "vmlinux:vmlinux.unique,0 ");
    CHECK(resolve(referring_to("debug"), {}, {"debug=usbcore"}) == "usbcore:usbcore.debug,0 ");
    CHECK(resolve(referring_to("debug"), {}, {"debug=nothere"}) == "convert.unknown-object ");
    for (const char* bad : {"debug", "=usbcore", "debug=", "debug=usbcore,", "debug=usbcore,x"})
        CHECK_MESSAGE(resolve(referring_to("debug"), {}, {bad}) == "convert.bad-choice ", bad);
}

TEST_CASE("annotations in the source decide, and say whose code refers") {
    ModuleMaker own;
    uint32_t debug = own.undefined("debug");
    own.relocate(own.text, 0, debug);
    annotate(own, "usbcore", debug, 0, "");
    CHECK(resolve(own) == "usbcore:usbcore.debug,0 ");

    ModuleMaker foreign;
    uint32_t shared = foreign.undefined("debug");
    foreign.relocate(foreign.text, 0, shared);
    annotate(foreign, "other", shared, 1, "usbcore");
    CHECK(resolve(foreign) == "other:usbcore.debug,0 ");

    ModuleMaker contradicting;
    uint32_t twice = contradicting.undefined("twice");
    annotate(contradicting, "vmlinux", twice, 1, "");
    annotate(contradicting, "usbcore", twice, 2, "vmlinux");
    CHECK(resolve(contradicting) == "convert.bad-annotation ");
}

TEST_CASE("broken annotations are refused") {
    ModuleMaker defined;
    annotate(defined, "vmlinux", 1, 0, "");
    CHECK(resolve(defined) == "convert.bad-annotation ");
    ModuleMaker short_one;
    short_one.section(".klp.annotations.vmlinux", SHF_ALLOC, std::vector<std::byte>(40));
    CHECK(resolve(short_one) == "convert.bad-annotation ");
    ModuleMaker no_symbol;
    no_symbol.section(".klp.annotations.vmlinux", SHF_ALLOC, std::vector<std::byte>(elf::annotation_size));
    CHECK(resolve(no_symbol) == "convert.bad-annotation ");
    ModuleMaker endless;
    annotate(endless, "vmlinux", endless.undefined("unique"), 0, std::string(56, 'x').c_str());
    CHECK(resolve(endless) == "convert.bad-annotation ");
}

TEST_CASE("all refusals come at once") {
    ModuleMaker maker;
    maker.relocate(maker.text, 0, maker.undefined("nowhere", STB_GLOBAL));
    maker.relocate(maker.text, 8, maker.undefined("twice", STB_GLOBAL));
    CHECK(resolve(maker) == "convert.unknown-symbol convert.ambiguous-symbol ");
}
