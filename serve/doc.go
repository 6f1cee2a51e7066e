// Package serve is an HTTP service of an app: queries of its stores as JSON,
// probes, metrics and a live page of the topology. Nothing of it is there unless
// a program imports it, and nothing listens unless it is told to.
//
// There are only a few types: [Config] says what is served, [KeyValue],
// [Windows], [Sessions] and [Versioned] make a [Store] of a handle, [New] makes
// an [http.Handler], and [Listen] runs it, on loopback unless told otherwise.
//
// Any instance answers for any key if the app has a stream.Config.Advertise: it
// hands a request on to the instance that has the key, and gathers ranges from
// all instances. Handlers are safe for concurrent use.
//
//	GET /stores                            what there is
//	GET /stores/{store}/keys/{key}         the value of a key
//	GET /stores/{store}/keys/{key}/watch   its changes, as server-sent events
//	GET /stores/{store}?from=a&to=b        a range, in pages
//	GET /metadata                          which instance has which partitions
//	GET /lags                              how far the stores here are behind
//	GET /livez, /readyz, /openapi.json
//
// Times are milliseconds since the epoch or RFC 3339. Keys are what they are in
// JSON, strings without quotes.
package serve
