export {
  layOutRom,
  parseRom,
  type Rom,
  type RomImage,
  type RomProgram,
  readRom,
  serializeRom,
} from './rom.ts'
export { type RomSegment, romMap } from './rom-map.ts'
export { parseVectors, serializeVectors, type Vector, vectorLength } from './vectors.ts'
