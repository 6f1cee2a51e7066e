// Package bench holds the benchmarks of the hot path, each beside its floor:
// the same work written by hand, or the layer below alone.
package bench
