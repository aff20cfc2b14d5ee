export {
  findWorkspace,
  initWorkspace,
  type OpenParty,
  openParty,
  openWorkspace,
  type PartyWorld,
  type Workspace,
  workspaceFile,
} from './workspace.ts'
