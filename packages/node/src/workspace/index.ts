export {
  findWorkspace,
  initWorkspace,
  type OpenParty,
  openParty,
  openWorkspace,
  type PartyWorld,
  type Workspace,
  workingPorts,
  workspaceFile,
} from './workspace.ts'
