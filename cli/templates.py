"""`onestack templates`: what the product ships with, what each asks for, and a definition made from one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.errors import USAGE, Failure
from cli.output import Json, complain, show_json, table
from schemas.errors import Refused

if TYPE_CHECKING:
    from cli.files import Document
    from schemas.templates import Parameter, Template

Name = Annotated[str, typer.Argument(metavar="NAME", help="The template's name, as 'onestack templates' lists it.")]

templates = typer.Typer(rich_markup_mode=None, invoke_without_command=True)


@templates.callback()
def listing(context: typer.Context, json: Json = False) -> None:
    """Start from one of the built-in workflows.

    Without a command: list them, with what each does and the event that starts it.
    """
    if context.invoked_subcommand is not None:
        return
    from schemas.templates import built_in

    if json:
        show_json([_told(one) for one in built_in().values()])
        return
    rows = [(one.name, one.trigger, one.about.summary) for one in built_in().values()]
    table(("template", "trigger", "what it does"), rows, "")


@templates.command()
def show(name: Name, json: Json = False) -> None:
    """Show a template: its parameters with their types and defaults, and its YAML."""
    from schemas.documents import dump_yaml

    template = _find(name)
    if json:
        show_json({**_told(template), "definition": template.definition})
        return
    about = template.about
    print(f"{about.title} ({about.category})\n\n{about.description.strip()}\n")
    _tell_parameters(template)
    print(f"\n{dump_yaml(template.definition)}\nUse it:  onestack templates use {_example(template)}")


@templates.command()
def use(
    name: Name,
    org: Annotated[str, typer.Option(help="The organisation that the workflow is for.")],
    given: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter's value; may be repeated.")
    ] = None,
    id: Annotated[str | None, typer.Option(help="The workflow's id [the template's name].")] = None,
    version: Annotated[int, typer.Option(min=1, help="Its version; only a higher one replaces what is in force.")] = 1,
    enable: Annotated[bool, typer.Option("--enable", help="In state enabled: it runs once it is published.")] = False,
    draft: Annotated[bool, typer.Option("--draft", help="In state draft, as without a choice.")] = False,
    shadow: Annotated[bool, typer.Option("--shadow", help="In state shadow: it runs without performing.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write the YAML to this file instead of stdout.")] = None,
    publish: Annotated[bool, typer.Option("--publish", help="Publish it instead of printing it.")] = False,
    json: Json = False,
) -> None:
    """Make a definition from a template.

    Prints it as YAML, to be customised and published; with --publish it is put in force at once. For example:

    onestack templates use alert-to-ticket --org acme --set board=Alerts --enable --publish
    """
    if enable + draft + shadow > 1:
        raise Failure("Give one of --enable, --draft and --shadow.", USAGE)
    if out is not None and publish:
        raise Failure("Give either --out or --publish.", USAGE)
    state = "enabled" if enable else "shadow" if shadow else "draft"
    document = _document(_find(name), given or [], {"org": org, "id": id, "state": state, "version": version})
    if publish:
        from cli.telling import put_in_force

        put_in_force([document], json=json)
        return
    for line in document.lines():
        complain(line)
    _write(document, out, json=json)


def _document(template: Template, given: list[str], head: dict[str, Any]) -> Document:
    """The filled template, checked as a file's definition is. Raises Failure, which lists the parameters."""
    from cli.files import Document, checked
    from schemas.templates import fill

    try:
        body = fill(template, _assignments(given), head.pop("org"), **head)
    except Refused as refused:
        faults = "\n".join(f"  {fault}" for fault in refused.faults)
        raise Failure(
            f"{template.name} can't be used like that:\n{faults}\nIts parameters:\n{_parameter_lines(template)}"
        ) from None
    document = checked(Document(f"template {template.name}", 1, body))
    if document.faults:
        raise Failure("\n".join(document.lines()))
    return document


def _write(document: Document, out: Path | None, *, json: bool) -> None:
    from schemas.documents import dump_yaml

    if out is not None:
        out.write_text(dump_yaml(document.body), encoding="utf-8")
    if json:
        show_json(document.body)
    elif out is not None:
        print(f"wrote {document.name} ({document.body['state']}) to {out}")
    else:
        print(dump_yaml(document.body), end="")


def _assignments(given: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name.strip():
            raise Failure(f"--set takes NAME=VALUE, such as board=Alerts, not {one[:60]!r}.", USAGE)
        if name.strip() in found:
            raise Failure(f"--set gives {name.strip()!r} twice.", USAGE)
        found[name.strip()] = value
    return found


def _find(name: str) -> Template:
    from schemas.templates import find

    try:
        return find(name)
    except Refused as refused:
        raise Failure(f"{refused.reason[:1].upper()}{refused.reason[1:]}.", USAGE) from None


def _told(template: Template) -> dict[str, Any]:
    parameters = [{**one.model_dump(), "required": one.required} for one in template.parameters]
    return {**template.about.model_dump(), "trigger": template.trigger, "parameters": parameters}


def _tell_parameters(template: Template) -> None:
    rows = [(one.name, _type(one), _default(one), one.description) for one in template.parameters]
    table(("parameter", "type", "default", "what it is"), rows, "It takes no parameters.")


def _parameter_lines(template: Template) -> str:
    return "\n".join(f"  {one.name} ({_type(one)}, {_default(one)}): {one.description}" for one in template.parameters)


def _type(parameter: Parameter) -> str:
    return " | ".join(parameter.choices) if parameter.choices else parameter.type


def _default(parameter: Parameter) -> str:
    if parameter.required:
        return "required"
    given = parameter.default
    return ", ".join(map(str, given)) if isinstance(given, list) else str(given)


def _example(template: Template) -> str:
    needed = "".join(f" --set {one.name}=…" for one in template.parameters if one.required)
    return f"{template.name} --org ORG{needed} --enable --publish"
