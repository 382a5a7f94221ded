"""Who and what the demo's morning is about: six service providers, their clients, people and devices."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

ORGS = {
    "northwind": "Northwind IT Services",
    "brightline": "Brightline Managed IT",
    "harbor": "Harbor Tech Partners",
    "summit": "Summit Systems",
    "lakeside": "Lakeside Networks",
    "redwood": "Redwood Cloud",
}
_CLIENTS = (
    *("Globex Logistics", "Initech Legal", "Vandelay Imports", "Wonka Foods", "Stark Dental", "Acorn Architects"),
    *("Hooli Print", "Duff Brewing", "Cyberdyne Motors", "Tyrell Optics", "Soylent Catering", "Umbra Pharma"),
    *("Gringotts Credit", "Oscorp Labs", "Pied Piper Media", "Bluth Homes", "Dunder Paper", "Sterling Courier"),
    *("Massive Dynamics", "Wernham Post", "Prestige Hotels", "Octan Energy", "Nakatomi Trading", "Aperture Glass"),
    *("Monarch Travel", "Virtucon Steel", "Zorin Audio", "Kaiser Bakery", "Lumon Textiles", "Delos Gardens"),
)
_FIRST = (
    *("Anna", "Ben", "Chloe", "David", "Elif", "Felix", "Grace", "Hugo", "Ines", "Jonas"),
    *("Keiko", "Liam", "Mara", "Nils", "Olga", "Pavel", "Rosa", "Sam", "Tara", "Yusuf"),
)
_LAST = (
    *("Abbott", "Becker", "Castro", "Dietrich", "Ekwueme", "Fischer", "Garcia", "Haddad"),
    *("Ito", "Jensen", "Keller", "Lopez", "Meyer", "Novak", "Okafor", "Peters"),
)
_SITES = ("Head office", "Warehouse", "Branch East", "Lab")
_KINDS = (("server", "SRV"), ("workstation", "PC"), ("firewall", "FW"), ("workstation", "NB"))
_SYSTEMS = {"server": "Windows Server 2025", "workstation": "Windows 11", "firewall": "FortiOS 7.6"}
_CLIENTS_EACH = 5
_DEVICES_EACH = 8


@dataclass(slots=True)
class Client:
    """A company that a provider looks after, with its devices."""

    org: str
    company: dict[str, Any]
    devices: list[dict[str, Any]] = field(default_factory=list)


def person(random: Random, prefix: str, number: int, domain: str) -> dict[str, str]:
    """Somebody with an id, a name and an address."""
    first, last = random.choice(_FIRST), random.choice(_LAST)
    return {"id": f"{prefix}-{number}", "name": f"{first} {last}", "email": f"{first}.{last}@{domain}".lower()}


def clients(random: Random) -> dict[str, list[Client]]:
    """Five clients with eight devices each for every organisation."""
    names = iter(_CLIENTS)
    return {org: [_client(random, org, number, next(names)) for number in range(1, _CLIENTS_EACH + 1)] for org in ORGS}


def new_company(random: Random, org: str, number: int) -> dict[str, Any]:
    """A company that has just become a client."""
    name = f"{random.choice(_LAST)} & {random.choice(_LAST)} {random.choice(('Law', 'Clinic', 'Works', 'Retail'))}"
    return _company(random, org, f"new{number}", name)


def _company(random: Random, org: str, number: int | str, name: str) -> dict[str, Any]:
    domain = name.split(maxsplit=1)[0].lower() + ".example"
    return {
        "id": f"c-{org}-{number}",
        "name": name,
        "domain": domain,
        "tags": ["vip"] if number == 1 else [],
        "primary_contact": person(random, f"p-{org}", _number_of(number), domain),
        "account_manager": person(random, f"m-{org}", _number_of(number), f"{org}.example"),
    }


def _number_of(number: int | str) -> int:
    """A number from a client's number, the same at every start."""
    return number if isinstance(number, int) else int(number.removeprefix("new")) + 100


def _client(random: Random, org: str, number: int, name: str) -> Client:
    client = Client(org, _company(random, org, number, name))
    for index in range(1, _DEVICES_EACH + 1):
        kind, prefix = _KINDS[index % len(_KINDS)]
        technician = person(random, f"u-{org}", random.randint(1, 6), f"{org}.example")
        client.devices.append(
            {
                "id": f"d-{org}-{number}-{index}",
                "name": f"{prefix}-{name.split(maxsplit=1)[0].upper()[:6]}-{index:02}",
                "type": kind,
                "os": _SYSTEMS[kind],
                "ip": f"10.{number}.{index}.{random.randint(2, 250)}",
                "mac": f"02:00:5e:{number:02x}:{index:02x}:{random.randint(0, 255):02x}",
                "site": random.choice(_SITES),
                "criticality": 5 if kind == "server" else random.randint(1, 4),
                "online": True,
                "tags": ["maintenance"] if random.random() < 0.1 else [],
                "assigned_technician": technician,
            }
        )
    return client
