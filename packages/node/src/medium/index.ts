export { headerLength as chipHeaderLength, parseHeader as parseChipHeader } from './chip-file.ts'
export { FileMedium, type FileMediumOptions, type Files } from './file-medium.ts'
