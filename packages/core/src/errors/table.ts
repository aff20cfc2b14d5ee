import { type StatusWord, statusWords } from '../catalog/index.ts'

/**
 * Every error code, whose fault it is, the exit status of the command line and the next step.
 * One place: help, the SPEC's table and the command line's hints are produced from it.
 */
export type Culprit = 'caller' | 'peer' | 'bytes' | 'module' | 'state' | 'environment' | 'us'

interface ErrorRow {
  readonly culprit: Culprit
  /** Exit status of the command line. */
  readonly exit: number
  readonly remedy: string
}

/** A code for each status word of the module, so that each has its own remedy. */
type ModuleCode = `module-${Exclude<StatusWord, 'success'>}`

function moduleRows(): Record<ModuleCode, ErrorRow> {
  const rows = Object.entries(statusWords).filter(([name]) => name !== 'success')
  return Object.fromEntries(
    rows.map(([name, { remedy }]) => [`module-${name}`, { culprit: 'module', exit: 6, remedy }]),
  ) as Record<ModuleCode, ErrorRow>
}

export const errorTable = {
  'bytes-malformed': {
    culprit: 'bytes',
    exit: 3,
    remedy: 'look at the file with `sealwright inspect`; ask its sender for it again',
  },
  'peer-broke-protocol': {
    culprit: 'peer',
    exit: 4,
    remedy: 'repeat the step; if it fails again, check what stands between you and the module',
  },
  'authentication-failed': {
    culprit: 'peer',
    exit: 5,
    remedy: 'check that keys, module and certificates belong together',
  },
  'module-refused': {
    culprit: 'module',
    exit: 6,
    remedy: "see the module's state with `sealwright module show`",
  },
  'wrong-state': { culprit: 'state', exit: 7, remedy: 'see what comes next with `sealwright module show`' },
  usage: { culprit: 'caller', exit: 2, remedy: "see the command's `--help`" },
  'program-refused': {
    culprit: 'bytes',
    exit: 3,
    remedy:
      'build the program with the options that programs/elsewhere shows, for the interfaces of the SPEC',
  },
  'storage-full': {
    culprit: 'module',
    exit: 6,
    remedy: 'see the memory map with `sealwright module map`; delete what is no longer needed',
  },
  'memory-damaged': {
    culprit: 'bytes',
    exit: 3,
    remedy: "the module's file was changed or cut short: put back a good copy, or make a new module",
  },
  'memory-tampered': {
    culprit: 'bytes',
    exit: 3,
    remedy:
      'the page that is named was changed by somebody without the chip key, or by the drive: put back a good copy of the file, or restore a backup',
  },
  'memory-stale': {
    culprit: 'bytes',
    exit: 3,
    remedy:
      'part of the memory was put back to what it was earlier: put back the newest copy of the whole file, or restore a backup',
  },
  'memory-rolled-back': {
    culprit: 'bytes',
    exit: 3,
    remedy:
      'the memory is older than it may be: put back the newest copy of the file; a copy from before counts only through `sealwright module restore`',
  },
  'counter-rolled-back': {
    culprit: 'bytes',
    exit: 3,
    remedy:
      'the rollback counter is older than the memory: put back the newest copy of the key file, which holds it',
  },
  'counter-damaged': {
    culprit: 'bytes',
    exit: 3,
    remedy:
      'the rollback counter holds nothing that the chip key made: put back the newest copy of the key file, which holds it',
  },
  'backup-changed': {
    culprit: 'bytes',
    exit: 3,
    remedy: 'use a good copy of the backup, or another one: this one was changed, or made under another key',
  },
  'memory-unsealed': {
    culprit: 'environment',
    exit: 8,
    remedy:
      'power it up once, with `sealwright module show`: it is sealed then, and a copy of the old file is kept',
  },
  'chip-key-missing': {
    culprit: 'environment',
    exit: 8,
    remedy:
      'name the key file with --chip-key FILE, or put it beside the chip as CHIP.key; without its key a chip file is worthless',
  },
  'chip-key-differs': {
    culprit: 'caller',
    exit: 2,
    remedy: 'name the key file that was made with this chip: --chip-key FILE',
  },
  'chip-key-damaged': {
    culprit: 'bytes',
    exit: 3,
    remedy: 'put back a good copy of the key file; without its key a chip file is worthless',
  },
  'chip-passphrase-missing': {
    culprit: 'caller',
    exit: 2,
    remedy:
      'give the passphrase: --chip-passphrase FILE (- for standard input, fd:N), or run the command at a terminal',
  },
  'chip-passphrase-wrong': {
    culprit: 'caller',
    exit: 2,
    remedy: 'type the passphrase that `sealwright module protect` was given for this chip',
  },
  'format-newer': {
    culprit: 'environment',
    exit: 8,
    remedy: 'it was made by a newer Sealwright: update this one',
  },
  'memory-held': {
    culprit: 'environment',
    exit: 8,
    remedy: 'end the process that holds the module, or wait until it is done',
  },
  'memory-unwritable': {
    culprit: 'environment',
    exit: 8,
    remedy:
      'make room on the disk or give access to the folder, then start again: the module recovers by itself',
  },
  'certificate-refused': {
    culprit: 'bytes',
    exit: 3,
    remedy:
      'ask the party that issued the certificate named for one that fits; see what it says with `sealwright inspect`',
  },
  'card-not-issued': {
    culprit: 'state',
    exit: 7,
    remedy: 'have the central system issue the card: `sealwright central issue-card`',
  },
  'card-issued': {
    culprit: 'state',
    exit: 7,
    remedy:
      'give name and customer as they were given before, or issue another card: a card works for one unit',
  },
  'card-restored': {
    culprit: 'state',
    exit: 7,
    remedy:
      'issue another card: what this one has signed and counted since the backup is lost; its log up to then can still be read',
  },
  'card-not-ready': {
    culprit: 'state',
    exit: 7,
    remedy:
      "give the card the manufacturer's certificate with `sealwright unit card init`, then roster and ticket with `sealwright unit card take`; see `sealwright unit card show`",
  },
  'card-document-refused': {
    culprit: 'module',
    exit: 6,
    remedy:
      'ask the central system for a newer document, made for this card; see `sealwright unit card show`',
  },
  'card-log-full': {
    culprit: 'module',
    exit: 6,
    remedy:
      'read the log with `sealwright unit card log`, have the central system acknowledge it, and give the card what it answers with `sealwright unit card take`',
  },
  'card-ticket': {
    culprit: 'state',
    exit: 7,
    remedy:
      'ask the central system for another ticket, and give it to the card with `sealwright unit card take`',
  },
  'card-order-used': {
    culprit: 'state',
    exit: 7,
    remedy: 'order again with `sealwright unit card order`, and have two people approve that',
  },
  'clock-behind': {
    culprit: 'environment',
    exit: 8,
    remedy: 'set the clock of this computer right, and run the command again',
  },
  'card-log-broken': {
    culprit: 'peer',
    exit: 4,
    remedy:
      'read the log out of the card again, with `sealwright unit card log`; if it fails again, somebody changed what came from the card: ask the central system for the log that it has',
  },
  'test-key': {
    culprit: 'caller',
    exit: 2,
    remedy:
      'make a key that nobody else knows; published test keys are for test modules, which begin with `sealwright issuer mask --test`',
  },
  'test-mark-differs': {
    culprit: 'state',
    exit: 7,
    remedy:
      'bring test modules together with test roots, and all others with real ones: see with `sealwright module show` and `sealwright inspect` which is which',
  },
  'fingerprint-differs': {
    culprit: 'bytes',
    exit: 3,
    remedy:
      'ask the owner of the key for its fingerprint, by another way than the file came; use neither until they agree',
  },
  'outside-differs': {
    culprit: 'bytes',
    exit: 3,
    remedy:
      "put back the module's own file of objects kept outside, as `unit personalize --outside-out` wrote it",
  },
  'unit-unknown': {
    culprit: 'state',
    exit: 7,
    remedy:
      'enrol the unit with `sealwright central enrol-unit`, over a way that protects its key; see which ones are with `sealwright central units`',
  },
  'key-disabled': {
    culprit: 'state',
    exit: 7,
    remedy:
      'see why with `sealwright central disabled`; personalize the module again under another key, or take it back with `sealwright central enable`',
  },
  'wrong-module': {
    culprit: 'state',
    exit: 7,
    remedy: 'compare the serial number with the order, and see which module the line really goes to',
  },
  'lot-incomplete': {
    culprit: 'state',
    exit: 7,
    remedy:
      'see in the report why each of the others was not done; mend what can be mended and run the same command again',
  },
  'wrong-lot': {
    culprit: 'state',
    exit: 7,
    remedy: 'compare the chip with the delivery note, and name the lot that it was ordered in',
  },
  'key-missing': {
    culprit: 'state',
    exit: 7,
    remedy: "run the step that makes the key; see the party's keys with `sealwright keys PARTY`",
  },
  'key-stays-inside': {
    culprit: 'state',
    exit: 7,
    remedy:
      'it was made to stay in its token: do the step with that token, or make the key anew in a place that may give it away',
  },
  'key-file-changed': {
    culprit: 'bytes',
    exit: 3,
    remedy: 'somebody changed or swapped the file: put back a good copy of it',
  },
  'keys-secret-missing': {
    culprit: 'caller',
    exit: 2,
    remedy:
      "give the PIN or passphrase of the party's keys: `--keys-secret FILE` (- for standard input, fd:N), SEALWRIGHT_KEYS_SECRET in the environment, or run the command at a terminal",
  },
  'keys-passphrase-wrong': {
    culprit: 'caller',
    exit: 2,
    remedy:
      'give the passphrase that `sealwright init` or `sealwright protect-keys` was given for this party',
  },
  'vault-single': {
    culprit: 'state',
    exit: 7,
    remedy:
      'do this step for one module at a time, or with a party whose keys lie in files: `sealwright init DIR --party NAME`',
  },
  'vault-key-missing': {
    culprit: 'state',
    exit: 7,
    remedy: 'put back vault.key of the folder of keys from a copy; without it the sealed keys are lost',
  },
  'token-library-missing': {
    culprit: 'environment',
    exit: 8,
    remedy:
      'name the PKCS#11 module of your token with module-path in its pkcs11: address; `sealwright doctor` says what is there and what is missing',
  },
  'token-missing': {
    culprit: 'environment',
    exit: 8,
    remedy: 'connect the token that is named, and see with `sealwright doctor` which ones are there',
  },
  'token-removed': {
    culprit: 'environment',
    exit: 8,
    remedy: 'connect the token again, then run the command again: it settles what was left open',
  },
  'token-pin-wrong': {
    culprit: 'caller',
    exit: 2,
    remedy: 'type the PIN with care: the token counts wrong ones, and locks',
  },
  'token-pin-locked': {
    culprit: 'environment',
    exit: 8,
    remedy: "unlock the PIN with the token's own program and the PIN of its security officer",
  },
  'token-unready': {
    culprit: 'environment',
    exit: 8,
    remedy: "set the token up with its own program: initialize it and give it a user's PIN",
  },
  'token-unsuitable': {
    culprit: 'environment',
    exit: 8,
    remedy:
      'use a token that makes P-256 keys and signs with ECDSA; SPEC, files, section 2.3 lists what is asked of it',
  },
  'token-key-exposed': {
    culprit: 'state',
    exit: 7,
    remedy:
      'the key was not made in the token, or can leave it: remove it with the program of the token and make another one',
  },
  'token-key-ambiguous': {
    culprit: 'state',
    exit: 7,
    remedy: 'find out with the program of the token which of them is yours, and remove the others',
  },
  'token-failed': {
    culprit: 'environment',
    exit: 8,
    remedy:
      'run the command again: it settles what was left open; if it fails again, look at the token and its PKCS#11 module',
  },
  'key-exists': {
    culprit: 'state',
    exit: 7,
    remedy:
      "use the key that is there, or choose another name; see the party's keys with `sealwright keys PARTY`",
  },
  'not-trusted': {
    culprit: 'peer',
    exit: 5,
    remedy:
      'ask its sender for one under a root that you pinned; look at the document with `sealwright inspect`',
  },
  'trust-missing': {
    culprit: 'state',
    exit: 7,
    remedy:
      'pin the root certificate first: `sealwright supplier trust`, and the same for operator, authority and central',
  },
  'enrolment-refused': {
    culprit: 'state',
    exit: 7,
    remedy:
      'see who is enrolled with `sealwright central roster`; take another name tag, and a key of its own',
  },
  'roster-missing': {
    culprit: 'state',
    exit: 7,
    remedy:
      'enrol persons with `sealwright central enrol`, and take the roster with `sealwright unit roster`',
  },
  'roster-refused': {
    culprit: 'bytes',
    exit: 3,
    remedy: 'ask the central system for its newest roster: `sealwright central roster`',
  },
  'approval-missing': {
    culprit: 'state',
    exit: 7,
    remedy:
      'write the request with `sealwright unit request-approval`; one person signs it with `sealwright person request`, another one with `sealwright person approve`',
  },
  'approval-refused': {
    culprit: 'bytes',
    exit: 3,
    remedy:
      'look at both approvals with `sealwright inspect`; where they do not fit this run, ask again with `sealwright unit request-approval`',
  },
  'pins-missing': {
    culprit: 'state',
    exit: 7,
    remedy:
      'one person asks with `sealwright unit pins request`, another one confirms with `sealwright unit pins confirm`; then run this within ten minutes',
  },
  'pins-refused': {
    culprit: 'state',
    exit: 7,
    remedy: 'see with `sealwright unit pins show` how requests and people stand',
  },
  'pin-wrong': {
    culprit: 'caller',
    exit: 2,
    remedy: 'type the PIN with care: wrong ones are counted, and lock it',
  },
  'pin-locked': {
    culprit: 'state',
    exit: 7,
    remedy:
      'ask the central system: `sealwright unit pins ask-reset`, there `sealwright central reset-pin`, here `sealwright unit pins reset`',
  },
  'ticket-refused': {
    culprit: 'bytes',
    exit: 3,
    remedy:
      'see how much of the ticket is left with `sealwright unit ticket show`; ask the central system for the next one: `sealwright central ticket issue`',
  },
  'tickets-differ': {
    culprit: 'state',
    exit: 7,
    remedy:
      "ask the units for records and certificates that are missing; a number used twice tells that a store was copied or put back: disable that unit's key with `sealwright central disable`",
  },
  'papers-missing': {
    culprit: 'state',
    exit: 7,
    remedy:
      "name the module's papers, which its issuer made at customization: `--papers FILE`; once is enough",
  },
  'channel-below-policy': {
    culprit: 'caller',
    exit: 2,
    remedy:
      'choose a stronger form with --channel; only --insecure-least-channel lets this unit go lower, and nothing lets the module',
  },
  'line-not-direct': {
    culprit: 'caller',
    exit: 2,
    remedy:
      'choose a form with --channel, or connect to the module by a cable, in a reader, or by its own file',
  },
  'document-key-unproven': {
    culprit: 'peer',
    exit: 5,
    remedy:
      'the module did not prove that it knows its document key, and was told nothing: compare the serial number with the papers, ask the issuer for the right ones, and see what stands between you and the module',
  },
  'document-key-refused': {
    culprit: 'module',
    exit: 6,
    remedy:
      'the module proved that it knows the document key, and refused the proof from here: something between changed it; run the step again on a line that you trust',
  },
  'key-place-missing': {
    culprit: 'caller',
    exit: 2,
    remedy: 'choose a place for applications, as `sealwright module show` lists them (kind 1)',
  },
  'key-request-void': {
    culprit: 'state',
    exit: 7,
    remedy: 'make a new request with `sealwright module prepare`, and have the loader answer that one',
  },
  'loader-key-missing': {
    culprit: 'state',
    exit: 7,
    remedy:
      "see the loader's keys with `sealwright loader key list`; make the one that is wanted with `sealwright loader key new`",
  },
  'loader-key-withheld': {
    culprit: 'state',
    exit: 7,
    remedy:
      "see with `sealwright loader key list` which modules the key's entry serves and how many exports are left",
  },
  'later-customization-off': {
    culprit: 'state',
    exit: 7,
    remedy:
      'nothing switches it on in user mode: another module must be customized with `issuer customize --later-customization`',
  },
  'sam-differs': {
    culprit: 'state',
    exit: 7,
    remedy: 'bring the SAM that is named: `--sam FILE`, tcp:HOST:PORT, serial:DEVICE or reader:NAME',
  },
  'sam-not-ready': {
    culprit: 'state',
    exit: 7,
    remedy:
      'make its master key with `sealwright issuer sam new`, which also says how many sessions are left; a SAM is a module of the product sam',
  },
  'sam-key-refused': {
    culprit: 'state',
    exit: 7,
    remedy: 'look whether the chip is the one it says, and repeat the step on a line that you trust',
  },
  'points-missing': {
    culprit: 'caller',
    exit: 2,
    remedy: 'debit no more points than the card has',
  },
  'step-pending': {
    culprit: 'state',
    exit: 7,
    remedy: 'run the step that is named again with the same module: it settles what was left open',
  },
  'log-refused': {
    culprit: 'bytes',
    exit: 3,
    remedy:
      'look at the entry with `sealwright inspect`; the reason stands in the log too: `sealwright log show`',
  },
  'log-unproven': {
    culprit: 'peer',
    exit: 5,
    remedy:
      'ask the log for a newer checkpoint and the missing entries; until then trust nothing that rests on it',
  },
  held: {
    culprit: 'environment',
    exit: 8,
    remedy: 'wait until the process that is named has ended, or end it',
  },
  'workspace-missing': {
    culprit: 'caller',
    exit: 2,
    remedy: 'make a workspace with `sealwright init DIR`, or name one with `--workspace DIR`',
  },
  'workspace-exists': {
    culprit: 'caller',
    exit: 2,
    remedy: 'choose an empty folder, or add one party with `sealwright init DIR --party NAME`',
  },
  'party-missing': {
    culprit: 'caller',
    exit: 2,
    remedy: 'make the party here with `sealwright init DIR --party NAME`, or run the command where it lives',
  },
  'file-missing': {
    culprit: 'caller',
    exit: 2,
    remedy: 'check the name of the file; files from other parties are named on the command line',
  },
  'file-exists': {
    culprit: 'caller',
    exit: 2,
    remedy: 'choose another name, or remove the old file first',
  },
  'file-inaccessible': {
    culprit: 'environment',
    exit: 8,
    remedy: 'check owner, permissions and free space of the file and its folder',
  },
  'transport-failed': {
    culprit: 'environment',
    exit: 8,
    remedy: 'check the connection to the module and run the step again: it settles what was left open',
  },
  'line-missing': {
    culprit: 'environment',
    exit: 8,
    remedy:
      'check the name of the device and that it is plugged in: `ls -l /dev/serial/by-id` shows adapters',
  },
  'line-denied': {
    culprit: 'environment',
    exit: 8,
    remedy: 'let your user use the device, on Debian as a member of the group dialout, and log in again',
  },
  'line-in-use': {
    culprit: 'environment',
    exit: 8,
    remedy: 'end the other program that holds the line, a modem manager perhaps; `fuser -v DEVICE` names it',
  },
  'line-silent': {
    culprit: 'environment',
    exit: 8,
    remedy:
      'check cable, speed and checksum at both ends, and that the module has power: `sealwright module run FILE --serial DEVICE`',
  },
  'line-noisy': {
    culprit: 'environment',
    exit: 8,
    remedy: 'take a slower speed or a better cable, then run the step again: it settles what was left open',
  },
  'line-lost': {
    culprit: 'environment',
    exit: 8,
    remedy: 'connect the line again, then run the step again: it settles what was left open',
  },
  'line-unsupported': {
    culprit: 'environment',
    exit: 8,
    remedy:
      'run `npm ci` again, with optional dependencies; on a platform without the binding use tcp:HOST:PORT',
  },
  'pcsc-missing': {
    culprit: 'environment',
    exit: 8,
    remedy: 'install and start pcscd; `sealwright doctor` says what is there and what is missing',
  },
  'pcsc-denied': {
    culprit: 'environment',
    exit: 8,
    remedy:
      'run the command as a user whom pcscd lets in, or change its polkit rules; see `sealwright doctor`',
  },
  'pcsc-lost': {
    culprit: 'environment',
    exit: 8,
    remedy: 'start pcscd again, then run the step again: it settles what was left open',
  },
  'reader-missing': {
    culprit: 'caller',
    exit: 2,
    remedy:
      'name a reader that is there: `sealwright reader list` shows them; a part of the name that only one has is enough',
  },
  'reader-vanished': {
    culprit: 'environment',
    exit: 8,
    remedy: 'connect the reader again, then run the step again: it settles what was left open',
  },
  'card-missing': {
    culprit: 'environment',
    exit: 8,
    remedy: 'put the card into the reader, or start `sealwright module run FILE --vpcd`',
  },
  'card-removed': {
    culprit: 'environment',
    exit: 8,
    remedy: 'put the card back and run the step again: it settles what was left open',
  },
  'card-in-use': {
    culprit: 'environment',
    exit: 8,
    remedy: 'end the other program that uses the card, or wait until it is done',
  },
  'card-mute': {
    culprit: 'environment',
    exit: 8,
    remedy: 'take the card out and put it back the right way round; try it in another reader',
  },
  'readers-incomplete': {
    culprit: 'environment',
    exit: 8,
    remedy: 'take the next step that stands under each finding, then run `sealwright doctor` again',
  },
  'route-changed': {
    culprit: 'state',
    exit: 7,
    remedy: 'look at the route with `ip route show table local`, and change it by hand',
  },
  'root-needed': {
    culprit: 'environment',
    exit: 8,
    remedy: 'run the command as root: sudo env "PATH=$PATH" sealwright …',
  },
  'card-refused': {
    culprit: 'module',
    exit: 6,
    remedy:
      'see what the card holds with `sealwright gp info`, `sealwright gp list` and `sealwright gp keys`',
  },
  'card-keys-differ': {
    culprit: 'peer',
    exit: 5,
    remedy:
      'name the keys that the card has: --keys, with --diversify if each card has its own, and --key-version; do not guess, for some cards count tries',
  },
  'card-not-trusted': {
    culprit: 'peer',
    exit: 5,
    remedy:
      "name the authority that certified this card with --card-ca; see the card's certificates with `sealwright gp certificates show`",
  },
  'card-unsupported': {
    culprit: 'module',
    exit: 6,
    remedy: 'use a card with SCP03 or SCP11, or GlobalPlatformPro for SCP01 and SCP02',
  },
  'card-exposed': {
    culprit: 'caller',
    exit: 2,
    remedy: 'choose a channel that protects answers: --level 11 or more with SCP03, or SCP11',
  },
  ...moduleRows(),
  internal: {
    culprit: 'us',
    exit: 1,
    remedy:
      'this is a defect of Sealwright: report it with the command line and the output of `--trace FILE`',
  },
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof errorTable
