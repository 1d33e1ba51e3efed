"""What `make site` does to pages on their way from Markdown as code hosts read it to a site of its own.

Links out of `docs/` become the path that they lead to: a built site has no repository beside it. Words behind a
fence's language are for the tests. Headings get the anchors that code hosts give them. What stands under a numbered
item gets the fourth space that Python-Markdown wants.
"""

import posixpath
import re
from collections.abc import MutableMapping
from typing import Protocol

FENCED = re.compile(r"^(?P<in> *)```.*?^(?P=in)``` *$", re.MULTILINE | re.DOTALL)
LANGUAGE = re.compile(r"^(?P<open> *```\w+) [^\n`]*$", re.MULTILINE)
CODE_OR_LINK = re.compile(r"`[^`\n]+`|(?<!!)\[(?P<text>(?:`[^`]*`|[^\]`])*)\]\((?P<target>[^)\s]+)\)")
UNDER_AN_ITEM = re.compile(r"^ {3}(?=\S)", re.MULTILINE)
NEXT_ITEM = re.compile(r"^( +\S.*\n)(?=\d+\. )", re.MULTILINE)


class File(Protocol):
    """A page's file, as MkDocs has it."""

    src_uri: str


class Page(Protocol):
    """A page, as MkDocs has it."""

    file: File


class Config(Protocol):
    """The configuration, as MkDocs has it."""

    mdx_configs: MutableMapping[str, dict[str, object]]


def slug(text: str, separator: str) -> str:
    """Give the anchor of a heading as code hosts make it."""
    return re.sub(r"[^\w -]", "", text.lower()).replace(" ", separator)


def on_config(config: Config, **_: object) -> Config:
    """Take our anchors in place of Python-Markdown's."""
    config.mdx_configs.setdefault("toc", {})["slugify"] = slug
    return config


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    """Give a page's Markdown as the site's renderer reads it."""
    folder = posixpath.dirname(page.file.src_uri)
    parts, end = [], 0
    for block in FENCED.finditer(markdown):
        parts += [_prose(markdown[end : block.start()], folder), _fenced(block)]
        end = block.end()
    return "".join([*parts, _prose(markdown[end:], folder)])


def _fenced(block: re.Match[str]) -> str:
    text = LANGUAGE.sub(r"\g<open>", block[0], count=1)
    return re.sub(r"^(?=.)", " ", text, flags=re.MULTILINE) if len(block["in"]) == 3 else text  # noqa: PLR2004 - see above


def _prose(text: str, folder: str) -> str:
    linked = CODE_OR_LINK.sub(lambda found: _link(found, folder), text)
    return NEXT_ITEM.sub(r"\1\n", UNDER_AN_ITEM.sub("    ", linked))


def _link(found: re.Match[str], folder: str) -> str:
    target = found["target"]
    if target is None or re.match(r"[a-z]+:|#", target):
        return found[0]
    path = posixpath.normpath(posixpath.join("docs", folder, target.partition("#")[0]))
    return found[0] if path.startswith("docs/") else f"{found['text']} (`{path}`)"
