/** What a place of signing keys can hold to by itself. */
export const enforcements = {
  'copy-signs-nothing': 'that a copy of the disk alone signs nothing',
  'key-stays-inside': 'that the private key never leaves it',
  'two-people': 'two people for each signature',
  'ticket-count': 'the count of a ticket',
  'one-log-entry': 'exactly one log entry for each signature',
} as const satisfies Record<string, string>

export type Enforcement = keyof typeof enforcements

interface VaultKindRow {
  readonly text: string
  /** What the place holds to by itself, whatever the program and the computer around it do. */
  readonly enforced: readonly Enforcement[]
  /** What to know about it; empty where there is nothing to say. */
  readonly label: string
}

/** Where a party's private keys can lie, from the weakest to the strongest (B3). */
export const vaultKinds = {
  memory: {
    text: 'the memory of the process',
    enforced: [],
    label: 'for tests and demonstrations: gone with the process',
  },
  file: {
    text: 'files that only the account can read, not encrypted',
    enforced: [],
    label: 'weakest: whoever copies the folder can sign',
  },
  passphrase: {
    text: 'files encrypted under a passphrase',
    enforced: ['copy-signs-nothing'],
    label: 'weak: a copy signs as soon as somebody has or guesses the passphrase',
  },
  pkcs11: {
    text: 'an HSM or token, through PKCS#11',
    enforced: ['copy-signs-nothing', 'key-stays-inside'],
    label: 'it signs whatever digest this computer gives it while the PIN is known here',
  },
  card: {
    text: 'a module that works as signing card',
    enforced: ['copy-signs-nothing', 'key-stays-inside', 'two-people', 'ticket-count', 'one-log-entry'],
    label: '',
  },
} as const satisfies Record<string, VaultKindRow>

export type VaultKind = keyof typeof vaultKinds

/** What a place cannot hold to: the program promises it, and nothing keeps the program to it. */
export function notEnforced(place: VaultKind): Enforcement[] {
  const enforced: readonly Enforcement[] = vaultKinds[place].enforced
  return (Object.keys(enforcements) as Enforcement[]).filter((one) => !enforced.includes(one))
}
