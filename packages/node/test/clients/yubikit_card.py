"""What the scripts in this folder share: the card in a PC/SC reader, opened as yubikit's users do."""

import json
import sys
from contextlib import contextmanager

from ykman.pcsc import list_devices
from yubikit.core.smartcard import ApduError, SmartCardConnection
from yubikit.core.smartcard.scp import Scp03KeyParams
from yubikit.securitydomain import SecurityDomainSession

# yubikit's program ykman talks to a reader only when an application of a YubiKey is there: this is PIV's AID.
PIV_DOMAIN = bytes.fromhex("A000000308000010000100")


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


def lv(data):
    return bytes([len(data)]) + data


def install_domain(connection, aid, params=None):
    """INSTALL [for install and make selectable] of a supplementary security domain (GPC 2.3.1, 11.5)."""
    sd = session(connection, params or Scp03KeyParams())
    package = bytes.fromhex("A0000001515350")
    module = bytes.fromhex("A000000151535041")
    fields = [package, module, aid, bytes([0x80, 0, 0]), bytes.fromhex("C9048102" + "0370"), b""]
    return sd.protocol.send_apdu(0x80, 0xE6, 0x0C, 0, b"".join(map(lv, fields)))
