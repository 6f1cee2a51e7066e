// Package cdc tests change data capture with the real parts: rows of PostgreSQL
// reach a program of package examples/cdc by Debezium, and its view is queried
// over HTTP. It has tests only; they need OTTLA_INTEGRATION=1 and cdc/start in
// the folder OTTLA_SHARED, see package broker.
package cdc
