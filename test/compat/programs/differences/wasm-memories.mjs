const memories = [];
const result = {};
try {
  while (memories.length < 1000) memories.push(new WebAssembly.Memory({ initial: 1 }));
} catch ({ name, message }) {
  result.error = [name, message];
}
result.count = memories.length;
export default result;
