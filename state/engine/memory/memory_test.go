package memory_test

import (
	"testing"

	"github.com/ottla-streams/ottla/state/engine"
	"github.com/ottla-streams/ottla/state/engine/memory"
	"github.com/ottla-streams/ottla/state/storetest"
)

func open(t testing.TB) engine.Engine {
	t.Helper()
	e, err := memory.Opener{}.Open("")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEngine(t *testing.T) {
	storetest.Run(t, func(t *testing.T) engine.Engine { return open(t) })
}
