package client

import (
	"regexp"
	"runtime/debug"
)

const module = "github.com/ottla-streams/ottla"

// Brokers refuse clients whose version does not look like this.
var validVersion = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?$`)

// Version returns the version of this module in the program, or "dev".
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "dev"
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == module && validVersion.MatchString(m.Version) {
			return m.Version
		}
	}
	return "dev"
}
