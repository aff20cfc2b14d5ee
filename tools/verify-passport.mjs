// Checks a module's passport offline, with nothing but Node. KEY is the log's key, name+hash+base64 (C2SP signed-note); it and the
// root never come from the file. Every witness that is given must have cosigned. Exit status 0: nothing failed.
import { createHash, createPublicKey, verify, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

const one = { type: 'string' }, many = { type: 'string', multiple: true, default: [] }
const options = { 'log-key': one, root: one, nonce: one, witness: many, 'party-root': many }
const { values: given, positionals: files } = parseArgs({ allowPositionals: true, options })
const usage = 'usage: verify-passport.mjs --log-key KEY --root PEM [--nonce HEX] [--witness KEY] [--party-root PEM] FILE'
if (!given['log-key'] || !given.root || files.length !== 1) process.exit(console.error(usage) ?? 2)
const fail = (why, unverified) => { throw Object.assign(new Error(why), { unverified }) }
const unverified = (why) => fail(why, true)
const must = (holds, why) => holds || fail(why)
function check(name, answer) { // an answer is what to say when it holds, or an error
  let verdict = 'verified', why
  try { why = answer() } catch (error) { [verdict, why] = [error.unverified ? 'unverified' : 'failed', error.message] }
  if (verdict === 'failed') process.exitCode = 1
  console.log(`${verdict}\t${name}: ${why.replace(/[\p{C}\p{Z}]/gu, ' ')}`)
}
const sha256 = (...parts) => parts.reduce((state, part) => state.update(part), createHash('sha256')).digest()
const u32 = (n) => Buffer.from([n >>> 24, n >>> 16, n >>> 8, n])
function decode(bytes) { // CBOR (RFC 8949) of the types that passports use
  let at = 0
  const take = (n) => { at += n; return at > bytes.length ? fail('cut CBOR') : bytes.subarray(at - n, at) }
  const item = (depth) => {
    const [first] = take(1), major = first >> 5, low = first & 31, width = low < 24 ? 0 : 1 << (low - 24)
    must(major < 6 && width <= 8 && depth < 16, 'CBOR of another type')
    const n = width === 0 ? low : Number(BigInt(`0x${take(width).toString('hex')}`))
    must(Number.isSafeInteger(n) && (major < 2 || n <= bytes.length), 'a number too large')
    if (major < 3) return major === 0 ? n : major === 1 ? -1 - n : take(n)
    if (major === 3) return new TextDecoder('utf-8', { fatal: true }).decode(take(n))
    if (major === 4) return Array.from({ length: n }, () => item(depth + 1))
    const map = new Map(Array.from({ length: n }, () => [item(depth + 1), item(depth + 1)]))
    return map.size === n ? map : fail('a key twice')
  }
  return [item(0), must(at === bytes.length, 'bytes left over')][0]
}
const spki = (head, raw) => createPublicKey({ key: Buffer.concat([Buffer.from(head, 'hex'), raw]), format: 'der', type: 'spki' })
const ecdsa = (key, data, signature) => verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature)
const certificates = (list = []) => list.map((raw) => new X509Certificate(raw))
const names = (certificate, attribute) => certificate.subject.split('\n').includes(attribute)
function readEntry(entry, parties) { // COSE_Sign1 (RFC 9052) of content type entry, with its party and its link of the chain
  const { document, party: place, index, proof } = Object.fromEntries(entry)
  const [header, none, payload, signature] = decode(document.subarray(1)), kind = decode(header)
  const form = [document[0], none.size, kind.get(1), kind.get(3)].join(' ')
  must(form === '210 0 -7 application/vnd.sealwright.entry+cbor', 'not an entry as COSE_Sign1 with ES256')
  const { v, number, type, at, party: name, serial, previous, digest } = Object.fromEntries(decode(payload))
  must([v, serial.length, previous.length, digest.length].join() === '1,8,32,32' && type < 256, 'an entry of another form')
  const party = parties[place], chain = certificates(party.get('chain'))
  const key = chain[0]?.publicKey ?? spki('3059301306072a8648ce3d020106082a8648ce3d030107034200', party.get('point'))
  const item = (b) => [Buffer.from(b.length === 0 ? [64] : b.length < 256 ? [88, b.length] : [89, b.length >> 8, b.length]), b]
  const signed = Buffer.concat([Buffer.from('\x84jSignature1', 'latin1'), ...[header, Buffer.alloc(0), payload].flatMap(item)])
  const next = sha256('EVT1', previous, serial, u32(number), Buffer.from([type]), digest)
  return { leaf: sha256('\0', document), signature, signed, chain, key, number, at, name, serial, previous, next, index, proof }
}
function noteKey(text) {
  const [, name, hash, base64] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(text) ?? fail('not the key of a log or witness')
  const bytes = Buffer.from(base64, 'base64'), id = sha256(`${name}\n`, bytes).subarray(0, 4)
  must(bytes.length === 33 && id.toString('hex') === hash, 'the key does not belong to its name')
  return { name, id, algorithm: bytes[0], key: spki('302a300506032b6570032100', bytes.subarray(1)) }
}
function noteHolds({ body, lines }, { name, id, algorithm, key }) { // algorithm 1: a log; 4: a witness, with its time
  return lines.map((line) => line.split(' ')).some(([, signer, base64 = '']) => {
    const raw = Buffer.from(base64, 'base64'), signature = raw.subarray(algorithm === 4 ? 12 : 4)
    if (signer !== name || !raw.subarray(0, 4).equals(id) || signature.length !== 64) return false
    const text = algorithm === 4 ? `cosignature/v1\ntime ${raw.readBigUInt64BE(4)}\n${body}` : body
    return verify(null, Buffer.from(text), key, signature)
  })
}
function rootFrom(hash, index, size, proof) { // RFC 6962 section 2.1.1, from the top down
  if (size === 1 && index === 0 && proof.length === 0) return hash
  const [beside] = proof.slice(-1), rest = proof.slice(0, -1), half = 2 ** ((size - 1).toString(2).length - 1)
  must(beside && index < size, 'a wrong proof')
  if (index < half) return sha256('\x01', rootFrom(hash, index, half, rest), beside)
  return sha256('\x01', beside, rootFrom(hash, index - half, size - half, rest))
}
const arc = '2.25.315099234770222913721656438490422605588.1.', testMarker = '06166983da8df3eea6c5fa90d9b9b7d19dd9aeb1ee140201'
const issuers = { 2: [1], 3: [1], 4: [2], 5: [2], 6: [1], 8: [7], 9: [7], 10: [1, 7], 11: [1, 7], 12: [1, 7], 13: [1, 7], 14: [2] }
const roleOf = ({ keyUsage: [use = '', more] = [] }) => (!more && use.startsWith(arc) ? Number(use.slice(arc.length)) : 0)
function checkPath(chain, root, seconds) { // leaf first; roles: 1 manufacturer's root, 2 unit, 3 identity, 4 operating, 7 authority
  for (const [i, certificate] of [...chain, root].entries()) {
    const above = chain[i + 1] ?? root, at = new Date(seconds * 1000), role = roleOf(certificate)
    must(certificate.checkIssued(above) && certificate.verify(above.publicKey), `certificate ${i} is not signed by the one above`)
    must(at >= new Date(certificate.validFrom) && at <= new Date(certificate.validTo), `certificate ${i} is not valid then`)
    must(!certificate.raw.includes(testMarker, 'hex'), `certificate ${i} is made with test keys`)
    must(certificate.ca === [1, 2, 7].includes(role), `certificate ${i} does not fit its role`)
    must(i === chain.length || issuers[role]?.includes(roleOf(above)), `the one above certificate ${i} may not give its role`)
  }
  return chain[0]
}
const [root, ...others] = certificates([given.root, ...given['party-root']].map((file) => readFileSync(file)))
let passport, steps, [log, ...witnesses] = [given['log-key'], ...given.witness].map(noteKey)
check('entries-readable', () => {
  passport = Object.fromEntries(decode(readFileSync(files[0])))
  must(passport.format === 'sealwright passport' && passport.v === 1 && passport.serial.length === 8, 'not a passport of version 1')
  steps = passport.entries.map((entry) => readEntry(entry, passport.parties))
  return must(steps.length > 0, 'there is no entry') && `${steps.length} entries`
})
if (process.exitCode) process.exit()
const { serial, checkpoint, chain: own, start } = passport, named = `serialNumber=${serial.toString('hex').toUpperCase()}`
const each = (list, holds, why, good) => list.every((step, i) => must(holds(step, i), `entry ${step.number} ${why}`)) && good
const note = () => { // C2SP tlog-checkpoint in a signed-note
  const [match] = (checkpoint ?? unverified('there is no checkpoint')).matchAll(/^((.+)\n(\d+)\n(\S+)\n)\n([\s\S]*)$/g)
  const [, body, origin, size, root, lines] = match ?? fail('not a checkpoint')
  return { body, origin, size: Number(size), root: Buffer.from(root, 'base64'), lines: lines.split('\n') }
}
const head = () => Object.fromEntries(passport.head ?? unverified('there is no head signed by the module'))
check('entries-complete', () => each(steps, (step, i) => step.number === i + 1 && step.serial.equals(serial),
  "is another module's, or one before it is left out", `entries 1 to ${steps.length}`))
check('entries-linked', () => each(steps, ({ previous }, i) => i === 0 || previous.equals(steps[i - 1].next),
  'does not carry the chain of the one before', 'each carries the chain of the one before'))
check('start', () => must(steps[0].previous.equals(sha256('EVT0', ...(start ?? unverified('what was masked is not told')))),
  'the chain starts from another ROM or image') && 'the chain starts from the ROM and the image that are named')
check('party-signatures', () => each(steps, ({ key, signed, signature }) => ecdsa(key, signed, signature),
  'is not signed by the key given for its party', 'each is signed by the key given for its party'))
check('party-certificates', () => {
  const unknown = steps.flatMap(({ chain, at, name }) => {
    const anchor = [root, ...others].find((candidate) => chain.at(-1)?.checkIssued(candidate))
    return anchor && names(checkPath(chain, anchor, at), `CN=${name}`) ? [] : name
  })
  return unknown.length === 0 ? 'all are certified' : unverified(`not certified: ${[...new Set(unknown)]}`)
})
check('log-checkpoint', () => must(note().origin === log.name && log.algorithm === 1 && noteHolds(note(), log),
  'not signed by the log') && `checkpoint of ${log.name} over ${note().size} entries`)
check('log-inclusion', () => {
  const inLog = steps.filter(({ index }) => index !== undefined), { size, root: top } = note()
  each(inLog, ({ leaf, index, proof }) => rootFrom(leaf, index, size, proof).equals(top), 'is not in the log', true)
  return inLog.length === steps.length && noteHolds(note(), log) ? 'all are there' : unverified('not all, or it is another log')
})
check('log-witnesses', () => witnesses.map((by) => must(by.algorithm === 4 && noteHolds(note(), by) && by.name, `not by ${by.name}`))
  .join() || unverified('no witness key was given: the log alone vouches for its tree'))
check('head-certificate', () => {
  const { key } = head(), leaf = checkPath(certificates(must(own[0] && own, 'there is none')), root, Date.now() / 1000)
  return must(names(leaf, named) && roleOf(leaf) === (key === 'identity' ? 3 : 4), 'of another module or role') && `${key} key`
})
check('head-signature', () => {
  const { nonce, ...of } = head(), signed = Buffer.concat([Buffer.from('PSP1'), serial, nonce, u32(of.number), of.chain])
  const [{ publicKey } = unverified('there is no certificate of the module')] = certificates(own)
  return must(ecdsa(publicKey, signed, of.signature), 'not signed by that key') && 'signed by the certified key'
})
check('head-matches', () => {
  const { number, chain } = head(), holds = steps[number - 1]?.next.equals(chain)
  must(holds, `the module counts ${number} events, not these ${steps.length} entries`)
  return number === steps.length ? "the module's own record ends here" : unverified(`the head is older, of entry ${number}`)
})
check('head-fresh', () => must(head().nonce.toString('hex') === (given.nonce ?? unverified('no nonce was given')).toLowerCase(),
  'the head answers another nonce') && 'the head answers the nonce')
for (const name of ['party-roles', 'certificate-recorded']) check(name, () => unverified('this script does not look at it'))
