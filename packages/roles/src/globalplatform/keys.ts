import {
  type CaIdentifier,
  type CaKind,
  dataTags,
  type KeyInformationEntry,
  keyIdentifiers,
  parseCaIdentifiers,
  parseKeyInformation,
} from '@sealwright/core/globalplatform'
import { type CardLine, readable, readDataObject } from './card.ts'

/** What the card says of its keys; undefined where it does not, or in no form of the standard. */
export async function readKeys(line: CardLine): Promise<KeyInformationEntry[] | undefined> {
  const value = await readDataObject(line, dataTags['key-information'])
  return value && readable(() => parseKeyInformation(value))
}

/** The authorities whose certificates the card takes: of hosts (KLOC), or of cards (KLCC). */
export async function readAuthorities(line: CardLine, kind: CaKind): Promise<CaIdentifier[] | undefined> {
  const value = await readDataObject(
    line,
    dataTags[kind === 'kloc' ? 'ca-identifiers-kloc' : 'ca-identifiers-klcc'],
  )
  return value && readable(() => parseCaIdentifiers(value))
}

/** What a key of this identifier is for, as people say it. */
export function useOfKey(keyId: number): string {
  const name = Object.entries(keyIdentifiers).find(([, id]) => id === keyId)?.[0]
  if (name !== undefined) return uses[name as keyof typeof keyIdentifiers]
  return keyId >= 0x20 && keyId <= 0x2f ? uses['ca-kloc'] : 'another use'
}

const uses: Readonly<Record<keyof typeof keyIdentifiers, string>> = {
  'scp03-enc': 'SCP03, encryption',
  'scp03-mac': 'SCP03, MAC',
  'scp03-dek': 'SCP03, wrapping of keys',
  'ca-kloc': 'SCP11, authority of hosts',
  scp11a: 'SCP11a, the card',
  scp11b: 'SCP11b, the card',
  scp11c: 'SCP11c, the card',
}
