"""What each action takes in `with`, with its defaults (DESIGN.md §6). A default may be a template."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from schemas.durations import parse_duration, parse_time
from schemas.names import PRIORITIES, SEVERITIES, is_id

TRIGGERING_TYPE: Final = "{{event.subject_type}}"
TRIGGERING_ID: Final = "{{event.subject_id}}"
UNFINISHED: Final = "unfinished"
"""The type of a fault that a draft may have: something is not filled in yet."""


def has_template(value: object) -> bool:
    """Whether a text has an expression that is only known when the step begins."""
    return isinstance(value, str) and "{{" in value


def _scalar_as_text(given: object) -> object:
    # YAML reads an unquoted 42 or 1.5 as a number; in a text parameter the person meant its text.
    if isinstance(given, int | float) and not isinstance(given, bool):
        return str(given)
    return given


def _filled(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError(UNFINISHED, "is empty")
    return text


def _one_of(*choices: str) -> AfterValidator:
    def check(text: str) -> str:
        if text not in choices and not has_template(text):
            message = f"should be one of {', '.join(choices)}, not {text[:40]!r}"
            raise ValueError(message)
        return text

    return AfterValidator(check)


Text = Annotated[str, BeforeValidator(_scalar_as_text)]
Required = Annotated[str, BeforeValidator(_scalar_as_text), AfterValidator(_filled)]


class Parameters(BaseModel):
    """What stands in `with`; a parameter that the action does not know is a mistake."""

    model_config = ConfigDict(extra="forbid")


class CreateTicket(Parameters):
    """Open a new PSA ticket."""

    title: Required
    board: Text | None = None
    status: Text = "New"
    priority: Annotated[Text, _one_of(*PRIORITIES)] | None = None
    description: Text | None = None
    company_id: Text = "{{company.id}}"


class UpdateTicket(Parameters):
    """Change fields of a ticket, by default the triggering one."""

    fields: dict[str, Any] = Field(min_length=1)
    ticket_id: Text = "{{ticket.id}}"


class SendNotification(Parameters):
    """Send an e-mail, a push notification, or a Teams or Slack message."""

    channel: Annotated[Required, _one_of("email", "push", "teams", "slack")]
    to: Required | Annotated[list[Required], Field(min_length=1)] = Field(
        description="Addresses, a user, or for Teams and Slack the incoming webhook's URL or secret:NAME."
    )
    subject: Text | None = None
    body: Required


class EscalateOnCall(Parameters):
    """Trigger the On-Call escalation chain of a team."""

    team: Required
    severity: Annotated[Text, _one_of(*SEVERITIES)] | None = None
    message: Text | None = None


class UpdateField(Parameters):
    """Set a field of the triggering entity, or of a related one."""

    field: Required
    value: Any
    entity_type: Text = TRIGGERING_TYPE
    entity_id: Text = TRIGGERING_ID


class RunScript(Parameters):
    """Execute an RMM script on a device, by default the affected one."""

    script_id: Required
    device_id: Text = "{{device.id}}"
    parameters: dict[str, Any] | None = None


class CreateNote(Parameters):
    """Add a note to a company's record in the Hub."""

    body: Required
    title: Text | None = None
    company_id: Text = "{{company.id}}"


class AddTag(Parameters):
    """Apply a tag to the triggering entity, or to another."""

    tag: Required
    entity_type: Text = TRIGGERING_TYPE
    entity_id: Text = TRIGGERING_ID


class Webhook(Parameters):
    """Send an HTTP POST, signed as Standard Webhooks says where a secret is named."""

    url: Required
    headers: dict[str, Text] | None = None
    secret: Text | None = Field(None, description="secret:NAME of the signing secret (whsec_…).")
    body: Any = Field(None, description="What is sent; by default the whole event.")

    @field_validator("url")
    @classmethod
    def _reachable(cls, url: str) -> str:
        if not has_template(url[:9]) and not url.lower().startswith(("https://", "http://", "secret:")):
            message = "should begin with https://"
            raise ValueError(message)
        if url.lower() in ("https://", "http://"):
            message = "has no host behind its https://"
            raise ValueError(message)
        return url

    @field_validator("secret")
    @classmethod
    def _by_name(cls, secret: str | None) -> str | None:
        if secret is not None and not secret.startswith("secret:"):
            message = "name it as secret:NAME; a secret itself has no place in a definition"
            raise ValueError(message)
        return secret


BUSINESS_TIMES: Final = ("business_hours", "next_business_day")
"""What a delay can wait for besides a time: `business_hours` may be at once, `next_business_day` is never today."""
DEFAULT_CALENDAR: Final = "default"


class Delay(Parameters):
    """Wait for a duration, or until a time, before the next step."""

    for_: Text | None = Field(
        None, alias="for", description="How long, such as PT15M or 7d; with a calendar, business time alone counts."
    )
    until: Text | None = Field(
        None, description="A time (RFC 3339), business_hours, or next_business_day, when business hours begin."
    )
    calendar: Text | None = Field(
        None,
        description="The id of a calendar of the organisation; by default 'default' where business time is meant.",
    )

    @model_validator(mode="after")
    def _one(self) -> Delay:
        if self.for_ is None and self.until is None:
            raise PydanticCustomError(UNFINISHED, "needs either 'for' or 'until'")
        if self.for_ is not None and self.until is not None:
            message = "needs either 'for' or 'until'"
            raise ValueError(message)
        return self

    @field_validator("for_")
    @classmethod
    def _a_duration(cls, text: str | None) -> str | None:
        if text is not None and not has_template(text):
            parse_duration(text)
        return text

    @field_validator("until")
    @classmethod
    def _a_time(cls, text: str | None) -> str | None:
        if text is not None and text not in BUSINESS_TIMES and not has_template(text):
            try:
                parse_time(text)
            except ValueError as error:
                message = f"{error}, or {' or '.join(BUSINESS_TIMES)}"
                raise ValueError(message) from None
        return text

    @field_validator("calendar")
    @classmethod
    def _an_id(cls, text: str | None) -> str | None:
        if text is not None and not has_template(text) and not is_id(text):
            message = f"{text[:40]!r} is not a calendar's id"
            raise ValueError(message)
        return text


PARAMETERS: Final[dict[str, type[Parameters]]] = {
    "create_ticket": CreateTicket,
    "update_ticket": UpdateTicket,
    "send_notification": SendNotification,
    "escalate_on_call": EscalateOnCall,
    "update_field": UpdateField,
    "run_script": RunScript,
    "create_note": CreateNote,
    "add_tag": AddTag,
    "webhook": Webhook,
    "delay": Delay,
}
"""The parameters of each action, by its name."""
