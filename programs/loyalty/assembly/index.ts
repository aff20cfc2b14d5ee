// Loyalty points, as an oil company would write them. A customer's card carries a record that only holders of the fuel's key can
// change: card number(8) balance(4) sequence(4) MAC(16). There is a key for each fuel; the command names its place, and the module
// lets this program reach only the places it was granted.
//
// A card that has no record yet is begun by CREDIT: balance, sequence and MAC all zero.
//
// CREDIT and DEBIT take place(4) ‖ record(32) ‖ points(4) and answer the new record(32) ‖ receipt number(4) ‖ receipt MAC(16).
// The same command again, when the answer was lost, gives the same answer and counts once.
import { answer, data, equal, input, io, loadU32, loadU64, mac, status, storeU32, storeU64 } from "@sealwright/sdk/assembly";

const CREDIT: u32 = 0xb8;
const DEBIT: u32 = 0xba;
const TOTALS: u32 = 0xbc;

// The data area: totals, then the last command.
const CREDITS: usize = 0;
const DEBITS: usize = 4;
const POINTS_ISSUED: usize = 8;
const POINTS_REDEEMED: usize = 16;
const LAST_NUMBER: usize = 24;
const LAST_KIND: usize = 28;
const LAST_COMMAND: usize = 32;
const AREA: u32 = 72;

const COMMAND: u32 = 40;
const area = memory.data(72);
const command = memory.data(40);
const record = memory.data(48);
const receipt = memory.data(64);

/** As an application: by the instruction. */
export function process(): void {
  const ins = io.ins();
  if (ins == CREDIT) credit();
  else if (ins == DEBIT) debit();
  else if (ins == TOTALS) totals();
  else io.refuse(status.INSTRUCTION_NOT_SUPPORTED);
}

export function f1(): void {
  credit();
}

export function f2(): void {
  debit();
}

export function f3(): void {
  totals();
}

function credit(): void {
  book(CREDIT);
}

function debit(): void {
  book(DEBIT);
}

/** number of credits(4) debits(4) points issued(8) redeemed(8) number of the last receipt(4). */
function totals(): void {
  input.begin();
  input.end();
  readArea();
  answer.add(area, 28);
}

function book(kind: u32): void {
  input.begin();
  input.take(command, COMMAND);
  input.end();
  readArea();
  const place = loadU32(command);
  const points = loadU32(command + 36);
  if (points == 0) io.refuse(status.WRONG_DATA);

  // record: "LOY1" ‖ card number ‖ balance ‖ sequence ‖ MAC
  store<u32>(record, 0x31594f4c);
  memory.copy(record + 4, command + 4, 32);
  const begins = kind == CREDIT && isBlank();
  if (!begins && !mac.verify(place, record, 20, record + 20, 16)) io.refuse(status.SECURITY_NOT_SATISFIED);
  const balance = loadU32(record + 12);
  const sequence = loadU32(record + 16);
  if (kind == CREDIT ? balance + points < balance : balance < points) io.refuse(status.CONDITIONS_NOT_SATISFIED);
  if (sequence == u32.MAX_VALUE) io.refuse(status.CONDITIONS_NOT_SATISFIED);

  const again = load<u32>(area + LAST_KIND) == kind && equal(area + LAST_COMMAND, command, COMMAND);
  if (!again && isOld(sequence)) io.refuse(status.ALREADY_THERE);
  if (!again) count(kind, points);

  storeU32(record + 12, kind == CREDIT ? balance + points : balance - points);
  storeU32(record + 16, sequence + 1);
  mac.cmac(place, record, 20, record + 20);
  answer.add(record + 4, 32);
  addReceipt(place, kind, points);
}

/** Whether balance, sequence and MAC are all zero. */
function isBlank(): bool {
  for (let at: usize = 12; at < 36; at++) if (load<u8>(record + at) != 0) return false;
  return true;
}

/** Whether the last command was for this card and fuel with this record or a later one: then the record was shown before. */
function isOld(sequence: u32): bool {
  if (load<u32>(area + LAST_KIND) == 0) return false;
  return equal(area + LAST_COMMAND, command, 12) && sequence <= loadU32(area + LAST_COMMAND + 16);
}

function count(kind: u32, points: u32): void {
  const times = kind == CREDIT ? CREDITS : DEBITS;
  const sum = kind == CREDIT ? POINTS_ISSUED : POINTS_REDEEMED;
  storeU32(area + times, loadU32(area + times) + 1);
  storeU64(area + sum, loadU64(area + sum) + points);
  storeU32(area + LAST_NUMBER, loadU32(area + LAST_NUMBER) + 1);
  store<u32>(area + LAST_KIND, kind);
  memory.copy(area + LAST_COMMAND, command, COMMAND);
  data.write(0, area, AREA);
}

/** number(4) ‖ MAC over "LOY2" ‖ number ‖ kind ‖ points ‖ the new record without its MAC. */
function addReceipt(place: u32, kind: u32, points: u32): void {
  store<u32>(receipt, 0x32594f4c);
  memory.copy(receipt + 4, area + LAST_NUMBER, 4);
  store<u8>(receipt + 8, <u8>kind);
  storeU32(receipt + 9, points);
  memory.copy(receipt + 13, record + 4, 16);
  mac.cmac(place, receipt, 29, receipt + 32);
  answer.add(receipt + 4, 4);
  answer.add(receipt + 32, 16);
}

function readArea(): void {
  if (data.size() < AREA) io.refuse(status.NO_SPACE);
  data.read(0, area, AREA);
}
