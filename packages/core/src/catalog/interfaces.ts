/**
 * The interfaces through which a program reaches the module (design, section 4, Programs): import module = interface, import
 * name = function. The check of imports, the host's wrappers, the charges and the tables of the SPEC are produced from here.
 */
export interface InterfaceFunction {
  /**
   * What each parameter is. All are i32 read as unsigned. `source` and `destination` are addresses in the program's memory;
   * the length of a `source` is the `length` after it, a `destination` has it after it or in `room`.
   */
  readonly parameters: readonly InterfaceParameter[]
  readonly result?: 'i32' | 'i64'
  /** Bytes written at `destination` when no `length` says so. */
  readonly room?: number
  readonly meaning: string
  /** Units of the budget: once for the call, and for each byte that crosses or is worked on. */
  readonly charge: { readonly call: number; readonly byte: number }
}

export interface InterfaceParameter {
  readonly name: string
  readonly kind: 'number' | 'source' | 'destination' | 'length'
}

export interface InterfaceRow {
  /** Bit in the rights of a resource (DEF); 0: never granted to a resource. */
  readonly right: number
  readonly meaning: string
  readonly functions: Readonly<Record<string, InterfaceFunction>>
}

const number = (name: string): InterfaceParameter => ({ name, kind: 'number' })
const source: InterfaceParameter = { name: 'source', kind: 'source' }
const destination: InterfaceParameter = { name: 'destination', kind: 'destination' }
const length: InterfaceParameter = { name: 'length', kind: 'length' }
const place = number('place')
const iv: InterfaceParameter = { name: 'iv', kind: 'source' }

const light = { call: 32, byte: 1 }
const storage = { call: 2_000, byte: 16 }
/** What looks through entries of the memory. */
const search = { call: 8_000, byte: 0 }
/** What writes an object, and checks it first: a point must lie on its curve. */
const object = { call: 20_000, byte: 16 }
/** What works on an object of up to 128 KiB whatever its own data are. */
const wholeObject = { call: 200_000, byte: 16 }
const cipherWork = { call: 4_000, byte: 20 }

export const interfaces = {
  io: {
    right: 0x01,
    meaning: 'the command and its answer',
    functions: {
      input_length: { parameters: [], result: 'i32', meaning: 'bytes of command data', charge: light },
      input: {
        parameters: [destination, number('offset'), length],
        meaning: 'copy command data from `offset` on',
        charge: light,
      },
      output: { parameters: [source, length], meaning: 'append to the answer', charge: light },
      ins: { parameters: [], result: 'i32', meaning: 'instruction of the command', charge: light },
      p1: { parameters: [], result: 'i32', meaning: 'P1 of the command', charge: light },
      p2: { parameters: [], result: 'i32', meaning: 'P2 of the command', charge: light },
      channel: {
        parameters: [],
        result: 'i32',
        meaning: "1 when the command came in the channel of the resource's supplier, else 0",
        charge: light,
      },
      status: {
        parameters: [number('sw')],
        meaning:
          'status word of the answer, 6xxx or 9xxx but 60xx, 61xx, 6Cxx; 9000 when not called. What the call wrote stays',
        charge: light,
      },
      refuse: {
        parameters: [number('sw')],
        meaning: 'end the call here with this status word: no answer data, and what it wrote is undone',
        charge: light,
      },
    },
  },
  data: {
    right: 0x02,
    meaning: 'the data area, the only memory that stays',
    functions: {
      size: { parameters: [], result: 'i32', meaning: 'bytes of the area', charge: light },
      read: {
        parameters: [number('offset'), destination, length],
        meaning: 'copy from the area',
        charge: { call: 500, byte: 2 },
      },
      write: {
        parameters: [number('offset'), source, length],
        meaning: 'write to the area, when the call ends well',
        charge: storage,
      },
    },
  },
  random: {
    right: 0x04,
    meaning: 'random numbers',
    functions: {
      fill: { parameters: [destination, length], meaning: 'random bytes', charge: { call: 2_000, byte: 20 } },
    },
  },
  mac: {
    right: 0x08,
    meaning: 'AES-CMAC under keys of granted places',
    functions: {
      cmac: {
        parameters: [place, source, length, destination],
        room: 16,
        meaning: 'AES-CMAC, 16 bytes',
        charge: cipherWork,
      },
      verify: {
        parameters: [
          place,
          source,
          length,
          { name: 'mac', kind: 'source' },
          { name: 'mac_length', kind: 'length' },
        ],
        result: 'i32',
        meaning: '1 when the first 8 to 16 bytes of the AES-CMAC are `mac`, else 0',
        charge: cipherWork,
      },
    },
  },
  cipher: {
    right: 0x10,
    meaning: 'AES-CBC under keys of granted places, whole blocks, 16 bytes of IV',
    functions: {
      encrypt: {
        parameters: [place, iv, source, length, destination],
        meaning: 'as many bytes as `length`',
        charge: cipherWork,
      },
      decrypt: {
        parameters: [place, iv, source, length, destination],
        meaning: 'as many bytes as `length`',
        charge: cipherWork,
      },
    },
  },
  sign: {
    right: 0x20,
    meaning: "the module's signature over APP1 ‖ resource ‖ data",
    functions: {
      sign: {
        parameters: [source, length, destination],
        room: 64,
        meaning: 'ECDSA P-256 with SHA-256, r ‖ s',
        charge: { call: 400_000, byte: 10 },
      },
    },
  },
  clock: {
    right: 0x40,
    meaning: 'the time that the operator last brought',
    functions: {
      now: {
        parameters: [],
        result: 'i64',
        meaning: 'seconds since 1970, 0 when not known; never goes back',
        charge: search,
      },
      known: { parameters: [], result: 'i32', meaning: '1 when a time was brought, else 0', charge: search },
    },
  },
  chip: {
    right: 0,
    meaning: 'what customization software writes',
    functions: {
      put: {
        parameters: [number('kind'), number('id'), source, length],
        meaning: 'store an object, in the place of one of the same kind and id',
        charge: object,
      },
      append: {
        parameters: [number('kind'), number('id'), source, length],
        meaning: 'lengthen an object that `put` began',
        charge: wholeObject,
      },
      length: {
        parameters: [number('kind'), number('id')],
        result: 'i32',
        meaning: 'bytes of an object, or -1',
        charge: { call: 500, byte: 0 },
      },
      digest: {
        parameters: [number('kind'), number('id'), destination],
        room: 32,
        meaning: 'SHA-256 of an object',
        charge: wholeObject,
      },
      vector: {
        parameters: [number('ins'), number('program'), number('function')],
        meaning: 'let `ins` run this function; program 0 = native entries, 1 = ROM program, else software',
        charge: wholeObject,
      },
      activate: {
        parameters: [number('entry')],
        meaning: 'let the command of a native entry of the ROM run',
        charge: object,
      },
    },
  },
} as const satisfies Record<string, InterfaceRow>

export type InterfaceName = keyof typeof interfaces

/** Import module of the functions that the additional software supplies to a program masked incomplete: f1, f2, …, i32s to i32. */
export const addedModule = 'added'

/** Name under which a program exports its function of this number: 0 = `process`, n = `f<n>`. */
export function functionExport(number: number): string {
  return number === 0 ? 'process' : `f${number}`
}

/**
 * Records in the data of WRITE, as the customization software of `programs/customization` reads them, back to back:
 * kind(1) id(4) length(2) bytes. A kind below F0 is a kind of object: put. From F0 on:
 */
export const customizationRecords = {
  append: { kind: 0xf0, bytes: 'kind(1) ‖ bytes: lengthen the object of this kind and `id`' },
  vector: { kind: 0xf1, bytes: 'ins(1) program(1) function(1), repeated; id = 0' },
  activate: { kind: 0xf2, bytes: 'none; id = native entry' },
  verify: {
    kind: 0xf3,
    bytes:
      'kind(1) ‖ SHA-256(32): refuse the command unless the object of this kind and `id` has this digest',
  },
} as const
