// Debian 12 has only the engine for tokens, and OpenSSL 3 calls all engines deprecated.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "sign/token.h"

#include "sign/openssl.h"

#include "report/finding.h"

#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <regex>

namespace klp::sign {

namespace {

using Method = std::unique_ptr<UI_METHOD, Freed<UI_destroy_method>>;
using Store = std::unique_ptr<OSSL_STORE_CTX, Freed<OSSL_STORE_close>>;
using Info = std::unique_ptr<OSSL_STORE_INFO, Freed<OSSL_STORE_INFO_free>>;

struct Pin {
    const char* text;
    bool was_asked_for = false;
};

// Answers with the PIN that is there, and never asks a person: nobody watches a packaging job.
int answer(UI* ui, UI_STRING* question) {
    auto* pin = static_cast<Pin*>(UI_get0_user_data(ui));
    if (UI_get_string_type(question) != UIT_PROMPT && UI_get_string_type(question) != UIT_VERIFY)
        return 1;
    pin->was_asked_for = true;
    return pin->text && UI_set_result(ui, question, pin->text) == 0 ? 1 : 0;
}

Method silent_method() {
    Method method(UI_create_method("klp-build"));
    UI_method_set_reader(method.get(), answer);
    return method;
}

// Whether anything that OpenSSL complained of is about the PIN; forgets it.
bool was_about_pin() {
    bool found = false;
    while (const unsigned long code = ERR_get_error()) {
        const char* reason = ERR_reason_error_string(code);
        std::string text = reason ? reason : "";
        std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
        found |= text.find("pin") != std::string::npos || text.find("login") != std::string::npos;
    }
    return found;
}

EVP_PKEY* from_provider(const std::string& uri, UI_METHOD* method, Pin& pin) {
    const Store store(OSSL_STORE_open(uri.c_str(), method, &pin, nullptr, nullptr));
    EVP_PKEY* key = nullptr;
    while (store && !key && !OSSL_STORE_eof(store.get()))
        if (const Info info{OSSL_STORE_load(store.get())};
            info && OSSL_STORE_INFO_get_type(info.get()) == OSSL_STORE_INFO_PKEY)
            key = OSSL_STORE_INFO_get1_PKEY(info.get());
    return key;
}

// It stays until the process ends: keys work through it.
ENGINE* find_engine() {
    ENGINE_load_builtin_engines();
    ENGINE* engine = ENGINE_by_id("pkcs11");
    return engine && ENGINE_init(engine) ? engine : nullptr;
}

EVP_PKEY* from_engine(ENGINE* engine, const std::string& uri, UI_METHOD* method, Pin& pin) {
    ENGINE_ctrl_cmd_string(engine, "QUIET", nullptr, 0);
    if (pin.text)
        ENGINE_ctrl_cmd_string(engine, "PIN", pin.text, 0);
    return ENGINE_load_private_key(engine, uri.c_str(), method, &pin);
}

// For people to read: a URI may have the PIN in it.
std::string without_pin(const std::string& uri) {
    static const std::regex secret("pin-value=[^;&]*");
    return std::regex_replace(uri, secret, "pin-value=...");
}

} // namespace

EVP_PKEY* open_on_token(const std::string& uri, const char* pin) {
    const std::string shown = without_pin(uri);
    const Method method = silent_method();
    const bool has_provider = OSSL_PROVIDER_try_load(nullptr, "pkcs11", 1) != nullptr;
    ENGINE* engine = has_provider ? nullptr : find_engine();
    ERR_clear_error();
    if (!has_provider && !engine)
        throw report::Refusal("sign.token", shown, "OpenSSL has nothing installed that speaks to PKCS#11 tokens",
                              "install it: Debian's package is libengine-pkcs11-openssl, or pkcs11-provider");
    Pin given{pin};
    EVP_PKEY* key =
        has_provider ? from_provider(uri, method.get(), given) : from_engine(engine, uri, method.get(), given);
    const bool is_pin = was_about_pin() || (given.was_asked_for && !pin);
    if (key)
        return key;
    if (is_pin)
        throw report::Refusal("sign.passphrase", shown,
                              pin ? "the token does not take this PIN" : "the token wants a PIN",
                              "KBUILD_SIGN_PIN in the environment is the PIN");
    throw report::Refusal(
        "sign.token", shown, "no token that is plugged in has this private key",
        "p11tool --list-all and pkcs11-tool --list-objects show what there is; KBUILD_SIGN_PIN is the PIN");
}

} // namespace klp::sign
