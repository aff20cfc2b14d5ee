export {
  findWorkspace,
  initWorkspace,
  type OpenParty,
  openParty,
  openWorkspace,
  type PartyWorld,
  partyPorts,
  type Workspace,
  workspaceFile,
} from './workspace.ts'
