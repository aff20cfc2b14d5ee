export {
  changeKeysPassphrase,
  findWorkspace,
  initWorkspace,
  type OpenParty,
  openParty,
  openPartyBeside,
  openWorkspace,
  type PartyWorld,
  protectKeys,
  type Workspace,
  workingPorts,
  workspaceFile,
} from './workspace.ts'
