// Package registry tests the serdes of a schema registry against a real one,
// and starts one for tests elsewhere with [StartOwn]. The tests are skipped
// unless OTTLA_INTEGRATION=1.
//
// Those of this package use the registry at SCHEMA_REGISTRY_URL if it is set,
// else one that the script registry/start in the folder OTTLA_SHARED starts, by
// default the folder shared beside the module.
package registry
