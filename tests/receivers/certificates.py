# SPDX-License-Identifier: Apache-2.0
"""Certificates made for one run: an authority, a server's, a client's. By openssl(1)."""

import os
import subprocess

DAYS = "2"


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Authority:
    """A certificate authority in a folder, and what it has signed. Paths of PEM files."""

    def __init__(self, folder, name="ca"):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.certificate = os.path.join(folder, f"{name}.crt")
        self.key = os.path.join(folder, f"{name}.key")
        openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", self.key, "-out", self.certificate, "-days", DAYS, "-subj", f"/CN=keelwatch test {name}",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip

    def sign(self, name, names="", use="serverAuth", days=DAYS):
        """(certificate, key) of NAME; names: DNS:host,IP:address."""
        base = os.path.join(self.folder, name)
        extensions = base + ".ext"
        with open(extensions, "w") as f:
            f.write("basicConstraints=CA:FALSE\n")
            f.write(f"extendedKeyUsage={use}\n")
            if names:
                f.write(f"subjectAltName={names}\n")
        openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", base + ".key", "-out", base + ".csr", "-subj", f"/CN={name}",
        )  # fmt: skip
        openssl(
            "x509", "-req", "-in", base + ".csr", "-CA", self.certificate, "-CAkey", self.key,
            "-CAcreateserial", "-out", base + ".crt", "-days", days, "-extfile", extensions,
        )  # fmt: skip
        return base + ".crt", base + ".key"
