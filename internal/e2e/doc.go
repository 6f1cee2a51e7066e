// Package e2e tests whole applications on real Kafka brokers, in processes that
// are killed, stopped and started again. It has tests only; they need
// OTTLA_INTEGRATION=1, see package broker.
package e2e
