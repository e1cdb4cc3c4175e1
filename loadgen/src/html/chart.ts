/** One chart: a frame with axes, and whatever is drawn into it. Colours are classes of the page (style.ts). */

import { type Markup, markup } from './markup.ts';
import type { Scale } from './scale.ts';

export interface Axis {
  readonly scale: Scale;
  readonly label: string;
  /** Of a tick. */
  readonly format: (value: number) => string;
}

export interface ChartSettings {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly height?: number;
}

const kWidth = 960;
const kHeight = 340;
const kMargin = { left: 76, right: 16, top: 12, bottom: 46 };
const kColours = 8;

export class Chart {
  readonly #settings: ChartSettings;
  readonly #height: number;

  constructor(settings: ChartSettings) {
    this.#settings = settings;
    this.#height = settings.height ?? kHeight;
  }

  /** Pixels, with one decimal. */
  x(value: number): string {
    return round(kMargin.left + this.#settings.x.scale.at(value) * (kWidth - kMargin.left - kMargin.right));
  }

  y(value: number): string {
    const inner = this.#height - kMargin.top - kMargin.bottom;
    return round(kMargin.top + (1 - this.#settings.y.scale.at(value)) * inner);
  }

  /** A line through the points, in their order. */
  line(series: number, points: readonly (readonly [number, number])[], isDashed = false): Markup {
    const path = points.map(([x, y], at) => `${at === 0 ? 'M' : 'L'}${this.x(x)} ${this.y(y)}`).join('');
    return markup`<path class="line ${colourOf(series)}${isDashed ? ' dashed' : ''}" d="${path}"/>`;
  }

  /** A dot for each point. */
  dots(series: number, points: readonly (readonly [number, number])[]): Markup {
    const path = points.map(([x, y]) => `M${this.x(x)} ${this.y(y)}h0`).join('');
    return markup`<path class="dots ${colourOf(series)}" d="${path}"/>`;
  }

  /** A span of the x axis, over the whole height. */
  band(from: number, to: number): Markup {
    const left = Number(this.x(from));
    const width = round(Math.max(1, Number(this.x(to)) - left));
    const height = this.#height - kMargin.top - kMargin.bottom;
    return markup`<rect class="band" x="${left}" y="${kMargin.top}" width="${width}" height="${height}"/>`;
  }

  svg(content: readonly Markup[]): Markup {
    const { title, x, y } = this.#settings;
    const [bottom, right] = [this.#height - kMargin.bottom, kWidth - kMargin.right];
    const middle = (kMargin.top + bottom) / 2;
    const columns = x.scale.ticks.map((value) => {
      const at = this.x(value);
      return markup`<path class="grid" d="M${at} ${kMargin.top}V${bottom}"/><text class="tick" x="${at}" y="${bottom + 18}" text-anchor="middle">${x.format(value)}</text>`;
    });
    const rows = y.scale.ticks.map((value) => {
      const at = this.y(value);
      return markup`<path class="grid" d="M${kMargin.left} ${at}H${right}"/><text class="tick" x="${kMargin.left - 8}" y="${Number(at) + 4}" text-anchor="end">${y.format(value)}</text>`;
    });
    return markup`<svg viewBox="0 0 ${kWidth} ${this.#height}" role="img" xmlns="http://www.w3.org/2000/svg"><title>${title}</title>
${columns}${rows}
<text class="label" x="${(kMargin.left + right) / 2}" y="${this.#height - 8}" text-anchor="middle">${x.label}</text>
<text class="label" transform="translate(16 ${middle}) rotate(-90)" text-anchor="middle">${y.label}</text>
${content}</svg>
`;
  }
}

/** Of the n-th series: eight colours, then the same again. */
export function colourOf(series: number): string {
  return `s${series % kColours}`;
}

function round(pixels: number): string {
  return String(Math.round(pixels * 10) / 10);
}
