/** Figures as people read them. */

/** Milliseconds, with the unit that fits. */
export function duration(ms: number): string {
  if (ms < 1) return `${digits(ms * 1000)} µs`;
  return ms < 1000 ? `${digits(ms)} ms` : `${digits(ms / 1000)} s`;
}

export function megabytes(mb: number): string {
  return Math.abs(mb) < 10_000 ? `${digits(mb)} MB` : `${digits(mb / 1024)} GB`;
}

/** Three significant digits, as far as they say something. */
export function digits(value: number): string {
  return Math.abs(value) >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

export function times(value: number, of: number): string {
  return of > 0 ? `${(value / of).toFixed(2)}x` : '-';
}
