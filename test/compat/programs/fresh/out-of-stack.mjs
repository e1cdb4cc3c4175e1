const nested = JSON.parse(`${'['.repeat(5000)}${']'.repeat(5000)}`);
console.log(JSON.stringify(nested).length);
function deeper(depth) {
  return deeper(depth + 1) + 1;
}
for (let i = 0; i < 3; i += 1) {
  try {
    deeper(0);
  } catch (error) {
    console.log(error.name, error.message);
  }
}
try {
  new RegExp(`${'('.repeat(50_000)}a${')'.repeat(50_000)}`).test('a');
} catch (error) {
  console.log(error.name);
}
