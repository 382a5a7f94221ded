"""`onestack topics acls`: who may do what on Kafka, to be read, to be given to Kafka's own tool, or applied."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from cli.errors import Failure
from cli.output import Json, show_json, table


def acls(
    principal: Annotated[
        list[str] | None,
        typer.Option(
            help="A role's principal where it is not User:onestack-<role>, such as worker=User:CN=worker; repeatable."
        ),
    ] = None,
    commands: Annotated[bool, typer.Option(help="As arguments of Kafka's own kafka-acls.sh, a line each.")] = False,
    apply: Annotated[bool, typer.Option(help="Add them to the cluster.")] = False,
    json: Json = False,
) -> None:
    """List the least that worker, projector, hub, KEDA, administrator and each module need on Kafka, as its ACLs.

    A cluster with an authorizer refuses all that no ACL allows. What is there already stays, and is added once.
    """
    from runtime.kafka_acls import acls as all_acls

    found = all_acls(_names(principal or []))
    if apply:
        from cli.clients import settings_for_people
        from cli.running import on_kafka
        from runtime.kafka_acls import apply as add

        count = on_kafka(add(settings_for_people(), found))
        if json:
            show_json({"applied": count})
        else:
            print(f"{count} ACLs are there.")
        return
    if json:
        show_json([asdict(one) for one in found])
    elif commands:
        for one in found:
            print(f"--add {one.arguments}")
    else:
        rows = [(one.principal, one.operation, one.resource, one.name + ("*" if one.prefixed else "")) for one in found]
        table(("principal", "may", "on", "name"), rows, "")


def _names(given: list[str]) -> dict[str, str]:
    from schemas.names import MODULES

    roles = ("worker", "projector", "hub", "scaler", "admin", *(f"module-{name}" for name in MODULES))
    found: dict[str, str] = {}
    for one in given:
        role, equals, name = one.partition("=")
        if not equals or role not in roles or not name.startswith("User:"):
            raise Failure(
                f"--principal {one!r}: write a role and a principal of Kafka, such as worker=User:CN=worker; "
                f"the roles are {', '.join(roles)}."
            )
        found[role] = name
    return found
