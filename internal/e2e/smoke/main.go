// Smoke is the app of Kafka's smoke test: the program that Kafka Streams is
// released against, judged by Kafka's own driver. See package client for how it
// is started.
package main

import "github.com/ottla-streams/ottla/internal/e2e/smoke/client"

func main() { client.Main(smoke) }
