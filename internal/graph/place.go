package graph

import (
	"runtime"
	"strconv"
	"strings"
)

const module = "github.com/ottla-streams/ottla/"

// inside are the packages whose frames are not the user's.
var inside = []string{
	"stream.", "table.", "topology.", "window.", "state.", "join.", "internal/dsl.", "internal/op.", "internal/graph.",
}

// Place returns the file:line of the user's call: the first frame outside the
// packages that users build topologies with.
func Place() string {
	var pcs [24]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if !isInside(f.Function) {
			file := f.File[strings.LastIndexByte(f.File, '/')+1:]
			return file + ":" + strconv.Itoa(f.Line)
		}
		if !more {
			return ""
		}
	}
}

func isInside(function string) bool {
	rest, ok := strings.CutPrefix(function, module)
	if !ok {
		return false
	}
	for _, p := range inside {
		if strings.HasPrefix(rest, p) {
			return true
		}
	}
	return false
}
