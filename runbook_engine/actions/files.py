"""file.copy and file.template: a file on the target with the content of the project's, or a text's."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from runbook_engine.actions.file_state import FileOutputs, FileParams, Wanted, look_at_file, write_file
from runbook_engine.sdk import Action, ActionContext, ActionFailedError, Applied, Finding


class CopyParams(FileParams):
    """Exactly one of `src` and `content`."""

    src: str | None = Field(None, min_length=1, description="path in the project", examples=["files/app.conf"])
    content: str | None = Field(None, description="the content itself", examples=["role=standby\n"])

    @model_validator(mode="after")
    def _one_content(self) -> Self:
        if (self.src is None) == (self.content is None):
            raise ValueError("give exactly one of src (a project file) and content (a text)")
        return self


class TemplateParams(FileParams):
    """A template of the project."""

    src: str = Field(
        min_length=1, description="path of the template in the project", examples=["templates/app.conf.j2"]
    )


class FileCopy(Action[CopyParams]):
    """Put a file on the target.

    check: compares SHA-256 and permissions; shows a diff for texts up to 64 KiB.
    apply: writes the whole file under another name and renames it, so that no reader sees a part of it; a file that is
    there keeps its owner and group.
    """

    name = "file.copy"
    project_files = ("src",)
    Params = CopyParams
    Outputs = FileOutputs
    example: ClassVar[str] = """\
file.copy:
  src: files/app.conf
  dest: /etc/app/app.conf
  mode: "0644"
"""

    def check(self, params: CopyParams, context: ActionContext) -> Finding:
        """Compare."""
        return look_at_file(params, _copied(params, context), context)

    def apply(self, params: CopyParams, context: ActionContext) -> Applied:
        """Write."""
        return write_file(params, _copied(params, context), context)


class FileTemplate(Action[TemplateParams]):
    """Put a rendered template on the target.

    The template sees the names that the step's own templates see.
    check: renders, compares SHA-256 and permissions; shows a diff for texts up to 64 KiB.
    apply: writes the whole file under another name and renames it; one that is there keeps its owner and group.
    """

    name = "file.template"
    template_files = ("src",)
    Params = TemplateParams
    Outputs = FileOutputs
    example: ClassVar[str] = """\
file.template:
  src: templates/app.conf.j2
  dest: /etc/app/app.conf
  mode: "0640"
"""

    def check(self, params: TemplateParams, context: ActionContext) -> Finding:
        """Render and compare."""
        return look_at_file(params, _rendered(params, context), context)

    def apply(self, params: TemplateParams, context: ActionContext) -> Applied:
        """Render and write."""
        return write_file(params, _rendered(params, context), context)


def _copied(params: CopyParams, context: ActionContext) -> Wanted:
    if params.src is None:
        return Wanted((params.content or "").encode(), "the content given")
    return Wanted(context.project_file(params.src), params.src)


def _rendered(params: TemplateParams, context: ActionContext) -> Wanted:
    try:
        text = context.project_file(params.src).decode()
    except UnicodeDecodeError as error:
        raise ActionFailedError(
            f"the template {params.src} is not UTF-8: {error.reason} at byte {error.start}",
            hint="save it as UTF-8, or use file.copy for a binary file",
        ) from None
    return Wanted(context.render(text).encode(), params.src)
