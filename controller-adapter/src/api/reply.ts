/** Answers: JSON with number spellings kept, and the error body `{error, code}`. */

import { type Json, stringifyJson } from '@ebbwhisk/invoker/protocol/json.ts';
import type { FastifyReply } from 'fastify';
import type { ApiError } from '../errors.ts';

const kJson = 'application/json';

export function sendJson(reply: FastifyReply, status: number, value: Json): FastifyReply {
  return sendJsonText(reply, status, stringifyJson(value));
}

export function sendJsonText(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).header('content-type', kJson).send(text);
}

export function sendError(reply: FastifyReply, error: ApiError): FastifyReply {
  return sendJson(reply.headers(error.headers), error.status, { error: error.message, code: String(reply.request.id) });
}
