import { Reader, Writer } from '../bytes/index.ts'
import { type SelfTestResult, selfTestResults } from '../catalog/index.ts'

/** What the electrical test found: the answer of SELF TEST. */
export interface SelfTest {
  readonly result: SelfTestResult
  /** Bytes of ROM, EEPROM and one-time memory that were read before it ended. */
  readonly bytesRead: number
}

/** result(1) ‖ bytesRead(4): 5 bytes. */
export function serializeSelfTest({ result, bytesRead }: SelfTest): Uint8Array {
  return new Writer().u8(selfTestResults[result].code).u32(bytesRead).finish()
}

export function parseSelfTest(bytes: Uint8Array): SelfTest {
  const r = new Reader(bytes, 'self-test')
  const code = r.u8('result')
  const result = (Object.keys(selfTestResults) as SelfTestResult[]).find(
    (name) => selfTestResults[name].code === code,
  )
  if (result === undefined) throw r.fail(`no result has the code ${code}`)
  const bytesRead = r.u32('bytes read')
  r.end()
  return { result, bytesRead }
}
