import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { decodeHex, encodeHex } from '../bytes/index.ts'
import { testKeys } from '../catalog/index.ts'
import { scriptedEntropy } from '../testing/index.ts'
import { portableCrypto as crypto, isKnownTestKey, p256Order, privateScalar } from './index.ts'

/** Keys by kind, in hex; a private key stands for its public key too. */
interface Keys {
  readonly keys?: readonly string[]
  readonly privateKeys?: readonly string[]
  readonly points?: readonly string[]
  readonly ed25519?: readonly string[]
}

/** What others published, and simple private keys of P-256. */
const published: readonly (Keys & { readonly source: string })[] = [
  {
    source: 'P-256 private keys 1, 2, 3, of 32 equal bytes, and of bytes that count up',
    privateKeys: [
      ...[1, 2, 3].map((n) => n.toString(16).padStart(64, '0')),
      ...range(15, (i) => hexOf(() => i + 1)),
      ...range(14, (i) => hexOf(() => 0x11 * (i + 1))),
      ...[0, 1, 0x10, 0x20, 0x40].map((first) => hexOf((i) => first + i)),
    ],
  },
  {
    source: 'NIST SP 800-38A (FIPS 197, RFC 4493)',
    keys: [
      '2B7E151628AED2A6ABF7158809CF4F3C',
      '8E73B0F7DA0E6452C810F32B809079E562F8EAD2522C6B7B',
      '603DEB1015CA71BE2B73AEF0857D77811F352C073B6108D72D9810A30914DFF4',
    ],
  },
  { source: 'RFC 5649 section 6', keys: ['5840DF6E29B02AF1AB493B705BF16EA1AE8338F4DCC176A8'] },
  {
    source: 'RFC 5903 section 8.1',
    privateKeys: [
      'C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433',
      'C6EF9C5D78AE012A011164ACB397CE2088685D8F06BF9BE0B283AB46476BEE53',
    ],
  },
  {
    source: 'RFC 6979 appendix A.2.5',
    privateKeys: ['C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721'],
  },
  {
    source: 'RFC 8032 section 7.1',
    ed25519: [
      '9D61B19DEFFD5A60BA844AF492EC2CC44449C5697B326919703BAC031CAE7F60',
      '4CCD089B28FF96DA9DB6C346EC114E0F5B8A319F35ABA624DA8CF6ED4FB8A6FB',
      'C5AA8DF43F9F837BEDB7442F31DCB7B166D38535076F094B85CE3A2E0B4458F7',
    ],
  },
  {
    source: 'NXP AN10922, AN10957',
    keys: [
      '00112233445566778899AABBCCDDEEFF0102030405060708090A0B0C0D0E0F00',
      'F3F9377698707B688EAF84ABE39E3791',
    ],
  },
  {
    source: 'ANSI X9.143, TR-31, ISO 20038',
    keys: [
      '88E1AB2A2E3DD38C1FA039A536500CC8A87AB9D62DC92C01058FA79F44657DE6',
      'E38331FBACE33F0B8694ABA5DC611CA20831949FEB8988102147291578F704E1',
      '3F419E1CB7079442AA37474C2EFBF8B8',
      '8C326037F8910BBFDBC267E5101DFBF9480433028D5E67B34673440F8ACEC972',
      'BE19E6A07A760F10EF8E83A226B63AAD141F463FDDD4F47DB244B4023EC3CACC',
      '79A5688BAD48066D585DFCACC8BF4A2B',
      '3235362D62697420414553207772617070696E67202849534F20323030333829',
      '777261707065642033444553206B6579',
    ],
  },
  {
    source: 'osmocom pySim, tests of SCP02',
    keys: [
      '100102030405060708090A0B0C0D0E0F',
      '101102030405060708090A0B0C0D0E0F',
      '102102030405060708090A0B0C0D0E0F',
    ],
  },
  {
    source: 'Samsung OpenSCP-Java, test data',
    keys: [
      '1D72CD9283FD55162722C6BEAA4DC187',
      'F4932BA02FFC3098D172790099D28382',
      'B4BDC610C3F6793708FF1132E2C5BF60',
      '1D72CD9283FD55162722C6BEAA4DC1877F4C0CD0ECC15E05',
      'F4932BA02FFC3098D172790099D2838236F2E61068D56F44',
      'B4BDC610C3F6793708FF1132E2C5BF60523AEAC06B32F204',
      '1D72CD9283FD55162722C6BEAA4DC1877F4C0CD0ECC15E052AAC39A99AF9AD72',
      'F4932BA02FFC3098D172790099D2838236F2E61068D56F4401CC0374C25AF8CB',
      'B4BDC610C3F6793708FF1132E2C5BF60523AEAC06B32F204B851B6CC007C8D3C',
    ],
    privateKeys: [
      'A5116B848D41BD93737F187ABC03886BF7A80422D150025109C6749F45BB9B6D',
      'B69D2D4A2544B5938ED3C4F6319810837E4DBBEFF115BD9955607E8CDBBBACE5',
    ],
    points: [
      '044F92A07D168C309959EED99E288381DD192979CD452D8FBE1F163447979207C5E6CD1F4DD11609E2100C033BBD723BE78B71477E64883EB41EC366713E44AF1E',
    ],
  },
  {
    source: 'kaoh globalplatform, scp03Test.c',
    keys: [
      'F995D0A069335C7DF42E590317FFEA6D',
      '58563362EC5A4541ABCD32B34B1EAE7D',
      '0A02A6D687406DCFA09DC70B3EDB7E38',
      'DE2A3629CBC24E8D8869E82C8B4C0D874D88166B6F8A1C12',
    ],
  },
  {
    source: 'GlobalPlatformPro, TestPlaintextKeys',
    keys: [
      '8C72C72CF908411653018807950D82FBAD947562F0828A0B10B8B9606ABF3BCD',
      '9AAC5D0B3601F89438A0D9D0B6B256CFB47E6462DFA5228D3420C4AC7C224781',
    ],
  },
  {
    source: 'Yubico .NET SDK, primitives of SCP03',
    keys: ['FC90AA67CDC5DABFD5051663045DFA23', '38C0C6E3D0B6AED40FBB420B51399081'],
  },
  {
    source: 'yubikey-manager, tests/files/scp: CA-KLOC, KA-KLOC, OCE',
    points: [
      '048FAF17E9481FC0BEEBCB29A0B3D584F1EBC5DBB71F12F7100C7D11B0CE9E5C5CC745F1CEC05A951F78CDC1436E8C87458FBF20492A109D78AF22542687CABE49',
      '04C5DB8DBF98DF7F863FCA94CE7ADD652257F5BDAA0B45544B558386E4E54147E0FD104D1576F6FEA5AD87F6BE020E34E9F57BC195B67B83CF1FE2DEEC4C12D67C',
      '0498C9109414333B7DBD223B0C9A3B86B2CE9FAF87B521A2715B0AECE060A30B1E994DDEBF1CC9036EB28D09E54A995305729651351001763EEF91949BED9D80F6',
    ],
  },
]

/** Our vectors by file, with the fields that hold keys. */
const vectorFields: Readonly<Record<string, Partial<Record<keyof Keys, readonly string[]>>>> = {
  aes: { keys: ['key'] },
  an10922: { keys: ['masterKey', 'key'] },
  approvals: { privateKeys: ['annaPrivateKey', 'bertaPrivateKey', 'centralPrivateKey', 'unitPrivateKey'] },
  'check-values': { keys: ['key'] },
  cmac: { keys: ['key'] },
  customization: {
    privateKeys: ['clientScalar', 'scalar'],
    points: ['clientPoint', 'point'],
    keys: ['key', 'documentKey', 'enc', 'mac', 'dek'],
  },
  'derive-key': { keys: ['storedKey', 'key'] },
  'ecdh-p256': { privateKeys: ['privateKey'], points: ['publicPoint', 'peerPoint'] },
  'ecdsa-p256': { privateKeys: ['privateKey'], points: ['publicPoint'] },
  ed25519: { ed25519: ['privateKey'] },
  kdf3: { keys: ['masterKey', 'key'] },
  'key-derivation': { keys: ['storedKey', 'transportKey', 'ks', 'ks1', 'ta'] },
  'key-download': {
    keys: ['key', 'applicationKey', 'transportKey', 'signatureKey', 'unitTransportKey', 'unitSignatureKey'],
    ed25519: ['authorityPrivateKey'],
  },
  'later-customization': {
    privateKeys: ['identityScalar', 'ephemeralScalar'],
    points: ['identityPoint'],
    keys: ['master', 'key', 'enc', 'mac', 'dek'],
  },
  log: { privateKeys: ['privateKey', 'logPrivateKey', 'modulePrivateKey'] },
  personalization: {
    privateKeys: [
      'centralPrivateKey',
      'identityPrivateKey',
      'manufacturerPrivateKey',
      'operatingPrivateKey',
      'unitPrivateKey',
    ],
    points: ['operatingPoint'],
  },
  resources: {
    privateKeys: ['ephemeralPrivateKey', 'modulePrivateKey', 'operatorPrivateKey', 'supplierPrivateKey'],
    keys: ['packageKey'],
  },
  scp03: { keys: ['enc', 'mac', 'dek', 'key'] },
  'scp03-kdf': { keys: ['key'] },
  scp11: {
    privateKeys: ['hostEphemeral', 'hostStatic', 'moduleEphemeral', 'moduleStatic'],
    points: ['moduleStaticPoint'],
  },
}

test('[X9a] every published key is known, and every row of the table is one of them', () => {
  const used = new Set<string>()
  for (const { source, ...keys } of published) requireKnown(source, keys, used)
  for (const [file, fields] of Object.entries(vectorFields)) {
    const found: Record<string, string[]> = { keys: [], privateKeys: [], points: [], ed25519: [] }
    const url = new URL(`../../../../vectors/${file}.json`, import.meta.url)
    JSON.parse(readFileSync(url, 'utf8'), (name, value) => {
      for (const [kind, names] of Object.entries(fields)) {
        if (typeof value === 'string' && names.includes(name) && lengths[kind]!.includes(value.length / 2)) {
          found[kind]!.push(value)
        }
      }
      return value
    })
    for (const kind of Object.keys(fields)) assert.ok(found[kind]!.length > 0, `${file}: no ${kind}`)
    requireKnown(`vectors/${file}.json`, found, used)
  }
  const idle = testKeys.flatMap(({ source, digests }) =>
    digests.filter((digest) => !used.has(digest)).map((digest) => `${source}: ${digest}`),
  )
  assert.deepEqual(idle, [], 'rows that no published key stands behind')
})

test('[X9a] keys that follow a pattern are known at every length', () => {
  const patterns: Record<string, (i: number) => number> = {
    zeros: () => 0,
    ones: () => 0xff,
    'counts from 00': (i) => i,
    'GlobalPlatform default': (i) => 0x40 + i,
    'counts down': (i) => 0xff - i,
    'counts over FF': (i) => 0xf8 + i,
    '00 11 22': (i) => 0x11 * i,
    '01 23 45 67 89 AB CD EF twice': (i) => 0x01 + 0x22 * (i % 8),
    '01 23 … FE DC': (i) => (i % 16 < 8 ? 0x01 + 0x22 * (i % 8) : 0xfe - 0x22 * (i % 8)),
    'default of PIV management keys': (i) => 1 + (i % 8),
  }
  for (const [name, byte] of Object.entries(patterns)) {
    for (const length of [16, 24, 32]) {
      const key = Uint8Array.from({ length }, (_, i) => byte(i) & 0xff)
      assert.ok(isKnownTestKey(crypto, key), `${name}, ${length} bytes`)
      for (const at of [2, 7, length - 1]) {
        const other = key.slice()
        other[at]! ^= 0x40
        assert.ok(!isKnownTestKey(crypto, other), `${name}, ${length} bytes, byte ${at} changed`)
      }
    }
  }
})

test('[X9a] a known point is known with the other sign of Y, and random keys and points are not', () => {
  const scalar = decodeHex('C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721')
  const negative = decodeHex(
    (BigInt(`0x${encodeHex(p256Order)}`) - BigInt(`0x${encodeHex(scalar)}`)).toString(16).padStart(64, '0'),
  )
  const [point, opposite] = [scalar, negative].map((one) => crypto.ecPrivateKey(one).publicPoint)
  assert.notDeepEqual(point, opposite)
  assert.ok(isKnownTestKey(crypto, point!) && isKnownTestKey(crypto, opposite!))

  const entropy = scriptedEntropy('random keys')
  for (let i = 0; i < 300; i++) {
    for (const length of [16, 24, 32]) assert.ok(!isKnownTestKey(crypto, entropy.bytes(length)))
  }
  for (let i = 0; i < 5; i++) {
    const { publicPoint } = crypto.ecPrivateKey(privateScalar(crypto, entropy.bytes(48)))
    assert.ok(!isKnownTestKey(crypto, publicPoint))
  }
})

/** Asserts that all of them are known, and notes which rows of the table say so. */
function requireKnown(source: string, keys: Keys, used: Set<string>): void {
  const { keys: symmetric = [], privateKeys = [], points = [], ed25519 = [] } = keys
  const all = [
    ...[...symmetric, ...privateKeys, ...points, ...ed25519].map(decodeHex),
    ...privateKeys.map((one) => crypto.ecPrivateKey(decodeHex(one)).publicPoint),
    ...ed25519.map((one) => crypto.ed25519PublicKey(decodeHex(one))),
  ]
  for (const key of all) {
    const digest = encodeHex(crypto.sha256(key.length === 65 ? key.subarray(1, 33) : key).subarray(0, 16))
    used.add(digest)
    assert.ok(isKnownTestKey(crypto, key), `${source}: ${digest} is missing`)
  }
}

const lengths: Readonly<Record<string, readonly number[]>> = {
  keys: [16, 24, 32],
  privateKeys: [32],
  points: [65],
  ed25519: [32],
}

function range<T>(length: number, make: (i: number) => T): T[] {
  return Array.from({ length }, (_, i) => make(i))
}

function hexOf(byte: (i: number) => number): string {
  return encodeHex(Uint8Array.from(range(32, byte)))
}
