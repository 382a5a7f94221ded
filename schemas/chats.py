"""Messages in the formats of the chats' incoming webhooks: made of text alone."""

from __future__ import annotations

from typing import Any

_SLACK_SECTION = 3000
_SLACK_TEXT = 40_000
_TEAMS_BYTES = 24_000
"""Teams takes messages of 28 kB; the rest is for the card around the text."""


def teams_message(subject: str, body: str) -> dict[str, Any]:
    """An Adaptive Card as the Workflows app of Teams takes it: the subject in bold, then the text."""
    blocks: list[dict[str, Any]] = []
    if subject:
        blocks.append({"type": "TextBlock", "text": subject, "weight": "Bolder", "size": "Medium", "wrap": True})
    # A card's text is Markdown: one line break alone would vanish.
    text = _cut(body.replace("\r\n", "\n"), _TEAMS_BYTES - len(subject.encode())).replace("\n", "\n\n")
    blocks.append({"type": "TextBlock", "text": text, "wrap": True})
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
        "msteams": {"width": "Full"},
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def slack_message(subject: str, body: str) -> dict[str, Any]:
    """A Slack message: `text` for notifications and old clients, blocks for the rest; the subject in bold.

    Slack's control characters are escaped, so that no text of an event can address a channel.
    """
    title = f"*{_escaped(subject)}*" if subject else ""
    whole = "\n".join(part for part in (title, _escaped(body)) if part)[:_SLACK_TEXT]
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "text": part}}
        for part in (whole[start : start + _SLACK_SECTION] for start in range(0, len(whole), _SLACK_SECTION))
        if part.strip()
    ]
    return {"text": whole, "blocks": blocks} if blocks else {"text": whole}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str, size: int) -> str:
    """`text` in at most about `size` bytes of UTF-8."""
    raw = text.encode()
    return text if len(raw) <= size else raw[: max(size, 0)].decode("utf-8", "ignore") + "…"
