# SPDX-License-Identifier: GPL-2.0-or-later
"""Keys, certificates and tokens for tests, made by openssl and softhsm2."""

import dataclasses
import pathlib
import subprocess


@dataclasses.dataclass(frozen=True)
class Pair:
    key: pathlib.Path
    certificate: pathlib.Path

    def options(self):
        return "--sign-key", self.key, "--sign-cert", self.certificate

    def der(self):
        """The bytes of the certificate."""
        return run("openssl", "x509", "-in", self.certificate, "-outform", "DER")


RSA = ("rsa:2048",)
CURVE = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")


def run(*words, **options):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **options).stdout


def make(folder, name, kind=RSA):
    """A new key, and a certificate of it, in `folder`."""
    pair = Pair(folder / f"{name}.key", folder / f"{name}.pem")
    run("openssl", "req", "-new", "-x509", "-newkey", *kind, "-nodes", "-subj", f"/CN={name}", "-keyout", pair.key,
        "-out", pair.certificate)
    return pair


def encrypted(pair, passphrase):
    """The same key, in a file that only the passphrase opens."""
    closed = pair.key.with_suffix(".closed")
    run("openssl", "pkey", "-in", pair.key, "-aes256", "-passout", f"pass:{passphrase}", "-out", closed)
    return Pair(closed, pair.certificate)


def token(folder, pair, pin):
    """A token that has the pair's key by the name "release". Returns the variable that says where it is."""
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder / 'tokens'}\n")
    where = {"SOFTHSM2_CONF": str(configuration)}
    util = ["softhsm2-util", "--label", "klp", "--pin", pin]
    run(*util, "--init-token", "--free", "--so-pin", "0000", env=where)
    run("softhsm2-util", "--import", pair.key, "--token", "klp", "--label", "release", "--id", "01", "--pin", pin, env=where)
    return where
