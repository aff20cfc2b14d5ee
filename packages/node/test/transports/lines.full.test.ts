import { conformance } from './conformance.ts'
import { anyByteStream, i2c, serial } from './roads.ts'
import { tellWhyNoTtys } from './ttys.ts'

const noise = { lose: 0.0002, flip: 0.0002, double: 0.0002, insert: 0.0002 }
const patient = { blockMs: 250, characterMs: 40, attempts: 12 }

conformance(i2c)
conformance(anyByteStream('a noisy byte stream', noise, patient))
if (tellWhyNoTtys(import.meta.url) === undefined) {
  conformance(serial('a serial line'))
  conformance(serial('a noisy serial line', noise, patient))
}
