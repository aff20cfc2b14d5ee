import { conformance } from './conformance.ts'
import { anyByteStream, i2c, serial } from './roads.ts'
import { tellWhyNoTtys } from './ttys.ts'

// Few, for one broken block in 65,536 passes its CRC.
const noise = { lose: 0.00005, flip: 0.0001, double: 0.00005, insert: 0.00005 }
const patient = { blockMs: 250, characterMs: 40, attempts: 9 }

conformance(i2c)
conformance(anyByteStream('a noisy byte stream', noise, patient))
if (tellWhyNoTtys(import.meta.url) === undefined) {
  conformance(serial('a serial line'))
  conformance(serial('a noisy serial line', noise, patient))
}
