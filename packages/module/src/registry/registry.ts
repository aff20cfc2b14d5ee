import { equal } from '@sealwright/core/bytes'
import { issuerDomainAid } from '@sealwright/core/catalog'
import { cardStates, lockedBit } from '@sealwright/core/globalplatform'
import { type Objects, StorageFull, type Transaction } from '../eeprom/index.ts'
import type { Lifecycle } from '../lifecycle/index.ts'
import {
  parseRegistryEntry,
  type RegistryEntry,
  type RegistryForm,
  serializeRegistryEntry,
} from './registry-entry.ts'

/** The load file and its module that security domains are made of: always there, as in most cards. */
export const securityDomainLoadFile = Uint8Array.of(0xa0, 0x00, 0x00, 0x01, 0x51, 0x53, 0x50)
export const securityDomainModule = Uint8Array.of(...securityDomainLoadFile, 0x41)

/** Number of the issuer security domain. */
export const issuerDomain = 0

/** Privileges of the issuer security domain (GlobalPlatform 2.3.1, 6.6.1). */
const issuerPrivileges = Uint8Array.of(0x9e, 0xfe, 0x80)

/** The GlobalPlatform Registry: what is on the card, whose it is, and which security domain is selected now. */
export class Registry {
  readonly #objects: Objects
  readonly #life: Lifecycle
  /** Number of the selected security domain, or of the one that the selected application belongs to; volatile. */
  selected = issuerDomain
  /** Number of the selected application; volatile. */
  application: number | undefined

  constructor(objects: Objects, life: Lifecycle) {
    this.#objects = objects
    this.#life = life
  }

  /** The issuer security domain: its state is the card's. */
  issuer(): RegistryEntry {
    return {
      number: issuerDomain,
      form: 'domain',
      aid: this.#objects.read('domain-data', issuerAidId) ?? issuerDomainAid,
      state: cardStates[this.#life.cardState()].code,
      privileges: issuerPrivileges,
      domain: issuerDomain,
      loadFile: securityDomainLoadFile,
      module: securityDomainModule,
    }
  }

  /** AID of the selected application, else of the selected security domain. */
  selectedAid(): Uint8Array {
    return (this.find(this.application ?? this.selected) ?? this.issuer()).aid
  }

  /** Selects a security domain, or an application and with it the domain it belongs to. */
  select(entry: RegistryEntry): void {
    const isApplication = entry.form === 'application'
    this.selected = isApplication ? entry.domain : entry.number
    this.application = isApplication ? entry.number : undefined
  }

  /** Selects the issuer security domain: after reset. */
  reset(): void {
    this.selected = issuerDomain
    this.application = undefined
  }

  /** Whether the card or the selected domain is locked: then nothing of it changes but the lock. */
  get locked(): boolean {
    if (this.#life.cardState() === 'card-locked') return true
    const state = this.selected === issuerDomain ? 0 : (this.find(this.selected)?.state ?? 0)
    return (state & lockedBit) !== 0
  }

  /** Gives the issuer security domain another AID. */
  rename(tx: Transaction, aid: Uint8Array): void {
    this.#objects.put(tx, 'domain-data', issuerAidId, aid)
  }

  find(number: number): RegistryEntry | undefined {
    if (number === issuerDomain) return this.issuer()
    const bytes = this.#objects.read('registry-entry', number)
    return bytes === undefined ? undefined : { number, ...parseRegistryEntry(bytes) }
  }

  /** All entries of a form, by number; the issuer security domain is the first of the domains. */
  list(form: RegistryForm): RegistryEntry[] {
    const stored = this.#objects
      .list('registry-entry')
      .map(({ id }) => this.find(id)!)
      .filter((entry) => entry.form === form)
    return form === 'domain' ? [this.issuer(), ...stored] : stored
  }

  byAid(aid: Uint8Array): RegistryEntry | undefined {
    return this.#all().find((entry) => equal(entry.aid, aid))
  }

  /** Whether the AID stands for something here already: an entry, or a module that a load file carries. */
  names(aid: Uint8Array): boolean {
    const modules = this.list('load-file').map(({ module }) => module)
    const builtIn = [securityDomainLoadFile, securityDomainModule]
    return this.byAid(aid) !== undefined || [...builtIn, ...modules].some((one) => equal(one, aid))
  }

  /** Security domains and applications whose AID begins so, by number: what SELECT chooses from. */
  selectable(partial: Uint8Array): RegistryEntry[] {
    return [...this.list('domain'), ...this.list('application')].filter(({ aid }) =>
      equal(aid.subarray(0, partial.length), partial),
    )
  }

  put(tx: Transaction, { number, ...entry }: RegistryEntry): void {
    this.#objects.put(tx, 'registry-entry', number, serializeRegistryEntry(entry))
  }

  remove(tx: Transaction, number: number): void {
    this.#objects.remove(tx, 'registry-entry', number)
  }

  /** A number that no entry has. Never one whose keys or data are still there: DELETE takes them along. */
  freeNumber(): number {
    for (let number = 1; number <= mostEntries; number++) {
      if (!this.#objects.has('registry-entry', number)) return number
    }
    throw new StorageFull(`all ${mostEntries} entries of the registry are used`)
  }

  /** Whether `domain` lies above `entry`: it is directly or indirectly associated with it (GlobalPlatform 2.3.1, 7.2). */
  isBelow(entry: RegistryEntry, domain: number): boolean {
    let { domain: above } = entry
    for (let i = 0; i <= mostEntries; i++) {
      if (above === domain) return true
      const next = above === issuerDomain ? undefined : this.find(above)
      if (next === undefined) return false
      above = next.domain
    }
    return false
  }

  #all(): RegistryEntry[] {
    return [...this.list('domain'), ...this.list('application'), ...this.list('load-file')]
  }
}

/** Id of the domain data that hold the issuer security domain's own AID. */
const issuerAidId = 0x004f

/** Entries that the registry holds beside the issuer security domain. */
const mostEntries = 64
