import {
  type CaIdentifier,
  type CardCapabilities,
  type CardRecognitionData,
  type Cplc,
  dataTags,
  type ExtendedResources,
  type KeyInformationEntry,
  parseCardCapabilities,
  parseCardRecognitionData,
  parseCplc,
  parseExtendedResources,
} from '@sealwright/core/globalplatform'
import type { Transport } from '@sealwright/core/ports'
import { plainLine, readable, readDataObject, type SelectedDomain, selectDomain } from './card.ts'
import { readAuthorities, readKeys } from './keys.ts'

/** What a card tells everybody. Each part is undefined where the card does not give it, or not in the standard's form. */
export interface CardInformation {
  readonly domain: SelectedDomain
  readonly issuerIdentification: Uint8Array | undefined
  readonly cardImageNumber: Uint8Array | undefined
  readonly cplc: Cplc | undefined
  readonly recognition: CardRecognitionData | undefined
  readonly capabilities: CardCapabilities | undefined
  readonly resources: ExtendedResources | undefined
  readonly keys: readonly KeyInformationEntry[] | undefined
  readonly hostAuthorities: readonly CaIdentifier[] | undefined
  readonly cardAuthorities: readonly CaIdentifier[] | undefined
}

/** Reads it, without a session: nothing proves that the card says so. */
export async function readCardInformation(transport: Transport, aid?: Uint8Array): Promise<CardInformation> {
  const domain = await selectDomain(transport, aid)
  const line = plainLine(transport)
  const read = async <T>(tag: number, parse: (value: Uint8Array) => T): Promise<T | undefined> => {
    const value = await readDataObject(line, tag)
    return value && readable(() => parse(value))
  }
  const whole = (value: Uint8Array) => value
  return {
    domain,
    issuerIdentification: await read(dataTags['issuer-identification'], whole),
    cardImageNumber: await read(dataTags['card-image-number'], whole),
    cplc: await read(dataTags.cplc, parseCplc),
    recognition: await read(dataTags['card-data'], parseCardRecognitionData),
    capabilities: await read(dataTags['card-capabilities'], parseCardCapabilities),
    resources: await read(dataTags['extended-resources'], parseExtendedResources),
    keys: await readKeys(line),
    hostAuthorities: await readAuthorities(line, 'kloc'),
    cardAuthorities: await readAuthorities(line, 'klcc'),
  }
}
