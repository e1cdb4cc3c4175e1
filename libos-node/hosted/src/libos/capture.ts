/** The request to a template server for the snapshot of one of its clones (ebbtender's function_capture.h has the order of its frames). */
import { connect } from 'node:net';
import { VmError } from '../errors.ts';
import { encodeFrame, type Frame, FrameParser, frameTypes } from './frames.ts';
import { parseExitReport } from './reports.ts';

export interface CaptureRequest {
  readonly serverPath: string;
  /** The clone's --id. */
  readonly id: string;
  readonly file: string;
  /** Payload of its PARKED frame. */
  readonly state: Uint8Array;
  /** Its memory has been read: lets it go on, and resolves to whether it was parked until then. */
  readonly resume: () => Promise<boolean>;
}

/** Resolves when the file is there; rejects with VM_SNAPSHOT_FAILED. */
export function captureClone({ serverPath, id, file, state, resume }: CaptureRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(serverPath);
    const parser = new FrameParser();
    let detail: string | undefined = 'the server broke off';
    const onFrame = ({ type, payload }: Frame): void => {
      if (type === frameTypes.captured) {
        void resume().then((wasHeld) => {
          if (wasHeld) socket.write(encodeFrame(frameTypes.commit));
          else socket.end();
          if (!wasHeld) detail = 'the guest went on before it was read';
        });
      }
      if (type === frameTypes.exit) {
        const report = parseExitReport(payload);
        detail = report.reason === 'ended' ? undefined : report.detail;
      }
    };
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const frame of parser.push(chunk)) onFrame(frame);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    socket.on('error', (error) => {
      detail = error.message;
    });
    socket.on('close', () => {
      if (detail === undefined) resolve();
      else reject(new VmError('VM_SNAPSHOT_FAILED', detail));
    });
    socket.write(encodeFrame(frameTypes.capture, Buffer.concat([state, Buffer.from(`${id}\0${file}\0`)])));
  });
}
