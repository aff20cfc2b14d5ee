export { deadAfter } from './dead-after.ts'
export { makeSoftToken, type SoftToken, softHsmModule, softTokenLack } from './soft-token.ts'
export { fixturePath, packWorkspace, type ReleaseName, unpackWorkspace } from './workspaces.ts'
