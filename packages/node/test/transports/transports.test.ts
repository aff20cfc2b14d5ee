import { conformance } from './conformance.ts'
import { anyByteStream, inThisProcess, tcp } from './roads.ts'

// Lines over real ttys and a simulated bus take longer: lines.full.test.ts. Readers need pcscd: readers.full.test.ts.
const impatient = { blockMs: 150, characterMs: 50, attempts: 3 }
const stream = anyByteStream('any byte stream', {}, impatient)
for (const road of [inThisProcess, tcp, stream]) conformance(road)
