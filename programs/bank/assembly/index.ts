// A bank's application in a resource of its own: keeps an account number, identifies its holder by PIN, and signs what the holder
// authorises. Account and PIN come in over the supplier's channel; neither leaves again.
import { answer, clock, data, equal, input, io, loadU32, loadU64, random, sha256, sign, status, storeU32, storeU64 } from "@sealwright/sdk/assembly";

const STORE_ACCOUNT: u32 = 0x10;
const IDENTIFY: u32 = 0x12;
const STATEMENT: u32 = 0x14;
const AUTHORISE: u32 = 0x16;
const CHANGE_PIN: u32 = 0x18;

// The data area.
const FORMAT: usize = 0; // 01: an account is stored
const TRIES: usize = 1; // left
const DIGITS: usize = 2; // of the account number
const ACCOUNT: usize = 4; // ASCII, 20
const SALT: usize = 24; // 16
const PIN_HASH: usize = 40; // 32
const LIMIT: usize = 72; // of one amount, 8
const COUNT: usize = 80; // of authorisations, 4
const TOTAL: usize = 84; // of their amounts, 8
const AREA: u32 = 92;

const MOST_TRIES: u8 = 3;
const ROUNDS: i32 = 64;
const NONCE: u32 = 16;

const area = memory.data(96);
const pin = memory.data(16);
const work = memory.data(64);
const hash = memory.data(32);
const signed = memory.data(64);
const signature = memory.data(64);

/** Whether the holder proved to be one since this application was selected; spent by AUTHORISE. */
let identified = false;

export function process(): void {
  input.begin();
  const ins = io.ins();
  if (ins == STORE_ACCOUNT) storeAccount();
  else if (ins == IDENTIFY) identify();
  else if (ins == STATEMENT) statement();
  else if (ins == AUTHORISE) authorise();
  else if (ins == CHANGE_PIN) changePin();
  else io.refuse(status.INSTRUCTION_NOT_SUPPORTED);
}

/** limit(8) ‖ digits(1) ‖ account number, ASCII ‖ PIN, 4 to 12 ASCII digits. Once, and only in the bank's own channel. */
function storeAccount(): void {
  if (io.channel() == 0) io.refuse(status.SECURITY_NOT_SATISFIED);
  readArea();
  if (load<u8>(area, FORMAT) != 0) io.refuse(status.CONDITIONS_NOT_SATISFIED);
  memory.fill(area, 0, AREA);
  input.take(area + LIMIT, 8);
  const digits = input.nextU8();
  if (digits < 5 || digits > 20) io.refuse(status.WRONG_DATA);
  input.take(area + ACCOUNT, digits);
  if (!areDigits(area + ACCOUNT, digits)) io.refuse(status.WRONG_DATA);
  store<u8>(area, 1, FORMAT);
  store<u8>(area, <u8>digits, DIGITS);
  setPin();
  data.write(0, area, AREA);
}

/** PIN. A wrong one is counted, and the count stays: 63Cx. After the last try 6983 for ever. */
function identify(): void {
  readAccount();
  identified = false;
  const tries = load<u8>(area, TRIES);
  if (tries == 0) io.refuse(status.BLOCKED);
  const length = takePin();
  hashPin(length, work);
  if (equal(work, area + PIN_HASH, 32)) {
    identified = true;
    setTries(MOST_TRIES);
  } else {
    setTries(tries - 1);
    io.status(tries == 1 ? status.BLOCKED : status.TRIES_LEFT + tries - 1);
  }
  memory.fill(work, 0, 64);
}

/** After IDENTIFY: digits(1) ‖ account number with all but the last four digits as * ‖ authorisations(4) ‖ their sum(8). */
function statement(): void {
  input.end();
  readAccount();
  if (!identified) io.refuse(status.SECURITY_NOT_SATISFIED);
  const digits = <u32>load<u8>(area, DIGITS);
  answer.addU8(digits);
  for (let i: u32 = 0; i < digits; i++) answer.addU8(i + 4 < digits ? 0x2a : load<u8>(area + ACCOUNT + i));
  answer.add(area + COUNT, 12);
}

/**
 * After IDENTIFY, once: amount(8) ‖ currency(2, ISO 4217 in BCD) ‖ the payee's nonce(16). Answers number(4) ‖ time(8) ‖
 * signature(64) over "PAY1" ‖ number ‖ time ‖ amount ‖ currency ‖ nonce ‖ last four digits of the account.
 */
function authorise(): void {
  readAccount();
  if (!identified) io.refuse(status.SECURITY_NOT_SATISFIED);
  identified = false;
  store<u32>(signed, 0x31594150);
  input.take(signed + 16, 10 + NONCE);
  input.end();
  const amount = loadU64(signed + 16);
  if (amount == 0) io.refuse(status.WRONG_DATA);
  if (amount > loadU64(area + LIMIT)) io.refuse(status.CONDITIONS_NOT_SATISFIED);
  const total = loadU64(area + TOTAL);
  if (total + amount < total) io.refuse(status.CONDITIONS_NOT_SATISFIED);
  const count = loadU32(area + COUNT) + 1;
  if (count == 0) io.refuse(status.CONDITIONS_NOT_SATISFIED);
  storeU32(area + COUNT, count);
  storeU64(area + TOTAL, total + amount);
  data.write(<u32>COUNT, area + COUNT, 12);

  storeU32(signed + 4, count);
  storeU64(signed + 8, clock.now());
  memory.copy(signed + 42, area + ACCOUNT + load<u8>(area, DIGITS) - 4, 4);
  sign.sign(signed, 46, signature);
  answer.add(signed + 4, 12);
  answer.add(signature, 64);
}

/** After IDENTIFY: the new PIN. */
function changePin(): void {
  readAccount();
  if (!identified) io.refuse(status.SECURITY_NOT_SATISFIED);
  identified = false;
  setPin();
  data.write(0, area, AREA);
}

function setPin(): void {
  const length = takePin();
  random.fill(area + SALT, 16);
  hashPin(length, area + PIN_HASH);
  store<u8>(area, MOST_TRIES, TRIES);
}

/** The rest of the command data is a PIN; returns its length. */
function takePin(): u32 {
  const length = input.remaining();
  if (length < 4 || length > 12) io.refuse(status.WRONG_DATA);
  input.take(pin, length);
  if (!areDigits(pin, length)) io.refuse(status.WRONG_DATA);
  return length;
}

/** SHA-256 over salt ‖ what went before ‖ PIN, again and again: a copied data area gives the PIN up slower. */
function hashPin(length: u32, destination: usize): void {
  memory.fill(hash, 0, 32);
  for (let i = 0; i < ROUNDS; i++) {
    memory.copy(work, area + SALT, 16);
    memory.copy(work + 16, hash, 32);
    memory.copy(work + 48, pin, length);
    sha256(work, 48 + length, hash);
  }
  memory.copy(destination, hash, 32);
  memory.fill(hash, 0, 32);
  memory.fill(pin, 0, 16);
}

function setTries(tries: u8): void {
  store<u8>(area, tries, TRIES);
  data.write(<u32>TRIES, area + TRIES, 1);
}

function areDigits(at: usize, length: u32): bool {
  for (let i: u32 = 0; i < length; i++) {
    if (<u32>load<u8>(at + i) - 0x30 > 9) return false;
  }
  return true;
}

function readAccount(): void {
  readArea();
  if (load<u8>(area, FORMAT) != 1) io.refuse(status.CONDITIONS_NOT_SATISFIED);
}

function readArea(): void {
  if (data.size() < AREA) io.refuse(status.NO_SPACE);
  data.read(0, area, AREA);
}
