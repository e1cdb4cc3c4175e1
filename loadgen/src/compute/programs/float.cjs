// Floating point in many short calls: five bodies under gravity, a spectral norm, the Mandelbrot set row by row.

const kBodies = [
  [0, 0, 0, 0, 0, 0, 39.47],
  [4.84, -1.16, -0.1, 0.6, 2.81, -0.02, 0.037],
  [8.34, 4.12, -0.4, -1.01, 1.82, 0.008, 0.011],
  [12.89, -15.11, -0.22, 1.08, 0.86, -0.01, 0.0017],
  [15.37, -25.91, 0.18, 0.97, 0.59, -0.034, 0.002],
];

function advance(bodies, dt) {
  for (let i = 0; i < bodies.length; i += 1) {
    const a = bodies[i];
    for (let j = i + 1; j < bodies.length; j += 1) {
      const b = bodies[j];
      const dx = a[0] - b[0];
      const dy = a[1] - b[1];
      const dz = a[2] - b[2];
      const square = dx * dx + dy * dy + dz * dz;
      const pull = dt / (square * Math.sqrt(square));
      a[3] -= dx * b[6] * pull;
      a[4] -= dy * b[6] * pull;
      a[5] -= dz * b[6] * pull;
      b[3] += dx * a[6] * pull;
      b[4] += dy * a[6] * pull;
      b[5] += dz * a[6] * pull;
    }
  }
  for (const body of bodies) {
    body[0] += dt * body[3];
    body[1] += dt * body[4];
    body[2] += dt * body[5];
  }
}

function entry(i, j) {
  return 1 / (((i + j) * (i + j + 1)) / 2 + i + 1);
}

function multiplyRow(row, vector) {
  let sum = 0;
  for (let j = 0; j < vector.length; j += 1) sum += entry(row, j) * vector[j];
  return sum;
}

function mandelbrotRow(y, width) {
  let inside = 0;
  for (let x = 0; x < width; x += 1) {
    const cr = (2 * x) / width - 1.5;
    let zr = 0;
    let zi = 0;
    let n = 0;
    while (n < 50 && zr * zr + zi * zi < 4) {
      const next = zr * zr - zi * zi + cr;
      zi = 2 * zr * zi + y;
      zr = next;
      n += 1;
    }
    if (n === 50) inside += 1;
  }
  return inside;
}

function work() {
  const bodies = kBodies.map((body) => [...body]);
  for (let n = 0; n < 2_000_000; n += 1) advance(bodies, 0.01);
  let vector = new Float64Array(150).fill(1);
  for (let n = 0; n < 400; n += 1) vector = Float64Array.from(vector, (_, row) => multiplyRow(row, vector) / 1.274);
  let inside = 0;
  for (let n = 0; n < 800; n += 1) inside += mandelbrotRow(n / 400 - 1, 800);
  return bodies[1][0] + vector[3] * 1e5 + inside;
}

exports.work = work;
