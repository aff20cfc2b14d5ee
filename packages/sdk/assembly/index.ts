// The module's interfaces, as a program written in AssemblyScript sees them. A program imports what it was granted:
//
//   import { io, answer } from "@sealwright/sdk/assembly";
//   export function process(): void { answer.addU8(io.ins()); }
//
// It exports `process` (function 0) and `f1`, `f2`, … (functions 1, 2, …), which take and return nothing.
// Memory is zero when the application is selected and lasts as long as the selection; buffers come from `memory.data(n)`.
import * as io from "./io";
import * as data from "./data";
import * as random from "./random";
import * as mac from "./mac";
import * as cipher from "./cipher";
import * as sign from "./sign";
import * as clock from "./clock";
import * as chip from "./chip";
import * as status from "./status";
import * as input from "./input";
import * as answer from "./answer";

export { io, data, random, mac, cipher, sign, clock, chip, status, input, answer };
export { equal, loadU16, loadU32, loadU64, storeU16, storeU32, storeU64 } from "./bytes";
export { sha256 } from "./sha256";
