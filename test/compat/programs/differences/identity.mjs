const attempt = (run) => {
  try {
    run();
    return 'done';
  } catch ({ code, syscall }) {
    return [code, syscall];
  }
};
export default {
  setuid: attempt(() => process.setuid(1000)),
  setgid: attempt(() => process.setgid(1000)),
  seteuid: attempt(() => process.seteuid(1000)),
};
