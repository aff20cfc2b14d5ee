import { conformance } from './conformance.ts'
import { anyByteStream, inThisProcess, tcp } from './roads.ts'

// Lines over real ttys and a simulated bus take longer: lines.full.test.ts. Readers need pcscd: readers.full.test.ts.
for (const road of [inThisProcess, tcp, anyByteStream('any byte stream')]) conformance(road)
