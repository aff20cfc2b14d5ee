export { deadAfter } from './dead-after.ts'
export { fixturePath, packWorkspace, type ReleaseName, unpackWorkspace } from './workspaces.ts'
