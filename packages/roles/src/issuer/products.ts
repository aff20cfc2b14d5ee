import type { CommandName } from '@sealwright/core/catalog'
import { cardManagement, keyPlaces, programInstructions } from '@sealwright/core/catalog'
import { type Product, type ProductSoftware, programNumbers } from '@sealwright/core/customization'

/** What every module answers. */
const base = [
  'SELECT',
  'INITIALIZE UPDATE',
  'EXTERNAL AUTHENTICATE',
  'INTERNAL AUTHENTICATE',
  'GENERAL AUTHENTICATE',
  'GET DATA',
  'CHIP STATUS',
  'SELF TEST',
  'PASSPORT HEAD',
  'GET EVENTS',
] as const satisfies readonly CommandName[]

const personalization = [
  'BEGIN',
  'COMPLETE',
  'PROVE CREDENTIAL',
  'DEPERSONALIZE',
  'TAKE TRANSFER',
  'PRESENT OBJECT',
] as const satisfies readonly CommandName[]

const keyDownload = [
  'PREPARE',
  'IMPORT KEY',
  'GET RECEIPT',
  'PUT TRANSPORT KEY',
] as const satisfies readonly CommandName[]

/** Completes PRODUCT INFO, which the mask has only in part. */
const added: ProductSoftware = {
  program: programNumbers.added,
  wasm: 'added',
  interfaces: ['io'],
  budget: 1_000_000,
  keyPlaces: [],
  dataSize: 0,
}

const productInfo = { ins: programInstructions['PRODUCT INFO'].ins, program: programNumbers.rom, function: 1 }

/** Key-download suites of these products: AES-128 and AES-256, SAS by CMAC under KS1 or by ECDSA. */
const suites = [0xa101, 0xa103, 0xa201, 0xa203]

/** REF2 of the terminal's place for the key of its fuel's loyalty points, and REF1 of the key it takes. */
export const fuelKeyPlace = 0x0020_0101
export const fuelKeySource = 0x0001_0a01

/** The cash machine's place for a symmetric key of its central system, which no loader fills. */
export const limitedKeyPlace = 0x0020_0301

const loyaltyProgram = 3

/** Where PUT TRANSPORT KEY puts T (or TU) and KS1: the present ones and the next. */
const transportPlaces = [
  { place: keyPlaces.transport, kind: 'transport', usage: 'K0', source: 0 },
  { place: keyPlaces.transportNext, kind: 'transport', usage: 'K0', source: 0 },
  { place: keyPlaces.signature, kind: 'signature', usage: 'M6', source: 0 },
  { place: keyPlaces.signatureNext, kind: 'signature', usage: 'M6', source: 0 },
] as const satisfies Product['keyPlaces']

/** A place of the terminal that no key may go to. */
const stationDataPlace = 0x0020_0201

/** The products that one mask becomes by customization alone. */
export const products = {
  cash: {
    name: 'cash',
    natives: [
      ...base,
      ...personalization,
      'REQUEST PAYMENT',
      'FETCH PAYMENT',
      'GRANT PAYMENT',
      'PAYMENT OUTCOME',
      'PUT LIMITED KEY',
      'TELL TIME',
      'MESSAGE CODE',
    ],
    vectors: [productInfo],
    software: [added],
    keyPlaces: [{ place: limitedKeyPlace, kind: 'application', usage: 'M6', source: 0 }],
    suites,
  },
  loader: {
    name: 'loader',
    natives: [...base, 'EXPORT KEY', 'VERIFY RECEIPT', 'MAKE SET', 'MAKE KEY', 'LIST KEYS'],
    vectors: [productInfo],
    software: [added],
    keyPlaces: [],
    suites,
  },
  sam: {
    name: 'sam',
    natives: [...base, 'MAKE MASTER KEY', 'SEAL CUSTOMIZATION KEY', 'BEGIN SESSION', 'SESSION KEYS'],
    vectors: [productInfo],
    software: [added],
    keyPlaces: [],
    suites,
  },
  'signing-card': {
    name: 'signing-card',
    natives: [
      ...base,
      'MAKE UNIT KEY',
      'STORE UNIT CERTIFICATE',
      'ADMINISTER',
      'ORDER CERTIFICATE',
      'ISSUE CERTIFICATE',
      'READ LOG',
    ],
    vectors: [productInfo],
    software: [added],
    keyPlaces: [],
    suites,
  },
  terminal: {
    name: 'terminal',
    natives: [...base, ...personalization, ...keyDownload],
    vectors: [
      productInfo,
      { ins: programInstructions.CREDIT.ins, program: loyaltyProgram, function: 1 },
      { ins: programInstructions.DEBIT.ins, program: loyaltyProgram, function: 2 },
      { ins: programInstructions.TOTALS.ins, program: loyaltyProgram, function: 3 },
    ],
    software: [
      added,
      {
        program: loyaltyProgram,
        wasm: 'loyalty',
        interfaces: ['io', 'data', 'mac'],
        budget: 5_000_000,
        keyPlaces: [fuelKeyPlace],
        dataSize: 72,
      },
    ],
    keyPlaces: [
      ...transportPlaces,
      { place: fuelKeyPlace, kind: 'application', usage: 'M6', source: fuelKeySource },
      { place: stationDataPlace, kind: 'data', usage: '**', source: 0 },
    ],
    suites,
  },
  phone: {
    name: 'phone',
    natives: [
      ...base,
      ...personalization,
      ...keyDownload,
      ...cardManagement,
      'OPERATE',
      'LOAD MANIFEST',
      'LOAD BLOCK',
      'LOAD SWITCH',
    ],
    vectors: [productInfo],
    software: [added],
    keyPlaces: transportPlaces,
    suites,
  },
} as const satisfies Record<string, Product>

export type ProductName = keyof typeof products
