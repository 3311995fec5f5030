import type { Core } from './app.ts';
import type { Route } from './http/route.ts';

/** Every route of `/api`, for the server and for the OpenAPI document alike. */
export function apiRoutes(_core: Core): Route[] {
  return [];
}
