export {
  findWorkspace,
  initWorkspace,
  type OpenParty,
  openParty,
  openPartyBeside,
  openWorkspace,
  type PartyWorld,
  type Workspace,
  workingPorts,
  workspaceFile,
} from './workspace.ts'
