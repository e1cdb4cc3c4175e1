import fs from 'node:fs';

const facts = ({ code, syscall, message }) => [code, syscall, message];
const result = {};
try {
  fs.watch('.', () => {});
} catch (error) {
  result.watch = facts(error);
}
try {
  for await (const event of fs.promises.watch('.')) result.promises = event;
} catch (error) {
  result.promises = facts(error);
}
export default result;
