// Customization software: runs in customization mode only and is erased by FINISH. It takes WRITE, whose data are records back to
// back: kind(1) id(4) length(2) bytes. A record that is malformed or not allowed refuses the whole command; nothing of it stays.
import { answer, chip, equal, input, io, status } from "@sealwright/sdk/assembly";

const WRITE: u32 = 0x38;

// Kinds of objects that this software stores; the numbers are those of the module's directory.
const SOFTWARE: u32 = 3;
const PRODUCT_DATA: u32 = 6;
const KEY_PLACE: u32 = 7;
const KEY: u32 = 8;
const PUBLIC_KEY: u32 = 10;
const OPERATOR: u32 = 16;

// Kinds of records that are no objects.
const APPEND: u32 = 0xf0;
const VECTOR: u32 = 0xf1;
const ACTIVATE: u32 = 0xf2;
const VERIFY: u32 = 0xf3;

const ROOM: u32 = 4096;
const bytes = memory.data(4096);
const digest = memory.data(32);

export function process(): void {
  if (io.ins() != WRITE) io.refuse(status.INSTRUCTION_NOT_SUPPORTED);
  if ((io.p1() | io.p2()) != 0) io.refuse(status.WRONG_PARAMETERS);
  input.begin();
  if (input.remaining() == 0) io.refuse(status.WRONG_DATA);
  let records: u32 = 0;
  while (input.remaining() > 0) {
    const kind = input.nextU8();
    const id = input.nextU32();
    const length = input.nextU16();
    if (length > ROOM) io.refuse(status.WRONG_LENGTH);
    input.take(bytes, length);
    carryOut(kind, id, length);
    memory.fill(bytes, 0, length);
    records++;
  }
  answer.addU16(records);
}

function carryOut(kind: u32, id: u32, length: u32): void {
  if (kind == APPEND) append(id, length);
  else if (kind == VECTOR) vectors(id, length);
  else if (kind == ACTIVATE) activate(id, length);
  else if (kind == VERIFY) verify(id, length);
  else put(kind, id, length);
}

function put(kind: u32, id: u32, length: u32): void {
  if (!acceptable(kind, id, length)) io.refuse(status.WRONG_DATA);
  chip.put(kind, id, bytes, length);
}

/** What an object of this kind must look like from its first bytes on. */
function acceptable(kind: u32, id: u32, length: u32): bool {
  if (length == 0) return false;
  if (kind == SOFTWARE) {
    // Numbers 0 and 1 in the vector table are the ROM's native entries and its program. First byte: format version.
    return id >= 2 && id <= 0xff && load<u8>(bytes) == 1;
  }
  if (kind == KEY) return id != 0 && (load<u8>(bytes) != 0x88 || isAesKey(length));
  if (kind == PUBLIC_KEY) return id != 0 && length == 65 && load<u8>(bytes) == 4;
  return kind == PRODUCT_DATA || kind == KEY_PLACE || kind == OPERATOR;
}

function isAesKey(length: u32): bool {
  return length == 17 || length == 25 || length == 33;
}

/** Only what is long comes in pieces. */
function append(id: u32, length: u32): void {
  const kind = objectKind(length, 2);
  if (kind != SOFTWARE && kind != PRODUCT_DATA) io.refuse(status.WRONG_DATA);
  if (chip.length(kind, id) < 1) io.refuse(status.REFERENCE_NOT_FOUND);
  chip.append(kind, id, bytes + 1, length - 1);
}

function vectors(id: u32, length: u32): void {
  if (id != 0 || length == 0 || length % 3 != 0) io.refuse(status.WRONG_DATA);
  for (let at: u32 = 0; at < length; at += 3) {
    const ins = <u32>load<u8>(bytes + at);
    const program = <u32>load<u8>(bytes + at, 1);
    const number = <u32>load<u8>(bytes + at, 2);
    // ISO/IEC 7816-4, 5.4.2: 6X and 9X are no instructions.
    if (ins >> 4 == 6 || ins >> 4 == 9) io.refuse(status.WRONG_DATA);
    chip.vector(ins, program, number);
  }
}

function activate(entry: u32, length: u32): void {
  if (length != 0 || entry == 0 || entry > 0xff) io.refuse(status.WRONG_DATA);
  chip.activate(entry);
}

function verify(id: u32, length: u32): void {
  if (length != 33) io.refuse(status.WRONG_DATA);
  const kind = objectKind(length, 1);
  if (chip.length(kind, id) < 0) io.refuse(status.REFERENCE_NOT_FOUND);
  chip.digest(kind, id, digest);
  if (!equal(digest, bytes + 1, 32)) io.refuse(status.WRONG_DATA);
}

function objectKind(length: u32, least: u32): u32 {
  if (length < least) io.refuse(status.WRONG_DATA);
  return <u32>load<u8>(bytes);
}
