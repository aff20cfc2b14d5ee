import { UsageError } from '@sealwright/core/errors'
import type { Crypto, Transport } from '@sealwright/core/ports'
import { fixedClock, scriptedEntropy } from '@sealwright/core/testing'
import { Module } from '@sealwright/module'
import { openMemory } from '@sealwright/module/eeprom'
import { layOutMask, maskedImage, maskGeometry, programMask } from '@sealwright/module/mask'
import { type Medium, RamMedium, type Snapshot } from '@sealwright/module/medium'
import type { ChipFactory, MaskLayout, PartyName, PartyPorts } from '@sealwright/roles/ports'
import { Party } from './parties.ts'

/** The committed programs, as wasm. */
export type ProgramName = 'rom' | 'customization' | 'added' | 'loyalty' | 'bank'
export type Programs = Readonly<Record<ProgramName, Uint8Array>>

export interface LifeWorld {
  readonly crypto: Crypto
  readonly programs: Programs
  /** Bytes of EEPROM of each chip; 64 KiB unless given. */
  readonly eepromSize?: number
}

/** Sees what passes between a module and whoever talks to it. */
export interface Witness {
  /** A module is about to be powered up; its entropy follows from the seed. */
  powering?(chip: string, seed: string): void
  powered?(chip: string, module: Module): void
  exchanged?(chip: string, command: Uint8Array, answer: Uint8Array): void
}

/** Stands between the parties and what they use: lines that break, programs that end in the middle. */
export interface Interference {
  line(chip: string, below: Transport): Transport
  ports(below: PartyPorts): PartyPorts
}

/**
 * Parties, chips and the files between them, all in memory and without Node: what the stages in `stages.ts` work on. Everything random
 * follows from the seed that `begin` was given, so that a stage repeated from a copy is the same to the byte.
 */
export class Life {
  readonly world: LifeWorld
  readonly chips: Map<string, RamMedium>
  /** What one party handed to another. */
  readonly exchange: Map<string, Uint8Array>
  witness: Witness = {}
  interference: Interference | undefined
  readonly #parties: Map<PartyName, Party>
  /** A medium in the place of the chip's own, e.g. one that loses power. */
  readonly #replaced = new Map<string, Medium>()
  readonly #powered = new Map<string, { readonly module: Module; readonly transport: Transport }>()
  #seed = 'life'
  #powerUps = 0

  private constructor(
    world: LifeWorld,
    parties: Map<PartyName, Party>,
    chips: Map<string, RamMedium>,
    exchange: Map<string, Uint8Array>,
  ) {
    this.world = world
    this.chips = chips
    this.exchange = exchange
    this.#parties = parties
  }

  static begin(world: LifeWorld): Life {
    return new Life(world, new Map(), new Map(), new Map())
  }

  clone(): Life {
    const parties = new Map([...this.#parties].map(([name, party]) => [name, party.clone()]))
    const chips = new Map([...this.chips].map(([name, medium]) => [name, medium.clone()]))
    return new Life(this.world, parties, chips, new Map(this.exchange))
  }

  /** Before a stage. Modules are powered down. */
  seed(text: string): void {
    this.#powerUps = 0
    this.#powered.clear()
    this.startAgain(text)
  }

  /** The parties' programs begin anew, and modules stay powered as they are. */
  startAgain(text: string): void {
    this.#seed = text
    for (const party of this.#parties.values()) party.seed(text)
  }

  async party(name: PartyName): Promise<PartyPorts> {
    let party = this.#parties.get(name)
    if (party === undefined) {
      party = await Party.make(name, { crypto: this.world.crypto, clock })
      party.seed(this.#seed)
      this.#parties.set(name, party)
    }
    return this.interference?.ports(party.ports) ?? party.ports
  }

  parties(): ReadonlyMap<PartyName, Party> {
    return this.#parties
  }

  /** The module in a chip, powered up once in a stage. */
  module(chip: string): Transport {
    const { transport } = this.#powered.get(chip) ?? this.#powerUp(chip)
    return this.interference?.line(chip, transport) ?? transport
  }

  /** The same for whoever has the module in the hand. */
  moduleInHand(chip: string): Module {
    return (this.#powered.get(chip) ?? this.#powerUp(chip)).module
  }

  #powerUp(chip: string): { readonly module: Module; readonly transport: Transport } {
    const { crypto } = this.world
    const seed = `module ${chip} ${this.#seed} ${this.#powerUps++}`
    this.witness.powering?.(chip, seed)
    const module = new Module({
      medium: this.medium(chip),
      crypto,
      entropy: scriptedEntropy(seed),
      report: (error) => {
        throw error
      },
    })
    this.witness.powered?.(chip, module)
    const transport: Transport = {
      transmit: async (command) => {
        const answer = module.transmit(command)
        this.witness.exchanged?.(chip, command.slice(), answer.slice())
        return answer
      },
      close: async () => {
        module.reset()
        this.#powered.delete(chip)
      },
    }
    const powered = { module, transport }
    this.#powered.set(chip, powered)
    return powered
  }

  /** What the chip is powered from. */
  medium(chip: string): Medium {
    const medium = this.#replaced.get(chip) ?? this.chips.get(chip)
    if (medium === undefined) throw new UsageError(`there is no chip ${chip}`)
    return medium
  }

  /** Takes the power away: the next `module` starts it again. */
  powerDown(): void {
    this.#powered.clear()
  }

  /** Powers the chip from another medium from now on; undefined: from its own. */
  replace(chip: string, medium: Medium | undefined): void {
    this.#powered.clear()
    if (medium === undefined) this.#replaced.delete(chip)
    else this.#replaced.set(chip, medium)
  }

  /** Puts back a chip's memory. */
  restore(chip: string, snapshot: Snapshot): void {
    this.#powered.clear()
    this.chips.set(chip, RamMedium.from(snapshot))
  }

  file(name: string): Uint8Array {
    const bytes = this.exchange.get(name)
    if (bytes === undefined) throw new UsageError(`there is no file ${name}`)
    return bytes
  }

  get factory(): ChipFactory {
    const { chips } = this
    const { crypto } = this.world
    const made = (file: Parameters<ChipFactory['digests']>[0]): RamMedium => {
      const medium = new RamMedium(maskGeometry(file), file.rom)
      programMask(medium, file)
      return medium
    }
    return {
      digests(file) {
        const image = openMemory(made(file)).objects.read('encrypted-image', 0)
        if (image === undefined) throw new UsageError('the mask holds no image')
        return { romDigest: crypto.sha256(file.rom), imageDigest: crypto.sha256(image) }
      },
      async make(name, file) {
        if (chips.has(name)) return false
        chips.set(name, made(file))
        return true
      },
    }
  }
}

export const maskLayout: MaskLayout = { layOut: layOutMask, image: maskedImage, check: () => {} }

/** The time of every life. */
export const clock = fixedClock(1_800_000_000)
