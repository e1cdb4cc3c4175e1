const fs = require('node:fs');

const order = [];
const done = new Promise((resolve) => {
  fs.writeFile('a', 'text', (error) => {
    order.push(['written', error]);
    fs.readFile('a', 'utf8', (readError, text) => {
      order.push(['read', readError, text]);
      fs.stat('missing', (statError) => {
        order.push(['stat', statError.code]);
        fs.access('a', (accessError) => {
          order.push(['access', accessError]);
          fs.exists('a', (there) => {
            order.push(['exists', there]);
            fs.open('a', 'r', (openError, fd) => {
              fs.read(fd, { position: 1 }, (ioError, count, buffer) => {
                order.push(['read', openError, ioError, count, buffer.toString('utf8', 0, count)]);
                fs.close(fd, (closeError) => {
                  order.push(['closed', closeError]);
                  resolve();
                });
              });
            });
          });
        });
      });
    });
  });
});
order.push(['sync']);
module.exports = done.then(() => {
  for (const step of order) console.log(...step);
  return order.length;
});
