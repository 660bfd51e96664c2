// SPDX-License-Identifier: Apache-2.0
//
// Talks to /api/v1. All pages lie one level below the route prefix, so a relative address finds it.

/** The address of the route prefix, with a trailing slash. */
export const baseUrl = new URL('.', window.location.href).href;

export class ApiError extends Error {
  /** @param type  the API's errorType, or "network" when no answer came */
  constructor(readonly type: string, message: string) {
    super(message);
  }
}

export interface Answer<T> {
  data: T;
  warnings: string[];
  infos: string[];
}

interface Envelope<T> {
  status: 'success' | 'error';
  data?: T;
  errorType?: string;
  error?: string;
  warnings?: string[];
  infos?: string[];
}

// Longer queries go as a form, because servers and proxies limit the length of addresses.
const maxAddressLength = 1500;

/**
 * Asks an endpoint. Throws ApiError, or the AbortError of the signal.
 * @param getOnly  the endpoint takes no form
 */
export async function ask<T>(
  path: string, params: Record<string, string> = {}, signal?: AbortSignal, getOnly = false,
): Promise<Answer<T>> {
  const form = new URLSearchParams(params).toString();
  const address = `${baseUrl}api/v1/${path}`;
  let response: Response;
  try {
    response = form.length > maxAddressLength && !getOnly
      ? await fetch(address, { method: 'POST', signal, body: new URLSearchParams(params) })
      : await fetch(form ? `${address}?${form}` : address, { signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError('network', 'The server does not answer.');
  }
  return read<T>(response);
}

async function read<T>(response: Response): Promise<Answer<T>> {
  const text = await response.text();
  let body: Envelope<T>;
  try {
    body = JSON.parse(text) as Envelope<T>;
  } catch {
    const why = text.trim().slice(0, 300) || response.statusText;
    throw new ApiError('http', `The server answered ${response.status}: ${why}`);
  }
  if (body.status !== 'success') {
    throw new ApiError(body.errorType ?? 'http', body.error ?? `status ${response.status}`);
  }
  return { data: body.data as T, warnings: body.warnings ?? [], infos: body.infos ?? [] };
}
