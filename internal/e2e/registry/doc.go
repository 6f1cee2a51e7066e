// Package registry tests the serdes of a schema registry against a real one.
// There is nothing in it but tests. They are skipped unless OTTLA_INTEGRATION=1.
//
// The registry is the one at SCHEMA_REGISTRY_URL, or one that the script
// registry/start in the folder OTTLA_SHARED starts, by default the folder
// shared beside the module.
package registry
