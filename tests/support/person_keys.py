"""SSH keys of people, made and used by OpenSSH's own tools."""

import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

KINDS = {
    "ed25519": ("ed25519",),
    "rsa": ("rsa", "-b", "2048"),
    "ecdsa-256": ("ecdsa", "-b", "256"),
    "ecdsa-384": ("ecdsa", "-b", "384"),
    "ecdsa-521": ("ecdsa", "-b", "521"),
}


@dataclass(frozen=True)
class PersonKey:
    """A private key in a file, and its public line."""

    path: Path
    line: str

    def sign(self, message: bytes, namespace: str = "runbook-approval") -> str:
        """Sign as a person would: `ssh-keygen -Y sign`."""
        text = self.path.with_name("message")
        text.write_bytes(message)
        text.with_name("message.sig").unlink(missing_ok=True)
        keygen("-Y", "sign", "-f", str(self.path), "-n", namespace, str(text))
        return text.with_name("message.sig").read_text()

    def accepts(self, signature: str, message: bytes) -> bool:
        """Ask `ssh-keygen -Y verify` whether this key signed the message."""
        allowed, file = self.path.with_name("allowed_signers"), self.path.with_name("to-verify.sig")
        allowed.write_text(f"dana {self.line}\n")
        file.write_text(signature)
        argv = ("-Y", "verify", "-f", str(allowed), "-I", "dana", "-n", "runbook-approval", "-s", str(file))
        done = subprocess.run(["ssh-keygen", *argv], input=message, capture_output=True, check=False, timeout=30)
        return done.returncode == 0

    @property
    def fingerprint(self) -> str:
        return keygen("-l", "-f", f"{self.path}.pub").split()[1]


def make_key(folder: Path, kind: str = "ed25519", *, passphrase: str = "", name: str = "key") -> PersonKey:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    keygen("-q", "-t", *KINDS.get(kind, (kind,)), "-N", passphrase, "-C", "dana@laptop", "-f", str(path))
    return PersonKey(path, path.with_name(f"{name}.pub").read_text().strip())


@contextmanager
def agent_with(*keys: PersonKey, confirm: bool = False):
    """An ssh-agent of our own that has these keys; gives its socket's path."""
    socket = keys[0].path.with_name("agent.sock")
    agent = subprocess.Popen(
        ["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for key in keys:
            add = ["ssh-add", "-q", *(["-c"] if confirm else []), str(key.path)]
            for _ in range(100):
                if socket.exists():
                    break
                agent.poll()
                subprocess.run(["sleep", "0.02"], check=True)
            environment = {**os.environ, "SSH_AUTH_SOCK": str(socket), "SSH_ASKPASS": "/bin/false", "DISPLAY": ""}
            subprocess.run(add, env=environment, stdin=subprocess.DEVNULL, check=True, capture_output=True, timeout=30)
        yield str(socket)
    finally:
        agent.terminate()
        agent.wait(timeout=10)


def keygen(*words: str) -> str:
    return subprocess.run(
        ["ssh-keygen", *words], check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60
    ).stdout
