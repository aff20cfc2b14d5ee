export { type ImageParts, type ImageSection, MemoryImage, memoryImage } from './memory-image.ts'
