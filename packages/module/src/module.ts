import type { Crypto, Entropy } from '@sealwright/core/ports'
import { Channels } from './channel/index.ts'
import { Dispatcher } from './dispatch/dispatcher.ts'
import { controlIds, openMemory, type Watch } from './eeprom/index.ts'
import { Events } from './events/index.ts'
import { resumeWipe } from './handlers/finish.ts'
import { KeyStore } from './keys/index.ts'
import { Lifecycle } from './lifecycle/index.ts'
import type { Medium } from './medium/index.ts'
import type { Parts } from './parts.ts'
import { compileProgram } from './program/index.ts'
import { type Compile, Programs } from './programs/index.ts'
import { Ram } from './ram/index.ts'
import { DomainData, DomainKeys, OffCardEntity, PendingContent, Registry } from './registry/index.ts'
import { Definitions, forgetPackageKey } from './resources/index.ts'
import { forgetSessionChallenge } from './sam/index.ts'
import { testMemory } from './self-test/index.ts'

/** What a module is powered from. */
export interface ModuleWorld {
  readonly medium: Medium
  readonly crypto: Crypto
  readonly entropy: Entropy
  /** Makes programs of their bytes; a host of many modules makes each once for all (`ProgramCache`). `compileProgram` unless given. */
  readonly compile?: Compile
  /** Hears of defects that the answer 6F00 hides. */
  readonly report?: (error: unknown) => void
}

/**
 * The security module. It only composes its parts: `transmit` is synchronous, takes one command APDU and returns one response APDU.
 * Making one is power-up: the electrical test, which throws what it finds (`startModule` makes a chip of that too); then an interrupted
 * transaction is settled and an interrupted wipe repeated before the first command.
 */
export class Module {
  readonly #dispatcher: Dispatcher
  /**
   * The commands come over a line that leads straight here: a reader, a cable, the same process. Who puts the module behind a network says that
   * it is not so; then nothing is personalized without a channel, whatever the product allows.
   */
  directLine = true
  /** For tests and the picture of the memory; no role reaches it. */
  readonly parts: Parts
  /** Of nothing: it falls when the medium changes below. */
  readonly #below: Watch

  constructor({ medium, crypto, entropy, compile = compileProgram, report }: ModuleWorld) {
    const memory = openMemory(medium)
    const { nvm, objects, otp, rom } = memory
    const life = new Lifecycle(otp, objects)
    const channels = new Channels()
    const keys = new KeyStore(crypto, objects, otp)
    const parts: Parts = {
      crypto,
      entropy,
      compile,
      nvm,
      objects,
      otp,
      rom,
      ram: new Ram(),
      life,
      events: new Events(crypto, objects),
      keys,
      channels,
      definitions: new Definitions(nvm),
      registry: new Registry(objects, life),
      domainKeys: new DomainKeys(objects, keys),
      domainData: new DomainData(objects),
      offCard: new OffCardEntity(),
      pendingContent: new PendingContent(),
      get programs(): Programs {
        return programs
      },
      serial: () => objects.read('control', controlIds.serial),
      directLine: () => this.directLine,
      testMemory: () => testMemory(medium, memory),
      select: (selection) => this.#dispatcher.select(selection),
      ...(report === undefined ? {} : { report }),
    }
    const programs = new Programs(parts)
    channels.onClose = () => {
      forgetPackageKey(parts.ram)
      forgetSessionChallenge(parts.ram)
      parts.pendingContent.forget()
      parts.offCard.forget()
      // What an application learned inside a channel is not for whoever speaks next.
      programs.leave()
    }
    this.parts = parts
    this.#below = nvm.watch()
    this.#dispatcher = new Dispatcher(parts)
    resumeWipe(parts)
  }

  /** Card reset: everything volatile is gone. */
  reset(): void {
    this.#dispatcher.reset()
    this.parts.channels.close()
    this.parts.programs.reset()
    this.parts.registry.reset()
    this.parts.keys.forgetAll()
    this.parts.ram.reset()
  }

  /** One command in, one answer out; never throws but for a loss of power. */
  transmit(command: Uint8Array): Uint8Array {
    if (!this.#below.holds()) {
      // Handles were prepared from keys that may be others now.
      this.parts.keys.forgetAll()
      this.#below.set(0, 0)
    }
    return this.#dispatcher.transmit(command)
  }
}
