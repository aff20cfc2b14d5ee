import { copyBytes } from '@sealwright/core/bytes'
import { type WasmMemory, webAssembly } from '@sealwright/module/program'
import { nodeCrypto, nodeEntropy } from '@sealwright/node/crypto'

/** One command of a program, and its data. */
export interface ProgramCommand {
  readonly ins: number
  readonly data: Uint8Array
}

/**
 * A program as its supplier compiled it, on plain memory: no meter, no transaction, no grants, no checks, one prepared key, answers in
 * one buffer that is used again. Nothing that a command could do without is in it: the fastest call of this function that we can make.
 */
export function bareProgram(program: Uint8Array, name: string): (command: ProgramCommand) => void {
  const key = nodeCrypto.aes(new Uint8Array(16).fill(0x44))
  const area = new Uint8Array(96)
  const answer = new Uint8Array(4096)
  let memory = new Uint8Array(0)
  let command: ProgramCommand = { ins: 0, data: area }
  let answered = 0
  const bytes = (address: number, length: number): Uint8Array => memory.subarray(address, address + length)
  const imports = {
    io: {
      input_length: () => command.data.length,
      input: (to: number, offset: number, length: number) =>
        copyBytes(command.data, offset, length, memory, to),
      output: (from: number, length: number) => {
        copyBytes(memory, from, length, answer, answered)
        answered += length
      },
      ins: () => command.ins,
      channel: () => 1,
      status: (sw: number) => {
        if (sw !== 0x9000) throw new Error(`status ${sw}`)
      },
      refuse: (sw: number) => {
        throw new Error(`refused with ${sw}`)
      },
    },
    data: {
      size: () => area.length,
      read: (offset: number, to: number, length: number) => copyBytes(area, offset, length, memory, to),
      write: (offset: number, from: number, length: number) => copyBytes(memory, from, length, area, offset),
    },
    random: { fill: (to: number, length: number) => memory.set(nodeEntropy.bytes(length), to) },
    clock: { now: () => 0n, known: () => 0 },
    sign: { sign: () => {} },
    mac: {
      cmac: (_place: number, from: number, length: number, to: number) =>
        memory.set(key.cmac(bytes(from, length)), to),
      verify: (_place: number, from: number, length: number, mac: number, macLength: number) =>
        Number(
          Buffer.compare(key.cmac(bytes(from, length)).subarray(0, macLength), bytes(mac, macLength)) === 0,
        ),
    },
  }
  const { exports } = new webAssembly.Instance(new webAssembly.Module(program), imports)
  memory = new Uint8Array((exports.memory as WasmMemory).buffer)
  const entry = exports[name] as () => void
  return (next) => {
    command = next
    answered = 0
    entry()
  }
}
