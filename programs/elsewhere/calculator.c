/* Reverse Polish calculator: command data are numbers (a tag 00 and four bytes) and operations + - * / m (larger of two);
   the answer is what is left on the stack, four bytes each. Calls through a table of functions, as compilers make them. */
#include <sealwright.h>

#define DEPTH 16

typedef u32 (*operation)(u32, u32);

static u32 add(u32 a, u32 b) { return a + b; }
static u32 subtract(u32 a, u32 b) { return a - b; }
static u32 multiply(u32 a, u32 b) { return a * b; }
static u32 divide(u32 a, u32 b) {
  if (b == 0) io_refuse(0x6a80);
  return a / b;
}
static u32 larger(u32 a, u32 b) { return a > b ? a : b; }

static const struct {
  u8 sign;
  operation run;
} operations[] = {{'+', add}, {'-', subtract}, {'*', multiply}, {'/', divide}, {'m', larger}};

static u32 stack[DEPTH];
static u8 data[256];

static u32 number(const u8 *at) { return (u32)at[0] << 24 | (u32)at[1] << 16 | (u32)at[2] << 8 | at[3]; }

static operation operation_of(u8 sign) {
  for (u32 i = 0; i < sizeof operations / sizeof operations[0]; i++)
    if (operations[i].sign == sign) return operations[i].run;
  io_refuse(0x6a80);
}

SEALWRIGHT_EXPORT(process) void process(void) {
  u32 length = io_input_length(), height = 0;
  if (length > sizeof data) io_refuse(0x6700);
  io_input(data, 0, length);
  for (u32 at = 0; at < length;) {
    if (data[at] == 0) {
      if (length - at < 5 || height == DEPTH) io_refuse(0x6a80);
      stack[height++] = number(data + at + 1);
      at += 5;
    } else {
      if (height < 2) io_refuse(0x6a80);
      height--;
      stack[height - 1] = operation_of(data[at++])(stack[height - 1], stack[height]);
    }
  }
  for (u32 i = 0; i < height; i++) {
    u8 out[4] = {stack[i] >> 24, stack[i] >> 16, stack[i] >> 8, stack[i]};
    io_output(out, sizeof out);
  }
}
