export { type CardProof, makeCardProof } from '../security-domain/index.ts'
export { layOutPlain, makePlain, type PlainKeys, type PlainParts } from './plain.ts'
