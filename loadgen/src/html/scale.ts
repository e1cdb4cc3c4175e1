/** From values to places on an axis, and which values get a mark. */

export interface Scale {
  readonly ticks: readonly number[];
  /** The part of the axis, 0 at its begin and 1 at its end. Values beyond are at its ends. */
  at(value: number): number;
}

const kTicks = 6;

/** From 0 to at least `max`. */
export function linear(max: number, min = 0): Scale {
  const span = max > min ? max - min : 1;
  const step = roundStep(span / kTicks);
  const first = Math.ceil(min / step - 1e-9);
  const count = Math.floor((min + span) / step + 1e-9) - first + 1;
  return {
    ticks: Array.from({ length: count }, (_, index) => Number(((first + index) * step).toPrecision(12))),
    at: (value) => clamp((value - min) / span),
  };
}

/** Of the whole decades' 1, 2 and 5 around both values, which are positive. */
export function logarithmic(min: number, max: number): Scale {
  const [from, to] = [stepBelow(min), stepAbove(Math.max(max, min))];
  const span = Math.log(to / from) || 1;
  const decades = Math.log10(to / from);
  const kept = decades > 5 ? [1] : decades > 3 ? [1, 3] : [1, 2, 5];
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(from) + 1e-9); 10 ** power <= to * (1 + 1e-9); power += 1) {
    for (const digit of kept) {
      const value = Number((digit * 10 ** power).toPrecision(6));
      if (value >= from * (1 - 1e-9) && value <= to * (1 + 1e-9)) ticks.push(value);
    }
  }
  return { ticks, at: (value) => clamp(Math.log(Math.max(value, from) / from) / span) };
}

function stepBelow(value: number): number {
  const decade = 10 ** Math.floor(Math.log10(value));
  return [5, 2, 1].map((digit) => digit * decade).find((each) => each <= value) ?? decade;
}

function stepAbove(value: number): number {
  const decade = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5].map((digit) => digit * decade).find((each) => each > value) ?? 10 * decade;
}

function roundStep(rough: number): number {
  const decade = 10 ** Math.floor(Math.log10(rough));
  return decade * ([1, 2, 5].find((digit) => digit * decade >= rough) ?? 10);
}

function clamp(part: number): number {
  return Math.min(1, Math.max(0, part));
}
