"""Tells a message over a channel: signed JSON to an address, Slack, e-mail."""

import json
import logging
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from http.client import HTTPException
from urllib.parse import urlsplit

from orchestration.alerts.alert import Notice, one_line
from orchestration.alerts.message import Message
from orchestration.alerts.settings import (
    AlertSettings,
    EmailChannel,
    SlackChannel,
    WebhookChannel,
)
from orchestration.destinations.base import (
    BatchRefused,
    Clock,
    DestinationStopped,
    NoAnswer,
    value_or_environment,
)
from orchestration.destinations.secrets import from_environment
from orchestration.destinations.slack.message import (
    MESSAGE_LENGTH,
    SECTION_LENGTH,
    as_blocks,
    cut,
    escaped,
    longest_line,
)
from orchestration.destinations.values import as_json
from orchestration.destinations.webhook.settings import WebhookSettings, is_http
from orchestration.errors import UsageError


class NotTold(Exception):
    """A channel did not take a message; the words are one line without credentials."""


def tell(settings: AlertSettings, channel: str, message: Message, now: Clock) -> str:
    """Tell a message over one of the configured channels; what is to be said about it, or ''.

    Raises:
        NotTold: it was not taken, or nobody can say.
        UsageError: a variable that the settings name is not set or does not hold what it should.
    """
    if channel == "webhook" and settings.webhook:
        return _post(settings.webhook, message, now)
    if channel == "slack" and settings.slack:
        return _tell_slack(settings.slack, message)
    if channel == "email" and settings.email:
        return _mail(settings.email, message)
    raise ValueError(f"{channel} is not configured")


@contextmanager
def _in_words(*kinds: type[Exception], secrets: tuple[str, ...]) -> Iterator[None]:
    """Turn errors of these kinds into one line in which none of the secrets is left."""
    try:
        yield
    except kinds as error:
        said = str(error) or type(error).__name__
        if isinstance(error, smtplib.SMTPResponseException):
            answer = error.smtp_error
            text = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
            said = f"{error.smtp_code} {text}"
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            said = said.replace(secret, "***")
        raise NotTold(one_line(said)) from None  # its cause may show what the words do not


def _post(settings: WebhookChannel, message: Message, now: Clock) -> str:
    # The next pass repeats what is not told: one that waits for long would be cut off.
    client = WebhookSettings(
        url=settings.url,
        secret_env=settings.secret_env,
        timeout_seconds=settings.timeout_seconds,
        max_retries=0,
    ).connect(now)
    secrets = _parts(value_or_environment(settings.url, "address of the webhook"))
    with (
        closing(client),
        _in_words(BatchRefused, DestinationStopped, NoAnswer, secrets=secrets),
    ):
        client.post(message.id, as_signed_json(message))
    return ""


def as_signed_json(message: Message) -> bytes:
    """Every alert with all that is known of it, in the envelope of Standard Webhooks."""
    body = {
        "type": "strata.alerts",
        "timestamp": as_json(message.sent_at),
        "data": {"title": message.title, "alerts": [_fields(one) for one in message.notices]},
    }
    return json.dumps(body, ensure_ascii=False).encode()


def _fields(notice: Notice) -> dict[str, object]:
    alert = notice.alert
    return {
        "event": notice.event,
        "key": alert.key,
        "kind": alert.kind,
        "about": alert.about or None,
        "severity": alert.severity,
        "subject": alert.subject,
        "message": alert.message,
        "since": as_json(alert.since),
        "affects": alert.affects or None,
        "command": alert.command,
        "last_told_at": as_json(notice.told_at),
        "resolved_at": as_json(notice.resolved_at),
    }


def _tell_slack(settings: SlackChannel, message: Message) -> str:
    url = from_environment(settings.webhook_url_env, "address of the Slack webhook")
    if not is_http(url):
        raise UsageError(
            f"environment variable {settings.webhook_url_env} does not hold the address of a "
            "Slack webhook; accepted: an https:// address"
        )
    try:
        from slack_sdk.webhook import WebhookClient
    except ModuleNotFoundError as error:
        raise NotTold(
            f"it needs the library {error.name}; install the project with the extra `destinations`"
        ) from None
    # Below this level the client writes the address and whole messages to its log.
    logger = logging.getLogger(__name__)
    logger.setLevel(logging.CRITICAL)
    client = WebhookClient(
        url,
        timeout=settings.timeout_seconds,  # type: ignore[arg-type] # urllib takes fractions as well
        logger=logger,
        retry_handlers=[],
    )
    with _in_words(OSError, HTTPException, ValueError, NotTold, secrets=_parts(url)):
        answer = client.send(
            text=escaped(message.title),
            blocks=as_blocks(escaped(message.title), slack_lines(message)),
            unfurl_links=False,
            unfurl_media=False,
        )
        if answer.status_code != 200 or answer.body.strip() != "ok":
            raise NotTold(f"{answer.status_code}: {answer.body}")
    return ""


def slack_lines(message: Message) -> list[str]:
    """The alerts in Slack's markup; where they do not fit, the longest lines are cut."""
    lines: list[str] = []
    for group in message.groups():
        lines.append(f"*{escaped(group.heading)}* ({group.count})")
        for entry in group.entries:
            lines.append(f"• *{escaped(entry.headline)}*: {escaped(entry.detail)}")
            if entry.command:
                lines.append(f"`{escaped(entry.command)}`")
    if message.rest:
        lines.append(escaped(message.rest))
    longest = min(SECTION_LENGTH, longest_line(lines, MESSAGE_LENGTH - len(message.title)))
    return [cut(line, longest) for line in lines]


def _mail(settings: EmailChannel, message: Message) -> str:
    login = None
    if settings.username_env and settings.password_env:
        login = (
            from_environment(settings.username_env, "user name at the mail server"),
            from_environment(settings.password_env, "password at the mail server"),
        )
    mail = EmailMessage()
    mail["Subject"] = one_line(message.title, 200)
    mail["From"] = settings.sender
    mail["To"] = ", ".join(settings.to)
    mail["Date"] = format_datetime(message.sent_at.replace(tzinfo=UTC))
    mail["Message-ID"] = make_msgid(message.id[:16], domain=settings.sender.rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"
    # Lines stay short and ASCII, which every server takes.
    mail.set_content(mail_text(message), cte="quoted-printable")
    with (
        _in_words(OSError, smtplib.SMTPException, secrets=login or ()),
        _mail_server(settings) as server,
    ):
        if login:
            server.login(*login)
        refused = server.send_message(mail)
    # Sent to the others: told again it would be told to them again.
    return f"not sent to {', '.join(sorted(refused))}: refused by the server" if refused else ""


def _mail_server(settings: EmailChannel) -> smtplib.SMTP:
    host, port, timeout = settings.host, settings.port, settings.timeout_seconds
    context = ssl.create_default_context()
    if settings.security == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=timeout, context=context)
    server = smtplib.SMTP(host, port, timeout=timeout)
    if settings.security == "starttls":
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
    return server


def mail_text(message: Message) -> str:
    """The alerts as plain text."""
    parts = []
    for group in message.groups():
        parts.append(f"{group.heading} ({group.count})")
        for entry in group.entries:
            lines = [f"- {entry.headline}", f"  {entry.detail}"]
            parts.append("\n".join([*lines, f"  {entry.command}"] if entry.command else lines))
    return "\n\n".join([*parts, message.rest] if message.rest else parts) + "\n"


def _parts(url: str) -> tuple[str, ...]:
    """What may not be shown of an address: all of it, and what follows the host."""
    parts = urlsplit(url)
    after = f"{parts.path}?{parts.query}" if parts.query else parts.path
    pieces = (url, after, parts.path, parts.query, parts.password or "")
    return tuple(piece for piece in pieces if len(piece) > 1)
