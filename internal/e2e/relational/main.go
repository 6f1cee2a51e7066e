// Relational is the app of Kafka's relational smoke test: articles and their
// comments as tables that are joined, judged by Kafka's own driver. See
// smoke/client for how it is started.
package main

import "github.com/ottla-streams/ottla/internal/e2e/smoke/client"

func main() { client.Main(relational) }
