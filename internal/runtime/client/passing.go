package client

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Passes says whether err is one of a broker that may be gone if it is asked
// again. Kafka does not call UNKNOWN_SERVER_ERROR retriable, but it stands for
// whatever a broker has no name for.
func Passes(err error) bool {
	return kerr.IsRetriable(err) || errors.Is(err, kerr.UnknownServerError)
}

// Lasts says whether err is one of a broker that it will repeat.
func Lasts(err error) bool {
	_, ok := errors.AsType[*kerr.Error](err)
	return ok && !Passes(err)
}
