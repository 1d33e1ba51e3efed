"""A workspace of Bitbucket, the folder of its backup, and this machine's real hands."""

import json
from datetime import UTC, datetime

from runbook_engine.connections.http import HttpxClient
from runbook_engine.connections.local import LocalConnection
from runbook_engine.testing import FakeContext, ManualClock
from support.git_server import git
from support.here import Here
from support.plugins import plugin

ACTION = plugin("atlassian")["bitbucket_mirror"].BitbucketMirror()


class Stage:
    """A workspace and the folder of its backup."""

    def __init__(self, bitbucket, tmp_path):
        self.bitbucket, self.git, self.fake = bitbucket, bitbucket.git, bitbucket.fake
        self.folder, self.home = tmp_path / "backup", tmp_path / "home"
        self.home.mkdir()
        self.clock = ManualClock(datetime.now(UTC))

    def params(self, **more):
        return ACTION.Params(**self.bitbucket.params(folder=str(self.folder), **more))

    def context(self, token="a" * 64):
        run = replace_run(token)
        return Here(connection=LocalConnection(self.home), http=HttpxClient(read_only=False), clock=self.clock, run=run)

    def check(self, token="b" * 64, **more):
        params = self.params(**more)
        return ACTION.check(params, self.context(token).reading(ACTION, params))

    def apply(self, token="a" * 64, **more):
        context = self.context(token)
        try:
            return ACTION.apply(self.params(**more), context)
        finally:
            context.connection.close()

    def run(self, token="a" * 64, **more):
        applied = self.apply(token, **more)
        assert self.check(token).satisfied
        return applied

    @property
    def manifest(self):
        return json.loads((self.folder / "manifest.json").read_text())

    def entry(self, slug):
        return next(one for one in self.manifest["repositories"] if one["name"] == slug)

    def mirror(self, slug):
        return self.folder / "mirrors" / f"{self.entry(slug)['uuid']}.git"

    def restored(self, slug, tmp_path):
        """Clone the bundle, as a person would, and give its references."""
        target = tmp_path / f"restored-{slug}"
        git(tmp_path, "clone", "-q", "--mirror", str(self.folder / self.entry(slug)["bundle"]), str(target))
        lines = git(target, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.split() for line in lines)


def replace_run(token):
    return FakeContext().run.model_copy(update={"token": token})
