import {
  type Command,
  CommandChain,
  parseCommand,
  type Response,
  ResponseQueue,
  serializeResponse,
} from '@sealwright/core/apdu'
import { concat, encodeHex, equal } from '@sealwright/core/bytes'
import { type StatusWord, statusWords } from '@sealwright/core/catalog'
import { AwaitingExternalAuthenticate } from '@sealwright/core/channel/scp03'
import { agreeKeys } from '@sealwright/core/channel/scp11'
import { isProtected, type ModuleSession } from '@sealwright/core/channel/secure-messaging'
import { kcvGlobalPlatform, privateScalar, withHandle } from '@sealwright/core/crypto'
import { DecodeError, StateError } from '@sealwright/core/errors'
import {
  answerOf,
  type CardState,
  cardRecognitionData,
  cardStates,
  checkOceChain,
  dataTags,
  domainFileControlInformation,
  type KeyReference,
  type OceCertificate,
  parseCertificateRequest,
  parseDeleteRequest,
  parseDomainData,
  parseGenerateKeyRequest,
  parseInstallPurpose,
  parseInstallRequest,
  parseOceCertificate,
  parsePutKeyData,
  parseStatusForm,
  parseStatusRequest,
  parseStatusScope,
  privilegesOf,
  type RegistryEntry,
  type Scp03KeyBytes,
  type StatusScope,
  StoreDataCollector,
  scp03KeyHandles,
  serializeCaIdentifiers,
  serializeCardRecognitionData,
  serializeConfirmation,
  serializeFileControlInformation,
  serializeGenerateKeyAnswer,
  serializeKeyInformation,
  serializeOldRegistryEntries,
  serializePutKeyAnswer,
  serializeRegistryEntries,
} from '@sealwright/core/globalplatform'
import type { Crypto, EcPrivateKey, Entropy, Transport } from '@sealwright/core/ports'

/** How cards of other makers differ from ours; what is left out is as ours. */
export interface ForeignDialect {
  /** What GET DATA answers: by its class byte, or always the same. */
  readonly getData?: 'by-class' | 'whole' | 'value' | 'none'
  readonly status?: 'tlv' | 'old'
  /** Status word of an empty list. */
  readonly emptyList?: 0x6a88 | 0x9000
  /** Entries in one answer of GET STATUS. */
  readonly page?: number
  /** Form of key blocks that PUT KEY takes. */
  readonly keyBlock?: 'both' | 'inner' | 'short'
  readonly i?: number
  readonly s16?: 'too' | 'only'
  readonly protocol?: 0x02 | 0x03
  readonly information?: 'full' | 'none'
  /** Whether SELECT without AID is known. */
  readonly selectsWithoutAid?: boolean
  /** Whether PUT KEY answers check values. */
  readonly answersCheckValues?: boolean
  /** How certificates in several segments come. */
  readonly certificates?: 'class' | 'p1'
  /** Whether STORE DATA comes in blocks, or whole by command chaining. */
  readonly storeData?: 'blocks' | 'whole'
  /** The factory's set stays when the first own one is put. */
  readonly keepsFactoryKeys?: boolean
}

export interface ForeignCardOptions extends ForeignDialect {
  readonly crypto: Crypto
  readonly entropy: Entropy
  /** Versions and keys of SCP03 sets, the first one first. */
  readonly keySets: readonly (readonly [number, Scp03KeyBytes])[]
  readonly diversificationData?: Uint8Array
}

type Answer = { readonly data?: Uint8Array; readonly sw: number }

/**
 * A card of another maker, for tests of the host side: in memory, with keys, certificates and a registry, and with the habits of real cards that
 * differ from ours. It is no simulator: it does not keep what a card must keep secret, nor the order rules of the standard.
 */
export class TestOnlyForeignCard {
  readonly aid = Uint8Array.of(0xa0, 0, 0, 1, 0x51, 0, 0, 0)
  readonly keySets: Map<number, Scp03KeyBytes>
  readonly ecKeys = new Map<string, EcPrivateKey>()
  readonly authorities = new Map<
    string,
    { point: Uint8Array; identifier?: Uint8Array; allowed?: Uint8Array[] }
  >()
  readonly certificates = new Map<string, Uint8Array>()
  readonly loadFiles: RegistryEntry[]
  readonly applications: RegistryEntry[] = []
  state: CardState = 'op-ready'
  /** INITIALIZE UPDATEs that no EXTERNAL AUTHENTICATE followed. */
  badTries = 0
  readonly #options: ForeignCardOptions
  #chain = new CommandChain()
  readonly #queue = new ResponseQueue()
  #awaiting: AwaitingExternalAuthenticate | undefined
  #session: ModuleSession | undefined
  #oce: OceCertificate | undefined
  #shown: OceCertificate[] = []
  #stored: StoreDataCollector | undefined
  #listed: RegistryEntry[] = []

  constructor(options: ForeignCardOptions) {
    this.#options = options
    this.keySets = new Map(options.keySets)
    this.loadFiles = [
      {
        aid: hex('A0000001515350'),
        state: 0x01,
        modules: [hex('A000000151535041')],
        securityDomain: this.aid,
      },
    ]
    this.reset()
  }

  /** Power off and on. */
  reset(): void {
    const p1 = new Set([0xd8, ...(this.#options.certificates === 'p1' ? [0x2a] : [])])
    this.#chain = new CommandChain({ chainedByP1: (ins) => p1.has(ins) })
    this.#queue.drop()
    this.#end()
  }

  transmit(bytes: Uint8Array): Uint8Array {
    const sent = parseCommand(bytes)
    if (ResponseQueue.isGetResponse(sent)) return serializeResponse(this.#queue.next(sent))
    if (this.#options.certificates === 'p1' && sent.ins === 0x2a && (sent.cla & 0x10) !== 0) {
      return serializeResponse({ data: none, sw: 0x6884 })
    }
    const step = this.#chain.accept(sent)
    if (step.kind === 'more') return serializeResponse({ data: none, sw: 0x9000 })
    if (step.kind === 'refused') return serializeResponse({ data: none, sw: wordOf(step.refused) })
    return serializeResponse(this.#queue.begin(step.command, this.#answer(step.command)))
  }

  /** The card as a transport; close resets it. */
  transport(): Transport {
    return {
      transmit: async (bytes) => this.transmit(bytes),
      close: async () => this.reset(),
    }
  }

  addEcKey(key: KeyReference, scalar: Uint8Array, chain: readonly Uint8Array[]): Uint8Array {
    const pair = this.#options.crypto.ecPrivateKey(scalar)
    this.ecKeys.set(nameOf(key), pair)
    this.certificates.set(nameOf(key), concat(...chain))
    return pair.publicPoint
  }

  #answer(sent: Command): Response {
    try {
      if (isProtected(sent.cla) && sent.ins !== 0x82) return this.#protected(sent)
      if (this.#session && sent.ins !== 0xa4 && sent.ins !== 0x50) {
        this.#end()
        return { data: none, sw: 0x6982 }
      }
      return full(this.#open(sent))
    } catch (error) {
      if (error instanceof DecodeError) return { data: none, sw: 0x6a80 }
      throw error
    }
  }

  #protected(sent: Command): Response {
    const session = this.#session
    if (session === undefined) return { data: none, sw: 0x6985 }
    const step = session.unwrap(sent)
    if (step.refused !== undefined) {
      this.#end()
      return { data: none, sw: wordOf(step.refused) }
    }
    let answer: Answer
    try {
      answer = this.#managed(step.command)
    } catch (error) {
      if (error instanceof DecodeError) answer = { sw: 0x6a80 }
      else if (error instanceof StateError) answer = { sw: 0x6985 }
      else throw error
    }
    return session.closed ? full(answer) : session.wrap(full(answer))
  }

  /** Commands that need no session. */
  #open(sent: Command): Answer {
    const awaiting = this.#awaiting
    if (sent.ins !== 0x82 || !awaiting) this.#endAwaiting()
    switch (sent.ins) {
      case 0xa4:
        return this.#select(sent)
      case 0xca:
        return this.#getData(sent)
      case 0x50:
        return this.#initializeUpdate(sent)
      case 0x82:
        return awaiting ? this.#externalAuthenticate(sent, awaiting) : this.#agree(sent, 0x11, 0x15)
      case 0x88:
        return this.#agree(sent, 0x13)
      case 0x2a:
        return this.#showCertificate(sent)
      default:
        return { sw: 0x6982 }
    }
  }

  #select({ data }: Command): Answer {
    this.#end()
    if (data.length === 0 && this.#options.selectsWithoutAid === false) return { sw: 0x6a82 }
    const known = [this.aid, ...this.applications.map(({ aid }) => aid)]
    const found =
      data.length === 0 ? this.aid : known.find((aid) => equal(aid.subarray(0, data.length), data))
    if (!found) return { sw: 0x6a82 }
    const sw = this.state === 'card-locked' ? 0x6283 : 0x9000
    if (this.#options.information === 'none') return { sw }
    return { data: serializeFileControlInformation(domainFileControlInformation(found, 0xff)), sw }
  }

  #getData({ cla, p1, p2, data }: Command): Answer {
    const tag = (p1 << 8) | p2
    const value = this.#dataObject(tag, data)
    if (value === undefined) return { sw: 0x6a88 }
    const { getData = 'by-class' } = this.#options
    if (getData === 'none') return { sw: 0x6d00 }
    const whole = getData === 'by-class' ? (cla & 0x80) !== 0 : getData === 'whole'
    return { data: answerOf(tag, value, whole), sw: 0x9000 }
  }

  #dataObject(tag: number, data: Uint8Array): Uint8Array | undefined {
    switch (tag) {
      case dataTags['card-data']:
        return serializeCardRecognitionData(
          cardRecognitionData('2.3.1', [{ protocol: 3, parameter: [this.#options.i ?? 0x70] }]),
        )
      case dataTags['diversification-data']:
        return this.#diversificationData
      case dataTags['key-information']:
        return serializeKeyInformation(this.#keyInformation())
      case dataTags.certificates:
        return this.certificates.get(nameOf(parseCertificateRequest(data)))
      case dataTags['ca-identifiers-kloc']: {
        const list = [...this.authorities].flatMap(([name, { identifier }]) =>
          identifier ? [{ identifier, key: referenceOf(name) }] : [],
        )
        return list.length > 0 ? serializeCaIdentifiers(list) : undefined
      }
      default:
        return undefined
    }
  }

  #keyInformation() {
    const sets = [...this.keySets].flatMap(([keyVersion, { enc }]) =>
      [1, 2, 3].map((keyId) => ({ keyId, keyVersion, components: [{ type: 0x88, length: enc.length }] })),
    )
    const curve = { type: 0xf0, length: 0 }
    const ec = (name: string, type: number) => ({
      ...referenceOf(name),
      components: [{ type, length: 32 }, curve],
    })
    return [
      ...sets,
      ...[...this.ecKeys.keys()].map((name) => ec(name, 0xb1)),
      ...[...this.authorities.keys()].map((name) => ec(name, 0xb0)),
    ]
  }

  get #diversificationData(): Uint8Array {
    return this.#options.diversificationData ?? new Uint8Array(10)
  }

  #initializeUpdate(sent: Command): Answer {
    const { crypto, entropy, i = 0x70, s16, protocol = 0x03 } = this.#options
    this.#end()
    if (protocol === 0x02) {
      const random = entropy.bytes(16)
      return { data: concat(this.#diversificationData, Uint8Array.of(sent.p1 || 1, 2), random), sw: 0x9000 }
    }
    if (s16 === 'only' && sent.data.length !== 16) return { sw: 0x6700 }
    const keyVersion = sent.p1 === 0 ? [...this.keySets.keys()][0] : sent.p1
    const bytes = this.keySets.get(keyVersion ?? 0)
    if (!bytes) return { sw: 0x6a88 }
    const { enc, mac, dek } = scp03KeyHandles(bytes, crypto)
    const step = AwaitingExternalAuthenticate.begin(sent, {
      crypto,
      keys: { enc, mac, dek },
      keyVersion: keyVersion!,
      diversificationData: this.#diversificationData,
      // A random challenge: real cards have those too.
      i: i & ~0x10,
      cardChallenge: (length) => entropy.bytes(length),
      s16: s16 !== undefined,
    })
    enc[Symbol.dispose]()
    mac[Symbol.dispose]()
    this.badTries++
    if (step.refused !== undefined) return { sw: wordOf(step.refused) }
    this.#awaiting = step.next
    return { data: step.reply, sw: 0x9000 }
  }

  #externalAuthenticate(sent: Command, awaiting: AwaitingExternalAuthenticate): Answer {
    this.#awaiting = undefined
    const step = awaiting.step(sent)
    if (step.refused !== undefined) return { sw: wordOf(step.refused) }
    this.badTries = 0
    this.#session = step.next
    return { sw: 0x9000 }
  }

  #agree(sent: Command, ...keyIds: readonly number[]): Answer {
    const { crypto, entropy } = this.#options
    const staticKey = this.ecKeys.get(nameOf({ keyId: sent.p2, keyVersion: sent.p1 }))
    if (!staticKey || !keyIds.includes(sent.p2)) return { sw: 0x6a88 }
    const variant = sent.p2 === 0x11 ? 'a' : sent.p2 === 0x15 ? 'c' : 'b'
    if (variant !== 'b' && !this.#oce) return { sw: 0x6985 }
    const step = agreeKeys(sent, {
      crypto,
      variant,
      staticKey,
      ...(variant !== 'c' && { ephemeralScalar: privateScalar(crypto, entropy.bytes(48)) }),
      ...(variant !== 'b' && { peerKey: crypto.ecPublicKey(this.#oce!.publicPoint) }),
    })
    if (step.refused !== undefined) return { sw: wordOf(step.refused) }
    this.#session = step.next
    return { data: step.reply, sw: 0x9000 }
  }

  #showCertificate({ p1, p2, data }: Command): Answer {
    this.#shown.push(parseOceCertificate(data))
    if ((p2 & 0x80) !== 0) return { sw: 0x9000 }
    const chain = this.#shown.splice(0)
    const name = nameOf({ keyId: p2, keyVersion: p1 })
    const authority = p2 === 0 ? [...this.authorities.values()][0] : this.authorities.get(name)
    if (!authority) return { sw: 0x6a88 }
    if (checkOceChain(chain, authority.point, this.#options.crypto)) return { sw: 0x6640 }
    const { allowed } = authority
    if (allowed && !chain.every(({ serialNumber }) => allowed.some((one) => equal(one, serialNumber)))) {
      return { sw: 0x6641 }
    }
    this.#oce = chain.at(-1)
    return { sw: 0x9000 }
  }

  /** Commands of a session. */
  #managed(sent: Command): Answer {
    switch (sent.ins) {
      case 0xca:
        return this.#getData(sent)
      case 0xd8:
        return this.#putKey(sent)
      case 0xf1:
        return this.#generateKey(sent)
      case 0xe2:
        return this.#storeData(sent)
      case 0xe4:
        return this.#delete(sent)
      case 0xe6:
        return this.#install(sent)
      case 0xf0:
        return this.#setStatus(sent)
      case 0xf2:
        return this.#getStatus(sent)
      default:
        return { sw: 0x6d00 }
    }
  }

  #putKey({ p1, p2, data }: Command): Answer {
    const { crypto, keyBlock = 'both', keepsFactoryKeys = false } = this.#options
    const { keyVersion, keys } = parsePutKeyData(data)
    const [first] = keys
    if (first?.kind === 'ec-public') {
      if (p1 !== 0 && !this.authorities.has(nameOf({ keyId: p2, keyVersion: p1 }))) return { sw: 0x6a88 }
      this.authorities.set(nameOf({ keyId: p2, keyVersion }), { point: first.point })
      return { data: serializePutKeyAnswer({ keyVersion, checkValues: [] }), sw: 0x9000 }
    }
    if (keys.length !== 3 || p2 !== 0x81) return { sw: 0x6a86 }
    if (p1 !== 0 && !this.keySets.has(p1)) return { sw: 0x6a88 }
    if (p1 === 0 && this.keySets.has(keyVersion)) return { sw: 0x6a80 }
    const clear: Uint8Array[] = []
    for (const key of keys) {
      if (key.kind !== 'aes' || (keyBlock !== 'both' && key.innerLength !== (keyBlock === 'inner'))) {
        return { sw: 0x6a80 }
      }
      const bytes = this.#session!.dek!.cbcDecrypt(new Uint8Array(16), key.wrapped).slice(0, key.length)
      if (!equal(withHandle(crypto.aes(bytes), kcvGlobalPlatform), key.checkValue)) return { sw: 0x9485 }
      clear.push(bytes)
    }
    if (p1 !== 0) this.keySets.delete(p1)
    if (!keepsFactoryKeys) this.keySets.delete(0xff)
    this.keySets.set(keyVersion, { enc: clear[0]!, mac: clear[1]!, dek: clear[2]! })
    if (this.#options.answersCheckValues === false) return { sw: 0x9000 }
    const checkValues = keys.map((key) => ('checkValue' in key ? key.checkValue : none))
    return { data: serializePutKeyAnswer({ keyVersion, checkValues }), sw: 0x9000 }
  }

  #generateKey({ p1, p2, data }: Command): Answer {
    const { crypto, entropy } = this.#options
    const { keyVersion } = parseGenerateKeyRequest(data)
    if (p1 !== 0 && !this.ecKeys.delete(nameOf({ keyId: p2, keyVersion: p1 }))) return { sw: 0x6a88 }
    const pair = crypto.ecPrivateKey(privateScalar(crypto, entropy.bytes(48)))
    this.ecKeys.set(nameOf({ keyId: p2, keyVersion }), pair)
    return { data: serializeGenerateKeyAnswer({ curve: 'P-256', point: pair.publicPoint }), sw: 0x9000 }
  }

  #storeData({ p1, p2, data }: Command): Answer {
    const last = (p1 & 0x80) !== 0
    if (this.#options.storeData === 'whole' && (!last || p2 !== 0)) return { sw: 0x6a86 }
    this.#stored ??= new StoreDataCollector(4000)
    const content = this.#stored.add({ last, number: p2, data })
    if (!content) return { sw: 0x9000 }
    this.#stored = undefined
    const told = parseDomainData(content)
    if (told.kind === 'certificates') this.certificates.set(nameOf(told.key), told.certificates)
    else if (told.kind === 'ca-identifier' || told.kind === 'allow-list') {
      const authority = this.authorities.get(nameOf(told.key))
      if (!authority) return { sw: 0x6a88 }
      if (told.kind === 'ca-identifier') authority.identifier = told.identifier
      else if (told.serialNumbers.length > 0) authority.allowed = [...told.serialNumbers]
      else delete authority.allowed
    } else return { sw: 0x6a80 }
    return { sw: 0x9000 }
  }

  #delete({ data }: Command): Answer {
    const request = parseDeleteRequest(data)
    const done = { data: serializeConfirmation(none), sw: 0x9000 }
    if (request.kind === 'content') {
      const at = this.applications.findIndex(({ aid }) => equal(aid, request.aid))
      if (at < 0) return { sw: 0x6a88 }
      this.applications.splice(at, 1)
      return done
    }
    const { keyId, keyVersion } = request
    if (keyId === undefined && keyVersion !== undefined && this.keySets.delete(keyVersion)) return done
    for (const map of [this.ecKeys, this.authorities] as Map<string, unknown>[]) {
      for (const name of [...map.keys()]) {
        const reference = referenceOf(name)
        if (keyId !== undefined && reference.keyId !== keyId) continue
        if (keyVersion !== undefined && reference.keyVersion !== keyVersion) continue
        map.delete(name)
        return done
      }
    }
    return { sw: 0x6a88 }
  }

  #install({ p1, data }: Command): Answer {
    const request = parseInstallRequest(parseInstallPurpose(p1), data)
    if (request.purpose !== 'install-and-make-selectable') return { sw: 0x6a81 }
    const { loadFile, instance } = request
    if (!this.loadFiles.some(({ aid }) => equal(aid, loadFile!))) return { sw: 0x6a88 }
    if (this.applications.some(({ aid }) => equal(aid, instance))) return { sw: 0x6985 }
    this.applications.push({
      aid: instance,
      state: 0x07,
      privileges: request.privileges!,
      loadFile: loadFile!,
      securityDomain: this.aid,
    })
    return { data: serializeConfirmation(none), sw: 0x9000 }
  }

  #setStatus({ p1, p2, data }: Command): Answer {
    if (p1 === 0x80) {
      const next = (Object.keys(cardStates) as CardState[]).find((name) => cardStates[name].code === p2)
      if (!next || !(cardStates[this.state].next as readonly string[]).includes(next)) return { sw: 0x6985 }
      this.state = next
      return { sw: 0x9000 }
    }
    const at = this.applications.findIndex(({ aid }) => equal(aid, data))
    if (at < 0) return { sw: 0x6a88 }
    const entry = this.applications[at]!
    this.applications[at] = { ...entry, state: (entry.state & 0x7f) | (p2 & 0x80) }
    return { sw: 0x9000 }
  }

  #getStatus({ p1, p2, data }: Command): Answer {
    const { status = 'tlv', page = 100, emptyList = 0x6a88 } = this.#options
    const scope = parseStatusScope(p1)
    const form = parseStatusForm(p2)
    if (form.tlv !== (status === 'tlv')) return { sw: 0x6a86 }
    if (scope === 'load-files-and-modules' && status === 'old' && page < 100) return { sw: 0x6a86 }
    const { filter } = parseStatusRequest(data)
    if (!form.next) {
      this.#listed = this.#entries(scope).filter(({ aid }) => equal(aid.subarray(0, filter.length), filter))
    }
    const entries = this.#listed.splice(0, page)
    if (entries.length === 0) return { sw: emptyList }
    const sw = this.#listed.length > 0 ? 0x6310 : 0x9000
    if (form.tlv) return { data: serializeRegistryEntries(entries), sw }
    const old = entries.map(({ aid, state, privileges, modules }) => {
      const names = privileges?.names.filter((name) => oneByteNames.has(name)) ?? []
      return {
        aid,
        state,
        privileges: { length: 1 as const, names },
        ...(scope === 'load-files-and-modules' && { modules: modules ?? [] }),
      }
    })
    return { data: serializeOldRegistryEntries(old, scope), sw }
  }

  #entries(scope: StatusScope): RegistryEntry[] {
    switch (scope) {
      case 'issuer-domain': {
        const privileges = privilegesOf('security-domain', 'card-lock', 'global-delete')
        return [{ aid: this.aid, state: cardStates[this.state].code, privileges }]
      }
      case 'applications':
        return [...this.applications]
      case 'load-files':
        return this.loadFiles.map(({ modules: _, ...entry }) => entry)
      case 'load-files-and-modules':
        return [...this.loadFiles]
    }
  }

  #end(): void {
    this.#session?.close()
    this.#session = undefined
    this.#stored = undefined
    this.#shown = []
    this.#oce = undefined
    this.#endAwaiting()
  }

  #endAwaiting(): void {
    this.#awaiting?.close()
    this.#awaiting = undefined
  }
}

const none = new Uint8Array(0)
const oneByteNames: ReadonlySet<string> = new Set(['security-domain', 'card-lock'])

function full({ data = none, sw }: Answer): Response {
  return { data, sw }
}

function wordOf(name: StatusWord): number {
  return statusWords[name].sw
}

function nameOf({ keyId, keyVersion }: KeyReference): string {
  return encodeHex(Uint8Array.of(keyId, keyVersion))
}

function referenceOf(name: string): KeyReference {
  const [keyId, keyVersion] = hex(name)
  return { keyId: keyId!, keyVersion: keyVersion! }
}

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g)!, (pair) => Number.parseInt(pair, 16))
}
