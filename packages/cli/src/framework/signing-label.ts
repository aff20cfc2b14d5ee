import {
  enforcements,
  type KeyVault,
  logSigningKey,
  notEnforced,
  type PartyName,
  type VaultKind,
  vaultKinds,
} from '@sealwright/roles/ports'

/** A key that a command signed with, and where it lies. */
export interface SigningKey {
  readonly party: PartyName
  readonly key: string
  readonly place: VaultKind
}

/** What is enforced about a key in that place, and what is not, as JSON shows it. */
export function enforcedIn(place: VaultKind) {
  return { place, enforced: vaultKinds[place].enforced, notEnforced: notEnforced(place) }
}

/** The same in one sentence; undefined where there is nothing that the place leaves open. */
export function placeLabel(place: VaultKind): string | undefined {
  const open = notEnforced(place).filter((one) => one !== 'key-stays-inside')
  if (open.length === 0) return undefined
  const { text, label } = vaultKinds[place]
  return `in ${text} (${label}); nothing there enforces ${open.map((one) => enforcements[one]).join(', ')}`
}

/** The same in a few words, for every command that signs. */
export function placeHint(party: PartyName, place: VaultKind): string | undefined {
  if (placeLabel(place) === undefined) return undefined
  return `signed as ${party} with a key in ${vaultKinds[place].text}; \`sealwright keys ${party}\` says what that leaves open`
}

/** A vault that tells of the keys it signs with, but for that of the log entries, which every step uses. */
export function notingVault(vault: KeyVault, note: (key: string) => void): KeyVault {
  return {
    ...vault,
    sign(name, ...parts) {
      if (name !== logSigningKey) note(name)
      return vault.sign(name, ...parts)
    },
  }
}

/** What the help of commands says that sign as a party. */
export const keysHelp = [
  'Your keys lie where `sealwright init --keys` said, and `sealwright keys PARTY` tells:',
  ...(['file', 'passphrase', 'pkcs11'] as const).map((place) => `  ${place.padEnd(12)}${placeLabel(place)!}`),
  '  A module as signing card enforces all of it.',
]

/** Parties with a key whose signature others rely on. */
export const signingParties: ReadonlySet<string> = new Set([
  'issuer',
  'manufacturer',
  'unit',
  'person',
  'central',
  'operator',
  'supplier',
  'authority',
] satisfies PartyName[])
