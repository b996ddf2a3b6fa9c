"""The settings of alerts, and what each channel's far end gets, on servers of this machine."""

import logging
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from alerts_kit import (
    NOON,
    SECRET_VARIABLE,
    SLACK_VARIABLE,
    URL_VARIABLE,
    AlertReceiver,
    SlackWebhook,
    alert,
    free_port,
    plain,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from standardwebhooks import Webhook

from orchestration.alerts.alert import Notice, duration, one_line
from orchestration.alerts.channels import NotTold, mail_text, slack_lines, tell
from orchestration.alerts.message import KINDS, Message
from orchestration.alerts.settings import AlertSettings
from orchestration.demo_receiver import Fault
from orchestration.errors import UsageError
from orchestration.project import utc_now

USER_VARIABLE, PASSWORD_VARIABLE = "STRATA_TEST_MAIL_USER", "STRATA_TEST_MAIL_PASSWORD"
USER, PASSWORD = "strata-hush", "password-hush"
WEBHOOK = {"webhook": {"url": f"env:{URL_VARIABLE}", "secret_env": SECRET_VARIABLE}}
SLACK = {"slack": {"webhook_url_env": SLACK_VARIABLE, "timeout_seconds": 2}}
OPENED = Message([Notice("opened", alert())], NOON)


def said(settings: dict[str, Any], channel: str, message: Message = OPENED) -> str:
    return tell(AlertSettings.of(settings), channel, message, utc_now)


def refusal(settings: dict[str, Any], channel: str) -> str:
    with pytest.raises(NotTold) as refused:
        said(settings, channel)
    assert refused.value.__suppress_context__
    return str(refused.value)


# Settings


MAIL = {"host": "mail.example.com", "from": "strata@example.com", "to": ["ops@example.com"]}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"remind_hours": 1}, "unknown key `alerts.remind_hours`; accepted: max_hours_without_re"),
        ({"remind_after_hours": 0}, "`alerts.remind_after_hours` is 0; accepted: input should be"),
        (
            {"slack": {"webhook_url_env": "S", "url": "x"}},
            "unknown key `alerts.slack.url`; accepted: webhook_url_env, timeout_seconds",
        ),
        ({"webhook": {"secret_env": "S"}}, "missing key `alerts.webhook.url`; accepted: url, "),
        (
            {"webhook": {"url": "ftp://x", "secret_env": "S"}},
            "`alerts.webhook.url` is 'ftp://x'; accepted: an http:// or https:// address, or env:",
        ),
        ({"email": {**MAIL, "from": "me"}}, "`alerts.email.from` is 'me'; accepted: an e-mail ad"),
        ({"email": {**MAIL, "sender": "x"}}, "unknown key `alerts.email.sender`; accepted: host, "),
        ({"email": {**MAIL, "to": []}}, "`alerts.email.to` is []; accepted: list should have at"),
        ({"email": {**MAIL, "to": ["a@b\n@c"]}}, "`alerts.email.to.0` is"),
        ({"email": {**MAIL, "port": "25"}}, "`alerts.email.port` is '25'; accepted: input should"),
        (
            {"email": {**MAIL, "security": "ssl"}},
            "`alerts.email.security` is 'ssl'; accepted: 'starttls', 'tls' or 'none'",
        ),
        (
            {"email": {**MAIL, "password_env": "P"}},
            "`alerts.email.username_env` is None; accepted: username_env and password_env together",
        ),
        (
            {"email": {**MAIL, "username_env": "U", "password_env": "P", "security": "none"}},
            "`alerts.email.security` is 'none'; accepted: starttls or tls, since a password is se",
        ),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_accepted(
    settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError) as refused:
        AlertSettings.of(settings)
    assert str(refused.value).startswith(f"dbt_project.yml: {words}")


def test_the_projects_own_settings_have_no_channel() -> None:
    settings = AlertSettings.read()
    assert settings.channels == []
    assert (settings.max_hours_without_refresh, settings.remind_after_hours) == (3, 24)


def test_all_channels_at_once() -> None:
    settings = AlertSettings.of({**WEBHOOK, **SLACK, "email": MAIL})
    assert settings.channels == ["webhook", "slack", "email"]


# Words


def test_spans_are_told_in_their_largest_unit() -> None:
    hour = timedelta(hours=1)
    spans = (timedelta(0), hour / 2, 3 * hour, 47 * hour, 72 * hour)
    assert [duration(span) for span in spans] == ["1 min", "30 min", "3 h", "47 h", "3 days"]


def test_a_line_has_no_break_and_an_end() -> None:
    assert one_line("a\n  b\tc") == "a b c"
    assert one_line("x" * 600) == "x" * 499 + "…"


def test_many_alerts_are_grouped_and_twenty_are_listed() -> None:
    held = [Notice("opened", alert(f"s{number:02}")) for number in range(40)]
    other = Notice("opened", alert("", kind="failed_run", subject="The last refresh failed"))
    message = Message([*held, other], NOON)
    assert message.title == "Strata alerts: 41 new"
    groups = list(message.groups())
    assert [(one.heading, one.count, len(one.entries)) for one in groups] == [
        ("New: failed refresh", 1, 1),
        ("New: held segments", 40, 19),
    ]
    assert message.rest == "and 21 more; `strata alerts` lists what is open"
    assert mail_text(message).rstrip().endswith(message.rest)
    assert slack_lines(message)[-1] == message.rest


def test_errors_come_before_warnings_and_recoveries_last() -> None:
    message = Message(
        [
            Notice("resolved", alert("c"), NOON, resolved_at=NOON + timedelta(hours=3)),
            Notice("opened", alert("a", severity="warning", affects="audience_a → file (sync_a)")),
            Notice("reminder", alert("d"), told_at=NOON),
            Notice("opened", alert("b")),
        ],
        NOON,
    )
    assert message.title == "Strata alerts: 2 new, 1 still open, 1 resolved"
    assert mail_text(message) == (
        "New: held segments (2)\n\n"
        "- The segment b is held\n"
        "  since 2026-07-01 12:00 UTC. 3 members, fewer than the minimum of 5.\n"
        '  strata release b --reason "..."\n\n'
        "- The segment a is held\n"
        "  since 2026-07-01 12:00 UTC. 3 members, fewer than the minimum of 5."
        " Affects: audience_a → file (sync_a).\n"
        '  strata release a --reason "..."\n\n'
        "Still open: held segments (1)\n\n"
        "- The segment d is held\n"
        "  since 2026-07-01 12:00 UTC. 3 members, fewer than the minimum of 5.\n"
        '  strata release d --reason "..."\n\n'
        "Resolved: held segments (1)\n\n"
        "- The segment c is held\n"
        "  resolved after 3 h\n"
    )


def test_every_kind_has_a_heading() -> None:
    notices = [Notice("opened", alert(kind, kind=kind)) for kind in KINDS]
    assert sum(len(one.entries) for one in Message(notices, NOON).groups()) == len(KINDS)


def test_a_message_has_an_id_of_its_news() -> None:
    again = Message([Notice("opened", alert(message="in other words"))], utc_now())
    reminder = Message([Notice("reminder", alert(), told_at=NOON)], NOON)
    assert OPENED.id == again.id != reminder.id
    next_time = Message([Notice("opened", alert(since=NOON + timedelta(hours=5)))], NOON)
    assert OPENED.id != next_time.id


# The webhook


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[AlertReceiver]:
    with AlertReceiver() as running:
        monkeypatch.setenv(URL_VARIABLE, f"{running.url}?token=hush-token")
        monkeypatch.setenv(SECRET_VARIABLE, running.secret)
        yield running


def test_the_webhook_gets_every_field_signed(receiver: AlertReceiver) -> None:
    resolved = Notice("resolved", alert("b"), NOON, resolved_at=NOON + timedelta(hours=1))
    message = Message([Notice("opened", alert()), resolved], NOON)
    assert said(WEBHOOK, "webhook", message) == ""
    (delivery,) = receiver.deliveries
    body = Webhook(receiver.secret).verify(delivery.body, dict(delivery.headers))
    assert delivery.headers["webhook-id"] == message.id
    assert (body["type"], body["timestamp"]) == ("strata.alerts", "2026-07-01T12:00:00Z")
    first, second = body["data"]["alerts"]
    assert first == {
        "event": "opened",
        "key": "held_segment:champions",
        "kind": "held_segment",
        "about": "champions",
        "severity": "error",
        "subject": "The segment champions is held",
        "message": "3 members, fewer than the minimum of 5.",
        "since": "2026-07-01T12:00:00Z",
        "affects": None,
        "command": 'strata release champions --reason "..."',
        "last_told_at": None,
        "resolved_at": None,
    }
    assert (second["event"], second["resolved_at"]) == ("resolved", "2026-07-01T13:00:00Z")


def test_the_webhook_gets_all_of_many(receiver: AlertReceiver) -> None:
    said(WEBHOOK, "webhook", Message([Notice("opened", alert(f"s{n}")) for n in range(40)], NOON))
    assert [len(one) for one in receiver.told] == [40]


def test_what_the_webhook_says_is_told_without_the_address(receiver: AlertReceiver) -> None:
    echoed = f"nobody at {receiver.url}?token=hush-token"
    receiver.faults.extend([Fault(status=503, body=echoed), Fault(status=410, body=echoed)])
    assert refusal(WEBHOOK, "webhook") == "503: nobody at *** (tried 1 time)"
    assert refusal(WEBHOOK, "webhook") == "410: nobody at ***"


def test_no_answer_of_the_webhook_is_one_line(
    receiver: AlertReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.faults.append(Fault(delay_seconds=0.4))
    slow = {"webhook": {**WEBHOOK["webhook"], "timeout_seconds": 0.1}}
    assert "timed out (tried 1 time)" in refusal(slow, "webhook")
    monkeypatch.setenv(URL_VARIABLE, f"http://127.0.0.1:{free_port()}/?token=hush-token")
    words = refusal(WEBHOOK, "webhook")
    assert "refused" in words
    assert "hush" not in words


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (URL_VARIABLE, SECRET_VARIABLE, SLACK_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match=URL_VARIABLE):
        said(WEBHOOK, "webhook")
    with pytest.raises(UsageError, match=SLACK_VARIABLE):
        said(SLACK, "slack")


# Slack


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackWebhook]:
    with SlackWebhook() as running:
        monkeypatch.setenv(SLACK_VARIABLE, running.url)
        yield running


def test_slack_shows_text_as_it_is(slack: SlackWebhook) -> None:
    tricky = alert(message="<!channel> & <https://x.example|y>\n*bold*", affects="a_b_c")
    assert said(SLACK, "slack", Message([Notice("opened", tricky)], NOON)) == ""
    body = slack.requests[0].body
    assert body["text"] == "Strata alert: The segment champions is held"
    assert all(block["text"]["verbatim"] for block in body["blocks"])
    assert slack.lines() == [
        "*Strata alert: The segment champions is held*",
        "*New: held segments* (1)",
        "• *The segment champions is held*: since 2026-07-01 12:00 UTC. &lt;!channel&gt; &amp; "
        "&lt;https://x.example|y&gt; *bold*. Affects: a_b_c.",
        '`strata release champions --reason "..."`',
    ]


def test_a_long_message_to_slack_fits_and_keeps_its_commands(slack: SlackWebhook) -> None:
    wordy = [Notice("opened", alert(f"s{n:02}", message="<" * 1_000)) for n in range(30)]
    said(SLACK, "slack", Message(wordy, NOON))
    lines = slack.lines()
    assert sum(len(line) for line in lines) < 10_500
    assert sum(line.startswith("`strata release s") for line in lines) == 20
    assert lines[-1] == "and 10 more; `strata alerts` lists what is open"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(status=404, body="no_service"), "404: no_service"),
        (Fault(status=200, body="<html>Please log in</html>"), "200: <html>Please log in</html>"),
        (Fault(is_cut_off=True), "Remote end closed connection without response"),
    ],
)
def test_what_slack_does_not_take_is_one_line(
    slack: SlackWebhook, fault: Fault, words: str
) -> None:
    slack.fail("hushhush", fault)
    assert refusal(SLACK, "slack") == words


def test_no_word_of_slack_shows_the_address(
    slack: SlackWebhook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    slack.fail(
        "hushhush", Fault(status=500, body=f"bad {slack.url}\nat /services/T0HUSH/B0HUSH/hushhush")
    )
    assert refusal(SLACK, "slack") == "500: bad *** at ***"
    monkeypatch.setenv(SLACK_VARIABLE, "services/T0HUSH")
    with pytest.raises(UsageError) as refused:
        said(SLACK, "slack")
    assert SLACK_VARIABLE in str(refused.value)
    assert "HUSH" not in str(refused.value)
    monkeypatch.setenv(SLACK_VARIABLE, f"http://127.0.0.1:{free_port()}/services/T0HUSH")
    assert "refused" in refusal(SLACK, "slack")
    pasted = {"slack": {"webhook_url_env": slack.url}}
    with pytest.raises(UsageError) as refused:
        said(pasted, "slack")
    assert "hush" not in f"{refused.value} {caplog.text}".lower()


def test_a_slow_slack_is_given_up(slack: SlackWebhook) -> None:
    slack.fail("hushhush", Fault(delay_seconds=0.4))
    slow = {"slack": {**SLACK["slack"], "timeout_seconds": 0.1}}
    assert "timed out" in refusal(slow, "slack")


# E-mail


class Mailbox:
    """Keeps what a mail server takes; may refuse recipients."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.refused: set[str] = set()
        self.answer = ""

    async def handle_RCPT(self, *said: Any) -> str:  # noqa: N802 - the name that aiosmtpd calls
        _, _, envelope, address, _ = said
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, *said: Any) -> str:  # noqa: N802 - the name that aiosmtpd calls
        if self.answer:
            return self.answer
        self.envelopes.append(said[-1])
        return "250 OK"

    def last(self) -> EmailMessage:
        """The last mail."""
        content = self.envelopes[-1].content
        assert isinstance(content, bytes)
        mail = message_from_bytes(content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        return mail


def logged_in(*said: Any) -> AuthResult:
    """Tell aiosmtpd whether somebody is who they say."""
    data = said[-1]
    assert isinstance(data, LoginPassword)
    is_known = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_known, handled=False)


Serve = Callable[..., tuple[Mailbox, dict[str, Any]]]


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1, and what a server with it needs."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test mail server")])
    now = datetime.now(UTC)
    day = timedelta(days=1)
    here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now - day, now + day
    )
    certificate = builder.add_extension(here, critical=False).sign(key, hashes.SHA256())
    folder = tmp_path_factory.mktemp("tls")
    public, both = folder / "server.pem", folder / "both.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    both.write_bytes(
        public.read_bytes()
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return public, context


@pytest.fixture
def serve(tls: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts mail servers; called with the security they offer, gives mailbox and settings."""
    running: list[Controller] = []
    monkeypatch.setenv(USER_VARIABLE, USER)
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    monkeypatch.setenv("SSL_CERT_FILE", str(tls[0]))

    def start(security: str) -> tuple[Mailbox, dict[str, Any]]:
        mailbox = Mailbox()
        options: dict[str, Any] = {
            "none": {},
            "starttls": {"tls_context": tls[1], "require_starttls": True},
            "tls": {"ssl_context": tls[1], "auth_require_tls": False},
        }[security]
        if security != "none":
            options |= {"authenticator": logged_in, "auth_required": True}
        server = Controller(mailbox, hostname="127.0.0.1", port=free_port(), **options)
        server.start()
        running.append(server)
        login = {"username_env": USER_VARIABLE, "password_env": PASSWORD_VARIABLE}
        return mailbox, {
            **MAIL, "host": "127.0.0.1", "port": server.port, "security": security,
            "timeout_seconds": 5, **(login if security != "none" else {}),
        }  # fmt: skip

    yield start
    for server in running:
        server.stop()


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # it has TLS
@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_a_mail_arrives(serve: Serve, security: str) -> None:
    mailbox, settings = serve(security)
    message = Message(
        [Notice("opened", alert(subject="Zoë's segment\nis held", message="a\nb"))], NOON
    )
    assert (
        said({"email": {**settings, "to": ["a@example.com", "b@example.com"]}}, "email", message)
        == ""
    )
    mail = mailbox.last()
    assert mailbox.envelopes[0].rcpt_tos == ["a@example.com", "b@example.com"]
    assert (mail["From"], mail["To"]) == ("strata@example.com", "a@example.com, b@example.com")
    assert mail["Subject"] == "Strata alert: Zoë's segment is held"
    assert mail["Date"] == "Wed, 01 Jul 2026 12:00:00 +0000"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert 'strata release champions --reason "..."' in mail.get_content()
    assert max(map(len, str(mail).splitlines())) < 100


def test_recipients_who_are_refused_are_said_and_the_others_told_once(serve: Serve) -> None:
    mailbox, settings = serve("none")
    mailbox.refused.add("b@example.com")
    both = {"email": {**settings, "to": ["a@example.com", "b@example.com"]}}
    assert said(both, "email") == "not sent to b@example.com: refused by the server"
    assert mailbox.envelopes[0].rcpt_tos == ["a@example.com"]
    mailbox.refused.add("a@example.com")
    assert "no such mailbox" in refusal(both, "email")


def test_a_wrong_password_is_told_without_it(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    _, settings = serve("starttls")
    monkeypatch.setenv(PASSWORD_VARIABLE, "wrong-hush")
    assert refusal({"email": settings}, "email").startswith("535 ")


def test_what_the_server_repeats_of_the_credentials_is_not(serve: Serve) -> None:
    mailbox, settings = serve("starttls")
    mailbox.answer = f"554 {USER} with {PASSWORD} may not send"
    assert refusal({"email": settings}, "email") == "554 *** with *** may not send"


def test_a_server_that_cannot_be_trusted_gets_no_password(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox, settings = serve("starttls")
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "certificate verify failed" in refusal({"email": settings}, "email")
    _, plain_settings = serve("none")
    words = refusal({"email": {**plain_settings, "security": "starttls"}}, "email")
    assert "STARTTLS" in words
    assert mailbox.envelopes == []


def test_no_mail_server_is_one_line() -> None:
    there = {**MAIL, "host": "127.0.0.1", "port": free_port(), "security": "none"}
    words = refusal({"email": there}, "email")
    assert "refused" in words
    assert words == plain(words)
