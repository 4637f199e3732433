/**
 * What pages may load: no script and no style but files of their own site, nothing from elsewhere. The directives of a
 * Content-Security-Policy that a page itself and the server's header can say alike.
 */
export const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
] as const;
