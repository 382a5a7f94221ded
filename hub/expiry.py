"""What is removed after a while of what the Hub keeps."""

from __future__ import annotations

from typing import Final

EXPIRE: Final = """
delete from hub_data.idempotency where ctid = any(array(
    select ctid from hub_data.idempotency where begun_at < now() - interval '24 hours' limit 5000))"""
"""Answers that were kept for a repeat, after their day."""
