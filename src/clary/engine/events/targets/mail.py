"""E-mail (`mailto:`), by the mail server of the settings. Options: Subject."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from urllib.parse import unquote

from clary.base.settings import Settings
from clary.engine.events.targets.target import Tools, Undeliverable
from clary.store.deliveries import Delivery

_SECONDS = 20.0
_LONGEST_SUBJECT = 200


def send(tools: Tools, delivery: Delivery) -> None:
    settings = tools.settings
    if not settings.smtp_host or not settings.smtp_from:
        text = "No mail server is configured: set CLARY_SMTP_HOST and CLARY_SMTP_FROM."
        raise Undeliverable("NO_MAIL_SERVER", text)
    try:
        _hand_over(settings, _message(settings, delivery))
    except smtplib.SMTPRecipientsRefused:
        raise Undeliverable("RECIPIENT_REFUSED", "The mail server refuses the recipient.") from None
    except smtplib.SMTPAuthenticationError:
        raise Undeliverable("MAIL_LOGIN_FAILED", "The mail server refuses the login.", temporary=True) from None
    except (smtplib.SMTPException, OSError) as error:
        raise Undeliverable("MAIL_FAILED", f"The mail server: {type(error).__name__}", temporary=True) from None


def _message(settings: Settings, delivery: Delivery) -> EmailMessage:
    document = delivery.document
    recipient = unquote(document["target"].partition(":")[2])
    subject = str(document["options"].get("Subject") or "Notification")[:_LONGEST_SUBJECT]
    message = EmailMessage()
    try:
        message["From"] = settings.smtp_from
        message["To"] = recipient
        message["Subject"] = " ".join(subject.split())
    except ValueError:
        raise Undeliverable("INVALID_ADDRESS", "The address is not valid.") from None
    message.set_content(document["body"])
    return message


def _hand_over(settings: Settings, message: EmailMessage) -> None:
    with smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=_SECONDS) as server:
        if settings.smtp_tls:
            server.starttls(context=ssl.create_default_context())
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.smtp_password)
        server.send_message(message)
