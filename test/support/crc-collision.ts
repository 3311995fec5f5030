import { crc32 } from 'node:zlib';

/** Another body with the CRC-32 of `real`: printable letters behind `text` make up for the difference. */
export function collide(real: Uint8Array, text: string): Buffer {
  const end = Buffer.from('"}}');
  const target = crc(real);
  // CRC-32 is affine: which of 32 chosen bits to turn is solved by elimination over the field of two.
  const filler = Buffer.alloc(64, 'A');
  const base = Buffer.concat([Buffer.from(text), filler, end]);
  const rows: { mask: number; bits: bigint }[] = [];
  const start = Buffer.byteLength(text);
  for (let i = 0; i < 64; i++) {
    // Turning this bit makes an a of an A: it stays printable.
    const turned = Buffer.from(base);
    turned[start + i] = (turned[start + i] ?? 0) ^ 0x20;
    rows.push({ mask: (crc(turned) ^ crc(base)) >>> 0, bits: 1n << BigInt(i) });
  }
  let wanted = (target ^ crc(base)) >>> 0;
  let chosen = 0n;
  for (let bit = 31; bit >= 0; bit--) {
    const pivot = rows.findIndex(({ mask }) => ((mask >>> bit) & 1) === 1);
    if (pivot < 0) continue;
    const [row] = rows.splice(pivot, 1);
    if (!row) continue;
    for (const other of rows) {
      if (((other.mask >>> bit) & 1) === 0) continue;
      other.mask = (other.mask ^ row.mask) >>> 0;
      other.bits ^= row.bits;
    }
    if (((wanted >>> bit) & 1) === 1) {
      wanted = (wanted ^ row.mask) >>> 0;
      chosen ^= row.bits;
    }
  }
  for (let i = 0; i < 64; i++) {
    if (((chosen >> BigInt(i)) & 1n) === 1n) base[start + i] = (base[start + i] ?? 0) ^ 0x20;
  }
  return base;
}

function crc(bytes: Uint8Array): number {
  return crc32(bytes) >>> 0;
}
