export { fixturePath, packWorkspace, type ReleaseName, unpackWorkspace } from './workspaces.ts'
