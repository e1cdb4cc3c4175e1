import dgram from 'node:dgram';
import dns from 'node:dns';
import net from 'node:net';

const connect = (port, host) =>
  new Promise((resolve) => {
    net
      .connect(port, host)
      .on('error', ({ code }) => resolve(code))
      .on('connect', () => resolve('connected'));
  });
const socket = dgram.createSocket('udp4');
await new Promise((resolve) => socket.bind(0, resolve));
let multicast = 'joined';
try {
  socket.addMembership('224.0.0.114');
} catch ({ code }) {
  multicast = code;
}
socket.close();
export default {
  hostLoopback: await connect(9, '10.0.2.2'),
  privateAddress: await connect(80, '192.168.1.1'),
  metadata: await connect(80, '169.254.169.254'),
  outsideIpv6: await connect(80, '2001:db8::1'),
  localhost: await dns.promises.lookup('localhost', { all: true }),
  multicast,
};
