"""Certificates for tests, made by the command `openssl`: an authority, and certificates that it issues."""
import pathlib
import subprocess


class Certificates:
    """An authority in its own folder: ca.pem, ca.key. A certificate is valid for a day for localhost and 127.0.0.1."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(exist_ok=True)
        (self.folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        self.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "ca.key")
        self.openssl("req", "-x509", "-key", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Test authority")

    @property
    def authority(self):
        return self.folder / "ca.pem"

    def issue(self, name, days=1):
        """Makes NAME.pem and NAME.key, replacing older ones. Returns both paths. days=0: it has expired."""
        self.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key.pem")
        self.openssl("pkcs8", "-topk8", "-nocrypt", "-in", f"{name}.key.pem", "-out", f"{name}.key")
        self.openssl("req", "-new", "-key", f"{name}.key", "-subj", f"/CN={name}", "-out", f"{name}.csr")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                     "-days", str(days), "-extfile", "names", "-out", f"{name}.pem")
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True, timeout=60)
