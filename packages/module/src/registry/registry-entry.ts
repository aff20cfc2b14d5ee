import { Reader, Writer } from '@sealwright/core/bytes'

/** Forms of an entry, the first byte of its object. */
const forms = { domain: 0x01, application: 0x02, 'load-file': 0x03 } as const
export type RegistryForm = keyof typeof forms

/** An entry of the GlobalPlatform Registry (GlobalPlatform 2.3.1, 6.2). */
export interface RegistryEntry {
  /** Its object's id; 0 is the issuer security domain. */
  readonly number: number
  readonly form: RegistryForm
  /** 5 to 16 bytes. */
  readonly aid: Uint8Array
  /** Life cycle state, with bit 8 for locked. */
  readonly state: number
  /** Three bytes of privileges. */
  readonly privileges: Uint8Array
  /** Number of the security domain that it belongs to. */
  readonly domain: number
  /** AID of the load file that it came from; empty for a load file. */
  readonly loadFile: Uint8Array
  /** AID of the executable module: that of an instance, or the one that a load file carries. */
  readonly module: Uint8Array
}

/** form(1) ‖ state(1) ‖ privileges(3) ‖ domain(1) ‖ AID, load file, module, each as length(1) ‖ bytes. */
export function serializeRegistryEntry(entry: Omit<RegistryEntry, 'number'>): Uint8Array {
  const w = new Writer().u8(forms[entry.form]).u8(entry.state).bytes(entry.privileges)
  w.u8(entry.domain)
  for (const aid of [entry.aid, entry.loadFile, entry.module]) w.u8(aid.length).bytes(aid)
  return w.finish()
}

export function parseRegistryEntry(bytes: Uint8Array): Omit<RegistryEntry, 'number'> {
  const r = new Reader(bytes, 'registry entry')
  const code = r.u8('form')
  const form = (Object.keys(forms) as RegistryForm[]).find((name) => forms[name] === code)
  if (form === undefined) throw r.fail(`form ${code} is not known`)
  const state = r.u8('state')
  const privileges = r.take(3, 'privileges')
  const domain = r.u8('domain')
  const aid = r.take(r.u8('length of the AID'), 'AID')
  const loadFile = r.take(r.u8('length of the load file'), 'load file')
  const module = r.take(r.u8('length of the module'), 'module')
  if (aid.length < 5 || aid.length > 16) throw r.fail('AID: expected 5 to 16 bytes')
  r.end()
  return { form, aid, state, privileges, domain, loadFile, module }
}
