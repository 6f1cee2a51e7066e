package client

import (
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
)

func TestPasses(t *testing.T) {
	for _, c := range []struct {
		err           error
		passes, lasts bool
	}{
		{nil, false, false},
		{errors.New("not of a broker"), false, false},
		{kerr.NotLeaderForPartition, true, false},
		{kerr.UnknownServerError, true, false},
		{fmt.Errorf("fetch: %w", kerr.UnknownServerError), true, false},
		{kerr.TopicAuthorizationFailed, false, true},
		{fmt.Errorf("fetch: %w", kerr.TopicAuthorizationFailed), false, true},
	} {
		if Passes(c.err) != c.passes || Lasts(c.err) != c.lasts {
			t.Errorf("%v: passes %v, lasts %v", c.err, Passes(c.err), Lasts(c.err))
		}
	}
}
