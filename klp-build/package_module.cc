#include "package_module.h"

#include "report_facts.h"

#include "elf/build_id.h"
#include "elf/modinfo.h"
#include "files/digest.h"
#include "files/files.h"
#include "host/process.h"
#include "kernel/banner.h"
#include "package/livepatch_package.h"
#include "package/statements.h"
#include "report/finding.h"
#include "report/json_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>

namespace klp::build {

namespace fs = std::filesystem;

namespace {

using package::Content;
using package::Format;
using package::LivepatchPackage;

// The day of the first rpm and deb that could say "no earlier": used where nothing says what time it is.
constexpr int64_t earliest = 946684800; // 2000-01-01

struct Packer {
    const char* program;
    const char* hint;
};

Packer packer_of(Format format) {
    return format == Format::deb ? Packer{"dpkg-deb", "install dpkg"} : Packer{"rpmbuild", "install rpm (Debian: rpm)"};
}

std::string machine_of(const kernel::Target& target, Format format) {
    constexpr struct {
        const char* arch;
        const char* deb;
        const char* rpm;
    } machines[] = {{"x86", "amd64", "x86_64"},
                    {"arm64", "arm64", "aarch64"},
                    {"powerpc", "ppc64el", "ppc64le"},
                    {"s390", "s390x", "s390x"},
                    {"loongarch", "loong64", "loongarch64"}};
    for (const auto& machine : machines)
        if (target.arch == machine.arch)
            return format == Format::deb ? machine.deb : machine.rpm;
    return target.arch;
}

// https://reproducible-builds.org/specs/source-date-epoch/: what is malformed is an error. Nothing where it is not set.
std::optional<int64_t> date_of_source() {
    constexpr int64_t last = 4102444799; // 2099-12-31, as far as all tools of both formats can tell dates
    const char* text = std::getenv("SOURCE_DATE_EPOCH");
    if (text == nullptr || *text == '\0')
        return std::nullopt;
    const std::string_view digits = text;
    int64_t date = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), date);
    if (error != std::errc() || end != digits.data() + digits.size() || date < 0 || date > last)
        throw report::Refusal("package.date", fmt::format("SOURCE_DATE_EPOCH={}", text), "this is no date",
                              "give the seconds since 1970, as `date +%s` prints them, or unset it");
    return date;
}

int64_t date_of(const kernel::PackagedAs& kernel) {
    return date_of_source().value_or(std::max(kernel.date, earliest));
}

package::Origin origin_of(const Options& options, const Record& record, const FinishedModules& modules, int64_t date) {
    const kernel::Target& target = *record.target;
    package::Origin origin;
    origin.tool_version = KLP_VERSION;
    origin.compiler = target.compiler.name + " " + target.compiler.version;
    origin.kernel = target.release;
    origin.kernel_build_id = elf::build_id_of(target.vmlinux);
    origin.parameters = {{"kernel", options.kernel.empty() ? target.release : target.name},
                         {"name", module_name(options)},
                         {"replace", options.stack ? "no" : "yes"}};
    for (const report::Input& input : record.inputs)
        origin.inputs.push_back({fs::path(input.path).filename().string(), input.role, input.sha256});
    for (const fs::path& module : {modules.livepatch, modules.core})
        if (!module.empty())
            origin.results.push_back(
                {module.filename().string(), "module", files::sha256_of(module), files::sha1_of(module)});
    origin.date = date;
    return origin;
}

std::vector<std::string> cves_of(const fs::path& module) {
    const elf::Object object = elf::Object::open(module);
    std::vector<std::string> cves;
    for (const std::string_view id : elf::read_modinfo(object).values(elf::cve_tag))
        cves.emplace_back(id);
    return cves;
}

LivepatchPackage describe(const Options& options, const Record& record, const FinishedModules& modules) {
    const kernel::Target& target = *record.target;
    const kernel::PackagedAs kernel = kernel::read_package_of(target.vmlinux);
    LivepatchPackage package;
    package.module = module_name(options);
    package.version = options.package_version;
    package.maintainer = options.package_maintainer;
    package.kernel = target.release;
    package.kernel_version = kernel.version;
    package.machine = machine_of(target, *options.package);
    package.is_cumulative = !options.stack;
    for (const fs::path& patch : options.patches)
        package.patches.push_back(patch.filename().string());
    package.cves = cves_of(modules.livepatch);
    package.date = date_of(kernel);
    return package;
}

// Writes what goes into the package beside the modules to `folder`, and lists all of it.
std::vector<Content> contents_of(const Options& options, const Record& record, const FinishedModules& modules,
                                 const LivepatchPackage& package, const fs::path& folder) {
    const fs::path documents = package::document_folder(package);
    std::vector<Content> contents = {{package::module_place(package), modules.livepatch}};
    if (!modules.core.empty())
        contents.push_back({package::module_place(package).parent_path() / modules.core.filename(), modules.core});
    const auto add = [&](const std::string& name, const std::string& text) {
        files::write(folder / name, text);
        contents.push_back({documents / name, folder / name});
    };
    const report::Facts facts = without_circumstances(facts_of(record), cache_of(*record.target));
    const package::Origin origin = origin_of(options, record, modules, package.date);
    add("report.json", report_text(facts, "report.json"));
    add("report.html", report_text(facts, "report.html"));
    add("provenance.intoto.json", report::json_text(package::provenance_statement(origin)));
    add("sbom.spdx.json", report::json_text(package::bill_of_materials(origin)));
    size_t number = 0;
    for (const fs::path& patch : options.patches)
        if (fs::is_regular_file(patch)) // one that came through a pipe is gone
            contents.push_back({documents / package::patch_place(++number, patch.filename()), patch});
    return contents;
}

void copy_to(const fs::path& root, const Content& content) {
    const fs::path place = root / content.place.relative_path();
    files::make_folder(place.parent_path());
    files::copy(content.source, place);
}

bool is_script(const fs::path& path) {
    return path.filename() == "postinst" || path.filename() == "prerm";
}

// The same rights and times whoever makes it.
void settle(const fs::path& root, int64_t date) {
    const struct timespec times[2] = {{date, 0}, {date, 0}};
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root)) {
        chmod(entry.path().c_str(), entry.is_directory() || is_script(entry.path()) ? 0755 : 0644);
        utimensat(AT_FDCWD, entry.path().c_str(), times, AT_SYMLINK_NOFOLLOW);
    }
    chmod(root.c_str(), 0755);
    utimensat(AT_FDCWD, root.c_str(), times, 0);
}

void must_run(host::Command command, int64_t date) {
    command.environment["SOURCE_DATE_EPOCH"] = fmt::format("{}", date);
    host::run_or_refuse(command, "package.failed", "make the package");
}

// The files of the package, as `md5sum` prints them, for what dpkg --verify compares.
std::string sums_of(const fs::path& root) {
    std::vector<std::string> argv = {"md5sum"};
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / "usr"))
        if (entry.is_regular_file())
            argv.push_back(entry.path().lexically_relative(root).string());
    std::sort(argv.begin() + 1, argv.end());
    return host::run_or_refuse({.argv = argv, .directory = root}, "package.failed", "sum the package's files").output;
}

uint64_t size_in_kib(const fs::path& root) {
    uint64_t size = 0;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root))
        size += entry.is_regular_file() ? (entry.file_size() + 1023) / 1024 : 1; // deb-substvars(5), Installed-Size
    return size;
}

fs::path make_deb(const LivepatchPackage& package, const fs::path& root, const fs::path& folder) {
    const fs::path documents = root / package::document_folder(package).relative_path();
    files::write(documents / "copyright", package::deb_copyright(package));
    files::write(documents / "changelog", package::deb_changelog(package));
    must_run({.argv = {"gzip", "-9n", (documents / "changelog").string()}}, package.date);
    files::make_folder(root / "DEBIAN");
    files::write(root / "DEBIAN/control", package::deb_control(package, size_in_kib(root / "usr")));
    files::write(root / "DEBIAN/md5sums", sums_of(root));
    files::write(root / "DEBIAN/postinst", package::deb_postinst(package));
    files::write(root / "DEBIAN/prerm", package::deb_prerm(package));
    settle(root, package.date);
    const fs::path file = folder / package::file_name(package, Format::deb);
    must_run({.argv = {"dpkg-deb", "--root-owner-group", "--threads-max=1", "-Zxz", "--build", root.string(),
                       file.string()}},
             package.date);
    return file;
}

fs::path make_rpm(const LivepatchPackage& package, const fs::path& root, const fs::path& folder) {
    const fs::path spec = folder / "rpm.spec";
    files::write(spec, package::rpm_spec(package));
    settle(root, package.date);
    must_run({.argv = {"rpmbuild",
                       "-bb",
                       "--quiet",
                       "--target",
                       package.machine,
                       "--define",
                       "_topdir " + package::as_spec_text(folder.string()),
                       "--define",
                       "_rpmdir " + package::as_spec_text(folder.string()),
                       "--define",
                       "_rpmfilename %{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm",
                       "--define",
                       "klp_root " + package::as_spec_text(root.string()),
                       "--define",
                       "_buildhost klp-build",
                       "--define",
                       "use_source_date_epoch_as_buildtime 1",
                       "--define",
                       "clamp_mtime_to_source_date_epoch 1",
                       "--define",
                       "source_date_epoch_from_changelog 0",
                       "--define",
                       "_dbpath " + package::as_spec_text((folder / "rpmdb").string()),
                       spec.string()}},
             package.date);
    return folder / package::file_name(package, Format::rpm);
}

} // namespace

namespace {

bool is_one_line(std::string_view text) {
    return std::ranges::none_of(text, [](unsigned char c) { return std::iscntrl(c) != 0; });
}

// Both formats' texts are lines, and what begins another line could be another field (deb-control(5), Maintainer).
void check_texts(const Options& options) {
    const std::string& maintainer = options.package_maintainer;
    const size_t mail = maintainer.find(" <");
    const bool has_mail = mail != std::string::npos && mail > 0 && maintainer.ends_with('>') &&
                          maintainer.find('@', mail) != std::string::npos && std::ranges::count(maintainer, '<') == 1 &&
                          std::ranges::count(maintainer, '>') == 1;
    if (!has_mail || !is_one_line(maintainer))
        throw report::Refusal("package.maintainer", maintainer, "this is not who answers for a package",
                              "give a name and an address in one line: --package-maintainer 'NAME <MAIL>'");
    for (const fs::path& patch : options.patches)
        if (!is_one_line(patch.filename().string()))
            throw report::Refusal("package.patch-name", patch.string(),
                                  "a package cannot name a patch file with control characters in its name",
                                  "give the file another name");
}

} // namespace

void check_packaging(const Options& options) {
    if (!options.package)
        return;
    check_texts(options);
    date_of_source();
    const Packer packer = packer_of(*options.package);
    if (!host::find_program(packer.program))
        throw report::Refusal("kernel.missing-tool", packer.program,
                              "the program that makes such packages is not installed", packer.hint);
    // deb-version(7); rpm has no '-' in versions at all.
    const std::string& version = options.package_version;
    const bool is_known = !version.empty() && std::isdigit(static_cast<unsigned char>(version.front())) != 0 &&
                          std::ranges::all_of(version, [](unsigned char c) {
                              return std::isalnum(c) != 0 || c == '.' || c == '+' || c == '~';
                          });
    if (!is_known)
        throw report::Refusal("package.version", version, "this is no version of a package",
                              "begin with a digit, and use letters, digits, '.', '+' and '~' only");
}

fs::path package_module(const Options& options, const Record& record, const FinishedModules& modules,
                        const fs::path& folder, files::Together& outputs) {
    const fs::path root = folder / "root";
    files::make_folder(root);
    LivepatchPackage package = describe(options, record, modules);
    package.contents = contents_of(options, record, modules, package, folder);
    for (const Content& content : package.contents)
        copy_to(root, content);
    const fs::path made =
        *options.package == Format::deb ? make_deb(package, root, folder) : make_rpm(package, root, folder);
    const fs::path place = module_path(options).parent_path() / made.filename();
    outputs.add(place, files::read_bytes(made));
    return place;
}

} // namespace klp::build
