"""What the scripts in this folder share: the card in a PC/SC reader, opened as yubikit's users do."""

import json
import sys
from contextlib import contextmanager

from ykman.pcsc import list_devices
from yubikit.core.smartcard import ApduError, SmartCardConnection
from yubikit.securitydomain import SecurityDomainSession


@contextmanager
def card(reader):
    """A connection to the card in the reader of that name."""
    (device,) = list_devices(reader)
    with device.open_connection(SmartCardConnection) as connection:
        yield connection


def session(connection, params=None):
    """A new session with the security domain, authenticated when there are parameters."""
    sd = SecurityDomainSession(connection)
    if params is not None:
        sd.authenticate(params)
    return sd


def refused(action, *args, **kwargs):
    """The status word with which the card refuses; an error when it does not."""
    try:
        action(*args, **kwargs)
    except ApduError as error:
        return f"{error.sw:04X}"
    except ValueError as error:
        # What yubikit makes of 6A88 when a session is opened.
        if str(error) == "Incorrect SCP parameters":
            return "6A88"
        raise
    raise AssertionError(f"{action.__name__} was not refused")


def keys(sd):
    """Key information as KID/KVN in hex, sorted: 01/FF."""
    return sorted(f"{ref.kid:02X}/{ref.kvn:02X}" for ref in sd.get_key_information())


def report(**facts):
    """One JSON object on standard output."""
    json.dump(facts, sys.stdout)
    print()
