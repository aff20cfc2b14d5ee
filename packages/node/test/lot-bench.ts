import { decodeHex } from '@sealwright/core/bytes'
import {
  parseChipStatus,
  parseIdentityRequest,
  parseLotCertificates,
  parseLotOrder,
  serializeLotRequests,
} from '@sealwright/core/customization'
import type { Transport } from '@sealwright/core/ports'
import { parseCertificate } from '@sealwright/core/x509'
import { Module } from '@sealwright/module'
import type { RamMedium } from '@sealwright/module/medium'
import { plain } from '@sealwright/roles/channel'
import {
  type CompleteLotInput,
  completeLot,
  completeLotChip,
  customizeLot,
  customizeLotChip,
  finishLot,
  finishLotChip,
  type LotChipDone,
  type LotJob,
  type LotRow,
  lotImageDigests,
  lotIndices,
  lotRoot,
  lotRows,
  type NewLotInput,
  newLot,
  type ProductName,
  products,
  useLot,
} from '@sealwright/roles/issuer'
import {
  certificateRecord,
  certifyLot,
  certifyPresent,
  initRoot,
  produceLot,
} from '@sealwright/roles/manufacturer'
import { mount, mountLot } from '@sealwright/roles/mounter'
import type { ChipClaim, LotCrew, PartyPorts, PoweredChip } from '@sealwright/roles/ports'
import { maskLayout } from '../src/chips/index.ts'
import { nodeCrypto, nodeEntropy } from '../src/crypto/index.ts'
import { mask, maskInput, party, programs, ramFactory } from './factory-bench.ts'

/** A lot in memory: its chips, and the parties that work on them. */
export class RamLot {
  readonly issuer: PartyPorts
  readonly manufacturer: PartyPorts
  readonly mounter: PartyPorts
  readonly chips: Map<string, RamMedium>
  readonly order: Uint8Array
  readonly note: Uint8Array
  readonly root: Uint8Array
  /** Papers by serial number in hex. */
  readonly papers = new Map<string, Uint8Array>()
  /** Instructions that chips heard, by name. */
  readonly heard = new Map<string, number[]>()
  /** Thrown at this moment of a run, as a cut would end it. */
  cut: { readonly at: 'before save' | 'after save' | 'before records'; readonly chip: string } | undefined

  private constructor(
    parts: Pick<RamLot, 'issuer' | 'manufacturer' | 'mounter' | 'chips' | 'order' | 'note' | 'root'>,
  ) {
    this.issuer = parts.issuer
    this.manufacturer = parts.manufacturer
    this.mounter = parts.mounter
    this.chips = parts.chips
    this.order = parts.order
    this.note = parts.note
    this.root = parts.root
  }

  /** Chips named `1.chip`, `2.chip`, … of a lot `spring`, produced and not mounted. */
  static async produced(
    input: Partial<NewLotInput> = {},
    form: 'eeprom' | 'ram' = 'eeprom',
  ): Promise<RamLot> {
    const [issuer, manufacturer, mounter] = await Promise.all([
      party('issuer', nodeCrypto),
      party('manufacturer', nodeCrypto),
      party('mounter', nodeCrypto),
    ])
    await mask(issuer, maskInput({ form, eepromSize: 32 * 1024 }))
    const { file } = await newLot(issuer, { ...lotInput, ...input })
    const factory = ramFactory(nodeCrypto)
    const order = parseLotOrder(file)
    const names = Array.from({ length: order.count }, (_, i) => `${i + 1}.chip`)
    const { deliveryNote } = await produceLot(manufacturer, {
      order,
      factory,
      names: names.map((name) => ({ name, noted: name })),
    })
    const { encoded: root } = await initRoot(manufacturer)
    const { chips } = factory
    return new RamLot({ issuer, manufacturer, mounter, chips, order: file, note: deliveryNote, root })
  }

  /** The same, mounted with the serial numbers 1, 2, … */
  static async mounted(input: Partial<NewLotInput> = {}, form: 'eeprom' | 'ram' = 'eeprom'): Promise<RamLot> {
    const lot = await RamLot.produced(input, form)
    await lot.mount()
    return lot
  }

  get names(): string[] {
    return [...this.chips.keys()].sort()
  }

  mount(serials: readonly Uint8Array[] = this.names.map((_, i) => serialOf(i + 1))) {
    return mountLot(this.mounter, {
      chips: this.names,
      serials,
      deliveryNote: this.note,
      power: async (chip) => this.transport(chip),
      print: (serial) => `No. ${serial.at(-1)}`,
    })
  }

  customize(
    change: {
      serials?: readonly string[]
      product?: ProductName
      chips?: readonly string[]
      root?: Uint8Array
    } = {},
  ) {
    const { product = 'cash', serials, chips = this.names, root = this.root } = change
    return customizeLot(this.issuer, {
      lot: 'spring',
      chips,
      product,
      manufacturerRoot: root,
      ...(serials === undefined ? {} : { serials: new Set(serials) }),
      hasPapers: async (serial) => this.papers.has(hex(serial)),
      givePapers: async (serial, papers) => void this.papers.set(hex(serial), papers.slice()),
      crew: this.#crew(async (ports, { chip }, desk) =>
        customizeLotChip(ports, desk(chip), {
          lot: 'spring',
          product: products[product],
          programs,
          manufacturerRoot: root,
          imageDigest: await lotImageDigests(ports, 'spring'),
          givePapers: async (serial, papers) => void this.papers.set(hex(serial), papers.slice()),
        }),
      ),
    })
  }

  /** All in one go, with the manufacturer at hand. */
  async complete(
    change: { serials?: readonly string[]; identical?: boolean; certify?: CompleteLotInput['certify'] } = {},
  ) {
    const { serials, identical, certify } = change
    const product = identical === undefined ? products.cash : { ...products.cash, identical }
    const root = parseCertificate(this.root)
    const certificates = await certificateRecord(this.manufacturer)
    const givePapers = async (serial: Uint8Array, papers: Uint8Array) =>
      void this.papers.set(hex(serial), papers.slice())
    return completeLot(this.issuer, {
      lot: 'spring',
      chips: this.names,
      product: product.name,
      manufacturerRoot: this.root,
      ...(serials === undefined ? {} : { serials: new Set(serials) }),
      hasPapers: async (serial) => this.papers.has(hex(serial)),
      givePapers,
      certificates,
      crew: this.#crew(async (ports, { chip, certificate }, desk) =>
        completeLotChip(ports, desk(chip), {
          lot: 'spring',
          product,
          programs,
          manufacturerRoot: this.root,
          root,
          imageDigest: await lotImageDigests(ports, 'spring'),
          indices: await useLot(ports, 'spring', lotIndices),
          givePapers,
          certify: certify ?? ((request) => certifyPresent(this.manufacturer, root, request, certificate)),
        }),
      ),
    })
  }

  /** The manufacturer's answer to the requests so far. */
  async certificates(): Promise<Map<string, Uint8Array>> {
    const requests = (await this.rows()).flatMap(({ request }) =>
      request === undefined ? [] : [parseIdentityRequest(request)],
    )
    const { file } = await certifyLot(this.manufacturer, { requests: serializeLotRequests(requests) })
    return new Map(parseLotCertificates(file).map(({ serial, certificate }) => [hex(serial), certificate]))
  }

  async finish(certificates?: ReadonlyMap<string, Uint8Array>) {
    return finishLot(this.issuer, {
      lot: 'spring',
      chips: this.names,
      certificates: certificates ?? (await this.certificates()),
      crew: this.#crew(async (ports, { chip, row, certificate }, desk) =>
        finishLotChip(ports, desk(chip), {
          lot: 'spring',
          row: row!,
          root: await lotRoot(ports, 'spring'),
          imageDigest: await lotImageDigests(ports, 'spring'),
          ...(certificate === undefined ? {} : { certificate }),
        }),
      ),
    })
  }

  async rows(): Promise<LotRow[]> {
    const rows: LotRow[] = []
    for await (const row of lotRows(this.issuer, 'spring')) rows.push(row)
    return rows.sort((a, b) => (a.chip < b.chip ? -1 : 1))
  }

  async row(chip: string): Promise<LotRow> {
    return (await this.rows()).find((row) => row.chip === chip)!
  }

  /** A chip under power, on the memory that it has. */
  transport(chip: string): Transport {
    return this.#power(chip, this.chips.get(chip)!)
  }

  /** The first chip of a lot `autumn` of the same mask, mounted if a serial number is given. */
  async chipOfAnotherLot(serial?: Uint8Array): Promise<RamMedium> {
    const { file } = await newLot(this.issuer, { ...lotInput, name: 'autumn' })
    const factory = ramFactory(nodeCrypto)
    const { deliveryNote } = await produceLot(this.manufacturer, {
      order: parseLotOrder(file),
      factory,
      names: [{ name: 'autumn', noted: 'autumn' }],
    })
    const medium = factory.chips.get('autumn')!
    if (serial !== undefined) {
      const elsewhere = await party('mounter', nodeCrypto)
      const power = async () => this.#power('autumn', medium)
      await mount(elsewhere, { chip: 'autumn', power, serial, deliveryNote })
    }
    return medium
  }

  async status(chip: string) {
    return parseChipStatus(await plain(this.transport(chip)).send('CHIP STATUS'))
  }

  #power(chip: string, medium: RamMedium): Transport {
    const module = new Module({ medium, crypto: nodeCrypto, entropy: nodeEntropy })
    return {
      transmit: async (command) => {
        this.heard.set(chip, [...(this.heard.get(chip) ?? []), command[1]!])
        return module.transmit(command)
      },
      close: async () => module.reset(),
    }
  }

  /** One after the other, on copies of their memories, which take the chips' places when they are saved. */
  #crew(
    work: (
      ports: PartyPorts,
      job: LotJob,
      desk: (chip: string) => {
        chip: string
        power(): Promise<PoweredChip>
        claim(claim: ChipClaim): Promise<string | undefined>
      },
    ) => Promise<LotChipDone>,
  ): LotCrew<LotJob, LotChipDone> {
    return {
      work: async (jobs, claim, done) => {
        const desk = (chip: string) => ({
          chip,
          claim: async (one: ChipClaim) => claim(one),
          power: async (): Promise<PoweredChip> => {
            const medium = this.chips.get(chip)!.clone()
            const transport = this.#power(chip, medium)
            return {
              transport,
              save: async () => {
                this.#cutAt('before save', chip)
                this.chips.set(chip, medium)
                this.#cutAt('after save', chip)
              },
              close: () => transport.close(),
            }
          },
        })
        for await (const job of jobs) {
          const result = await work(this.issuer, job, desk)
          this.#cutAt('before records', job.chip)
          await done(result)
        }
      },
    }
  }

  #cutAt(at: NonNullable<RamLot['cut']>['at'], chip: string): void {
    if (this.cut?.at !== at || this.cut.chip !== chip) return
    this.cut = undefined
    throw new Cut()
  }
}

/** The process is killed: nobody's error. */
export class Cut extends Error {}

export const lotInput: NewLotInput = {
  name: 'spring',
  mask: 'fleet',
  layout: maskLayout,
  count: 3,
  kind: 'own-keys',
}

export function serialOf(number: number): Uint8Array {
  return decodeHex(number.toString(16).padStart(16, '0'))
}

export function hex(serial: Uint8Array): string {
  return Buffer.from(serial).toString('hex').toUpperCase()
}
