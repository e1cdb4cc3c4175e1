/**
 * Parts of OpenWhisk's API that are not there yet: each answers 501 and names itself, none pretends. Packages, triggers
 * and rules cannot be made, so reading them has a true answer: their lists are empty and none of them exists.
 */

import { checkEntityName } from '../entity/names.ts';
import { apiError } from '../errors.ts';
import type { ControllerSettings } from '../settings.ts';
import { sendJson } from './reply.ts';
import { ownNamespace, pathValue, queryBoolean, queryWindow } from './request.ts';
import { apiBase, type Handler, type Route } from './routes.ts';

export function unsupportedRoutes(settings: ControllerSettings): Route[] {
  return [
    ...emptyCollection('triggers', 'Triggers are', settings),
    ...emptyCollection('rules', 'Rules are', settings),
    ...emptyCollection('packages', 'Packages are', settings),
    ...everything(`${apiBase}/web`, 'Web actions are'),
    ...everything(`${apiBase}/api-docs`, 'The API description is'),
    ...everything(`${apiBase}/docs`, 'The API documentation is'),
  ];
}

function emptyCollection(collection: string, feature: string, settings: ControllerSettings): Route[] {
  const base = `${apiBase}/namespaces/:ns/${collection}`;
  const list: Handler = (request, reply) => {
    ownNamespace(request);
    queryWindow(request, collection, settings);
    return sendJson(reply, 200, queryBoolean(request, 'count', false) ? { [collection]: 0 } : []);
  };
  const missing: Handler = (request) => {
    ownNamespace(request, checkEntityName(pathValue(request, 'name')));
    throw apiError('RESOURCE_MISSING');
  };
  const refuse: Handler = (request) => {
    ownNamespace(request, checkEntityName(pathValue(request, 'name')));
    throw apiError('NOT_SUPPORTED', feature);
  };
  return [
    { paths: [base, `${base}/`], methods: { GET: list } },
    { paths: [`${base}/:name`], methods: { GET: missing, PUT: refuse, POST: refuse, DELETE: refuse } },
  ];
}

function everything(path: string, feature: string): Route[] {
  const refuse: Handler = () => {
    throw apiError('NOT_SUPPORTED', feature);
  };
  const methods = { GET: refuse, PUT: refuse, POST: refuse, DELETE: refuse };
  return [{ paths: [path, `${path}/*`], open: true, methods }];
}
