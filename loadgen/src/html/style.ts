/** The style of the page: light and dark, eight colours that are told apart in both. Nothing is loaded. */

import { Markup } from './markup.ts';

const kLight = ['#1f6fb4', '#d1560a', '#1a8a55', '#b0306f', '#6c4fbf', '#8a6a00', '#008394', '#7a4a33'];
const kDark = ['#6db3f2', '#ff9d5c', '#5fd39a', '#f183b8', '#b39bff', '#e3c14f', '#4fd0e0', '#d3a488'];

const colours = (list: readonly string[]) => list.map((each, at) => `--s${at}:${each}`).join(';');

export const style = new Markup(`
:root{color-scheme:light dark;--back:#fff;--fore:#1b1f24;--soft:#57606a;--grid:#d8dee4;--band:#f3d9b1;${colours(kLight)}}
@media (prefers-color-scheme:dark){:root{--back:#14171b;--fore:#e6e9ec;--soft:#9aa4ae;--grid:#30363d;--band:#4a3a1d;${colours(kDark)}}}
body{background:var(--back);color:var(--fore);font:15px/1.45 system-ui,sans-serif;max-width:1000px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem;overflow-wrap:anywhere}h3{font-size:1rem}
svg{width:100%;height:auto;display:block}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid var(--grid);white-space:nowrap}
th[scope=row]{text-align:left;font-weight:normal;white-space:normal;overflow-wrap:anywhere;min-width:14rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;font-size:.9rem}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.legend{display:flex;flex-wrap:wrap;gap:.1rem 1.2rem;list-style:none;padding:0;margin:.3rem 0;font-size:.9rem;overflow-wrap:anywhere}
.note{color:var(--soft);font-size:.9rem}
.grid{stroke:var(--grid);stroke-width:1;fill:none}.band{fill:var(--band)}
.tick{fill:var(--soft);font-size:12px}.label{fill:var(--soft);font-size:13px}
.line{fill:none;stroke-width:2;stroke-linejoin:round}.dashed{stroke-dasharray:6 4}
.dots{fill:none;stroke-width:3;stroke-linecap:round;stroke-opacity:.7}
.key{font-size:1.1em}
${kLight.map((_, at) => `.s${at}{stroke:var(--s${at})}.key.s${at}{color:var(--s${at})}`).join('\n')}
`);
